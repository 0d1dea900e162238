"""Plays stories: wave after wave inside one, several side by side, each attempt into the journal."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.simulator.delivery import Answer, Clock, Mode, deliver, deliver_copies
from tests.simulator.journal import Journal
from tests.simulator.message import Listener, Message
from tests.simulator.story import Delivery, Story

PORTS = 65_535
"""More connections than that no address can have."""


class Wire(Protocol):
    async def post(self, url: str, body: bytes, *, gzipped: bool = False) -> Answer: ...


@dataclass
class Result:
    """What came of a play. `surprises` are answers a story did not expect."""

    messages: int = 0
    attempts: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    fates: Counter[str] = field(default_factory=Counter)
    surprises: int = 0


@dataclass
class Player:
    """Everything a play needs. `progress` hears, after each message, how many are done and of how many.

    `concurrency` stories go on side by side; of all their attempts at most `connections` are on their way.
    """

    listener: Listener
    wire: Wire
    mode: Mode
    clock: Clock
    journal: Journal
    rng: random.Random
    concurrency: int = 50
    connections: int = PORTS
    progress: Callable[[int, int], None] = lambda done, total: None
    _free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.connections)

    async def play(self, stories: Sequence[Story]) -> Result:
        """All stories to their end."""
        result = Result()
        total = sum(story.deliveries for story in stories)
        gate = asyncio.Semaphore(self.concurrency)

        async def one(story: Story) -> None:
            async with gate:
                await self._tell(story, result, total)

        async with asyncio.TaskGroup() as group:
            for story in stories:
                group.create_task(one(story))
        return result

    async def _tell(self, story: Story, result: Result, total: int) -> None:
        for wave in story.waves:
            await self.clock.sleep(wave.pause_s)
            async with asyncio.TaskGroup() as group:
                for delivery in wave.deliveries:
                    group.create_task(self._deliver(story.name, delivery, result, total))
        for truth in story.truths:
            self.journal.truth(story.name, truth)

    async def _deliver(self, story: str, delivery: Delivery, result: Result, total: int) -> None:
        message = delivery.message

        async def post(attempt: int) -> Answer:
            async with self._free:
                return await self._attempt(story, message, attempt, result)

        if delivery.copies > 1:
            fate = await deliver_copies(post, delivery.copies, message.first_attempt)
        else:
            fate = await deliver(post, self.mode, self.clock, self.rng, message.first_attempt)
        self.journal.message(story, message, fate)
        result.messages += 1
        result.fates[fate] += 1
        self.progress(result.messages, total)

    async def _attempt(self, story: str, message: Message, attempt: int, result: Result) -> Answer:
        url = self.listener.url(result.attempts, message.service)
        result.attempts += 1
        sent_at = time.time()
        answer = await self.wire.post(url, message.bytes_at(attempt), gzipped=message.gzipped)
        self.journal.attempt(story, message, attempt, url, sent_at, time.time(), answer)
        result.answers[answer.error or str(answer.status)] += 1
        result.surprises += answer.status != message.answer
        return answer
