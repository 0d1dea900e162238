"""Telling other systems what has settled: a program of its own, which shares no rule with the reconciler."""
