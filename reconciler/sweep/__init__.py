"""Asking ThingSpace about the callbacks that never came."""
