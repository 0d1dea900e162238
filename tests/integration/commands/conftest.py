"""`profile-reconciler` typed inside the test's own process: the same words and exit codes, only faster."""

import asyncio
from collections.abc import Awaitable, Sequence
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
        ended = await asyncio.to_thread(_ended, words)
        captured = capsys.readouterr()
        assert ended == code, captured.err or captured.out
        return Finished(ended, captured.out, captured.err)

    return run


def _ended(words: Sequence[str]) -> int:
    try:
        return main(words)
    except SystemExit as misuse:  # argparse's own way out
        assert isinstance(misuse.code, int)
        return misuse.code
