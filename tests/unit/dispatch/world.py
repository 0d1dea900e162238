"""A database with a lock and an outbox, and a Kafka that refuses old producers, in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from reconciler.dispatch.dispatch import Waiting
from reconciler.faults import TryAgainError
from schemas.message import Message
from schemas.record import Record


def message(key: str, version: int) -> Message:
    return Message("state", key, version, "event", None, None, b"{}")


@dataclass
class World:
    """What there is, and every step that was taken."""

    rows: dict[int, Message] = field(default_factory=dict)
    log: list[Record] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    leader: object = None
    epoch: int = 0
    sessions: list["FakeOutbox"] = field(default_factory=list)
    breaks: dict[str, int] = field(default_factory=dict)
    """Steps that fail, and how often they still will."""

    next_id: int = 1

    def put(self, *messages: Message) -> None:
        for each in messages:
            self.rows[self.next_id] = each
            self.next_id += 1

    async def step(self, name: str) -> None:
        await asyncio.sleep(0)
        self.steps.append(name)
        if self.breaks.get(name, 0) > 0:
            self.breaks[name] -= 1
            raise TryAgainError(f"{name} failed")

    @asynccontextmanager
    async def outboxes(self) -> AsyncIterator["FakeOutbox"]:
        await self.step("connect")
        outbox = FakeOutbox(self)
        self.sessions.append(outbox)
        try:
            yield outbox
        finally:
            outbox.end()

    @asynccontextmanager
    async def senders(self) -> AsyncIterator["FakeSender"]:
        await self.step("produce")
        self.epoch += 1
        yield FakeSender(self, self.epoch)


@dataclass(eq=False)
class FakeOutbox:
    world: World
    ended: bool = False
    task: "asyncio.Task[object] | None" = field(default_factory=asyncio.current_task)

    def end(self) -> None:
        """The session is over, and the lock free."""
        self.ended = True
        if self.world.leader is self:
            self.world.leader = None

    def _alive(self) -> None:
        if self.ended:
            raise TryAgainError("the session has ended")

    async def lead(self) -> bool:
        await self.world.step("lead")
        self._alive()
        if self.world.leader is None:
            self.world.leader = self
        return self.world.leader is self

    async def waiting(self, rows_max: int) -> Sequence[Waiting]:
        await self.world.step("read")
        self._alive()
        return [Waiting(number, self.world.rows[number]) for number in sorted(self.world.rows)[:rows_max]]

    async def sent(self, ids: Sequence[int]) -> None:
        await self.world.step("delete")
        self._alive()
        for number in ids:
            self.world.rows.pop(number, None)


@dataclass
class FakeSender:
    world: World
    epoch: int

    async def send(self, records: Sequence[Record]) -> None:
        await self.world.step("send")
        if self.epoch != self.world.epoch:
            raise TryAgainError("another leader has begun to send")
        self.world.log.extend(records)
        await self.world.step("commit")
