"""The months of the audit log: what cannot be made is said, and tried again."""

import asyncio
from io import StringIO

import pytest

from reconciler import months
from reconciler.months import keep_months
from reconciler.postgres.admin import Access
from schemas.logline import Log
from tests.support.polling import eventually


async def test_months_that_cannot_be_made_are_said_each_time(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """Else nobody would know before the default partition holds years."""
    monkeypatch.setattr(months, "PAUSE_AFTER_FAILURE_S", 0.01)
    log = StringIO()
    access = Access(f"postgresql://w@127.0.0.1:{unused_tcp_port}/nothing", "PROFILE_POSTGRES_DSN")
    keeping = asyncio.create_task(keep_months(access, Log("test", stream=log)))
    await eventually(lambda: log.getvalue().count('"months_waiting"') >= 2)
    keeping.cancel()
    assert "PROFILE_POSTGRES_DSN" in log.getvalue()
