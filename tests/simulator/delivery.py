"""How ThingSpace delivers one message: two worlds, as two rows of a table.

What Verizon documents and what was measured on a sister service disagree. `documented` sends again at +300,
+600 and +900 s until it sees a 2xx. `observed` sends once more, 1.15 to 1.69 s after a refusal, or, when
there is no answer within 4.0 s, at once beside the first request, which stays open; then the message is gone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Fate = Literal["accepted", "archived", "lost"]


@dataclass(frozen=True, slots=True)
class Mode:
    """`gap_s` is simulated time between attempts; the waits for an answer are real time.

    With `overlap_s` None the sender waits for the answer before it sends again.
    Whether the quick retry after a refusal counts as the second attempt is not known: `refusals_count`.
    """

    attempts_max: int
    gap_s: tuple[float, float]
    overlap_s: float | None
    answer_limit_s: float
    end: Fate
    refusals_count: bool = True


MODES: Mapping[str, Mode] = {
    "documented": Mode(4, (300.0, 300.0), None, 60.0, "archived"),
    "observed": Mode(2, (1.15, 1.69), 4.0, 60.0, "lost"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one attempt; `status` None with the error's name when no answer came."""

    status: int | None
    error: str | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Clock(Protocol):
    async def sleep(self, simulated_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """`scale` simulated seconds pass in each real one."""

    scale: float = 1.0

    async def sleep(self, simulated_s: float) -> None:
        if simulated_s > 0:
            await asyncio.sleep(simulated_s / self.scale)


Post = Callable[[int], Coroutine[None, None, Answer]]


async def deliver(post: Post, mode: Mode, clock: Clock, rng: random.Random, first_attempt: int = 1) -> Fate:
    """Send one message until it is accepted or the mode gives up; every attempt has ended on return.

    A message that starts at a later attempt has as many fewer left.
    """
    attempts: list[asyncio.Task[Answer]] = []
    count = first_attempt
    for left in reversed(range(max(mode.attempts_max - first_attempt + 1, 1))):
        task = asyncio.create_task(post(count))
        attempts.append(task)
        answered, _ = await asyncio.wait({task}, timeout=mode.overlap_s)
        if answered and (task.result().accepted or not left):
            break
        if answered:
            await clock.sleep(rng.uniform(*mode.gap_s))
        count += mode.refusals_count or not answered
    answers = await asyncio.gather(*attempts)
    return "accepted" if any(answer.accepted for answer in answers) else mode.end


async def deliver_copies(post: Post, copies: int, first_attempt: int = 1) -> Fate:
    """Send that many copies at the same moment, counted up; none is repeated."""
    answers = await asyncio.gather(*(post(first_attempt + number) for number in range(copies)))
    return "accepted" if any(answer.accepted for answer in answers) else "lost"
