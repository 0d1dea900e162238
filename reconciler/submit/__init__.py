"""Ordering actions, each at most once."""
