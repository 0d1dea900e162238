"""`profile-downstream` on the test's own database and topics."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.support.database import Database
from tests.support.downstream import Downstream, a_downstream
from tests.support.program import Programs
from tests.support.typed import Typist


@pytest.fixture
async def downstream(
    stack: Stack,
    database: Database,
    topics: Topics,
    programs: Programs,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Downstream]:
    typist = Typist(monkeypatch, capsys)
    async with a_downstream(
        programs, typist, environment, database, topics, stack.bootstrap, tmp_path
    ) as made:
        yield made
