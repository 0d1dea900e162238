"""`profile-reconciler` that ends itself as `kill -9` would, at a named place of `submit`: test wiring.

PROFILE_KILL_AT=NAME:N python -m tests.integration.submit.cut submit …
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from reconciler.__main__ import main
from reconciler.kafka.sender import Send, Sent, sender
from reconciler.submit import wiring as submit_wiring
from reconciler.submit.lease import Holder
from reconciler.submit.ledger import SubmitLedger
from reconciler.submit.row import Answer, Entry, State
from reconciler.thingspace.client import ThingSpace
from reconciler.thingspace.talk import Order
from schemas.ids import RequestId
from schemas.record import Record
from tests.faults.points import VARIABLE

POINTS: Final = (
    "after_begin",
    "after_intended",
    "after_sending",
    "during_post",
    "after_post",
    "after_answer",
    "after_submitted",
    "after_said",
)
ON_THE_WAY_S: Final = 0.02
"""Less than the answer takes, where the simulator is told to be late."""


class Fuse:
    def __init__(self, said: str) -> None:
        self._name, _, at = said.partition(":")
        self._at = int(at or "1")
        self._reached: Counter[str] = Counter()

    def reach(self, name: str) -> bool:
        """Ends the process here, or tells that a place that only starts the end was reached."""
        self._reached[name] += 1
        if name != self._name or self._reached[name] != self._at:
            return False
        if name == "during_post":
            return True
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody survives this")


def ledger_of(fuse: Fuse) -> type[SubmitLedger]:
    class Cut(SubmitLedger):
        async def begin(self, entry: Entry, device: str, lasting: timedelta, *, force: bool) -> Holder | None:
            held = await super().begin(entry, device, lasting, force=force)
            fuse.reach("after_begin")
            return held

        async def move(self, entry: Entry, expected: State, answer: Answer) -> bool:
            place = "sending" if answer.state == "sending" else "answer"
            moved = await super().move(entry, expected, answer)
            fuse.reach(f"after_{place}")
            return moved

        async def said(self, entry: Entry) -> None:
            await super().said(entry)
            fuse.reach("after_said")

    return Cut


def arm(fuse: Fuse) -> None:
    asks = ThingSpace.submit

    async def submit(space: ThingSpace, order: Order) -> RequestId:
        if fuse.reach("during_post"):
            loop = asyncio.get_running_loop()
            loop.call_later(ON_THE_WAY_S, os.kill, os.getpid(), signal.SIGKILL)
        request_id = await asks(space, order)
        fuse.reach("after_post")
        return request_id

    @asynccontextmanager
    async def cut_sender(bootstrap: str, options: Mapping[str, object]) -> AsyncIterator[Send]:
        async with sender(bootstrap, options) as send:

            async def cut(record: Record) -> Sent:
                place = "intended" if b'"phase":"intended"' in (record.value or b"") else "submitted"
                sent = await send(record)
                fuse.reach(f"after_{place}")
                return sent

            yield cut

    setattr(ThingSpace, "submit", submit)  # noqa: B010 - a class of the product, changed for this process
    setattr(submit_wiring, "sender", cut_sender)  # noqa: B010
    setattr(submit_ledger_module(), "SubmitLedger", ledger_of(fuse))  # noqa: B010


def submit_ledger_module() -> object:
    return sys.modules["reconciler.submit.ledger"]


def run(argv: Sequence[str]) -> int:
    if said := os.environ.get(VARIABLE):
        arm(Fuse(said))
    return main(argv)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
