"""Every call of the API, counted and kept, so that a test can prove what was asked and how often."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass

from tests.simulator.content import Json

KEPT_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Call:
    """`status` None: the connection was closed without an answer. `request_id`: what was accepted."""

    at: str
    method: str
    endpoint: str
    path: str
    status: int | None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One device of an accepted action."""

    account: str
    action: str
    eid: str
    iccid: str


class Calls:
    """The last calls, and counts of all of them since the start or the last reset."""

    def __init__(self) -> None:
        self._last: deque[Call] = deque(maxlen=KEPT_MAX)
        self._counts: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._asks: Counter[Ask] = Counter()

    def note(self, call: Call) -> None:
        self._last.append(call)
        self._counts[call.endpoint] += 1
        self._answers[f"{call.endpoint} {call.status or 'closed'}"] += 1

    def accepted(self, ask: Ask) -> None:
        self._asks[ask] += 1

    def clear(self) -> None:
        for one in (self._last, self._counts, self._answers, self._asks):
            one.clear()

    def view(self, last: int) -> Json:
        counts: dict[str, Json] = dict(sorted(self._counts.items()))
        answers: dict[str, Json] = dict(sorted(self._answers.items()))
        asks: list[Json] = [{**asdict(ask), "times": times} for ask, times in self._asks.items()]
        kept = list(self._last)[len(self._last) - min(last, len(self._last)) :]
        calls: list[Json] = [asdict(call) for call in kept]
        return {"counts": counts, "answers": answers, "accepted": asks, "calls": calls}
