"""One short seed of the fault bench: every part of the product is killed once while callbacks come."""

import random
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.local.stack import Stack
from tests.faults.catalogue import STORED_ANYHOW, Fault
from tests.faults.load import Load
from tests.faults.run import Bench, run
from tests.faults.scene import Cast
from tests.faults.schedule import Step, lasting, moments


def each_once(rng: random.Random) -> Sequence[Step]:
    parts = ["receiver-1", "reconciler-1", "postgres", "broker-1"]
    rng.shuffle(parts)
    return [
        Step(at, "kill", part, lasting(rng, 0, 0.5))
        for at, part in zip(moments(rng, len(parts), 5, after_s=0), parts, strict=True)
    ]


SHORT = Fault(
    "each-once",
    "every part is killed once",
    each_once,
    Cast(receivers=2, reconcilers=2, fresh_groups=True),
    Load(seconds=6, rate=40, operations=10, day_every_s=3),
    STORED_ANYHOW,
)


async def test_what_was_acknowledged_is_there_once_and_all_agrees(stack: Stack, tmp_path: Path) -> None:
    with ExitStack() as opened:
        result = await run(Bench(opened, tmp_path, stacks={1: stack}), SHORT, seed=1)
    assert result.wrong == ()
    assert result.callbacks.acknowledged > 200
