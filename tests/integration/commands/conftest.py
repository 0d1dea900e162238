"""`profile-reconciler` typed inside the test's own process: the same words and exit codes, only faster."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

import pytest

from reconciler.__main__ import main
from tests.support.program import Finished


class Typed(Protocol):
    def __call__(self, *words: str, code: int = 0) -> Awaitable[Finished]:
        """Runs a command and expects its exit code."""
        ...


@pytest.fixture
def typed(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    async def run(*words: str, code: int = 0) -> Finished:
        capsys.readouterr()
        ended = await asyncio.to_thread(main, words)
        captured = capsys.readouterr()
        assert ended == code, captured.err or captured.out
        return Finished(ended, captured.out, captured.err)

    return run
