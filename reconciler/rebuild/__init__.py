"""Folding the whole audit log again."""
