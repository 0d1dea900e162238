"""A ledger written by hand, and commands typed in the test's own process."""

from tests.integration.sweep.conftest import desk, typed

__all__ = ["desk", "typed"]
