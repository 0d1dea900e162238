"""Product commands typed inside the test's own process: the same words and exit codes, without a start."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence

import pytest

from reconciler.__main__ import main as reconciler
from reconciler.audit.__main__ import main as audit
from reconciler.downstream.__main__ import main as downstream
from tests.support.program import OWN_SETTINGS, Finished

MAINS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "profile-reconciler": reconciler,
    "profile-audit": audit,
    "profile-downstream": downstream,
}


class Typist:
    """One command at a time; what nobody foresaw is raised where it happened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    async def type(self, command: str, *words: str, environment: Mapping[str, str]) -> Finished:
        with self._monkeypatch.context() as patch:
            for name in os.environ:
                if name.startswith(OWN_SETTINGS):
                    patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            self._capsys.readouterr()
            ended = await asyncio.to_thread(_ended, MAINS[command], words)
        captured = self._capsys.readouterr()
        return Finished(ended, captured.out, captured.err)


def _ended(main: Callable[[Sequence[str]], int], words: Sequence[str]) -> int:
    try:
        return main(words)
    except SystemExit as misuse:  # argparse's own way out
        assert isinstance(misuse.code, int)
        return misuse.code
