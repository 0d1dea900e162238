"""`profile-reconciler` as an operator types it, on the test's own database and topics."""

from collections.abc import Awaitable
from typing import Protocol

import pytest

from tests.support.program import Finished
from tests.support.typed import Typist


class Typed(Protocol):
    def __call__(self, *words: str, code: int = 0, **env: str) -> Awaitable[Finished]:
        """Runs a command and expects its exit code; `env` changes settings."""
        ...


@pytest.fixture
def typed(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    typist = Typist(monkeypatch, capsys)

    async def run(*words: str, code: int = 0, **env: str) -> Finished:
        done = await typist.type("profile-reconciler", *words, environment={**environment, **env})
        assert done.exit_code == code, done.stderr or done.stdout
        return done

    return run
