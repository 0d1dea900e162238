"""Telling others: the outbox, and who sends what waits in it."""
