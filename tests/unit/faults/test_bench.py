"""What the bench runs on."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.faults import run
from tests.faults.run import Bench


def test_a_stack_that_is_given_up_is_taken_down_at_once_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    up: list[Stack] = []

    @contextmanager
    def counted(*, brokers: int, detours: object) -> Iterator[Stack]:
        up.append(Stack(tmp_path / f"{len(up)}"))
        yield up[-1]
        up.pop()

    monkeypatch.setattr(run, "private_stack", counted)
    with ExitStack() as opened:
        bench = Bench(opened, tmp_path)
        bench.give_up(3)
        first = bench.stack(3)
        assert bench.stack(3) is first
        bench.give_up(3)
        assert not up
        assert bench.stack(3) is not first
    assert not up
