"""Requests that were accepted, and the truth about each: what was asked, what the card did, what was told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.simulator.content import Json
from tests.simulator.journal import stamp
from tests.simulator.server.draws import Draws
from tests.simulator.server.letter import Sent


@dataclass(slots=True)
class Part:
    """One device of a request. `subs` are the profiles a status call tells of, each done or not."""

    eid: str
    iccid: str
    busy: bool
    draws: Draws
    done: bool | None = None
    what: str = "waiting"
    done_at: float | None = None
    known_at: float | None = None
    subs: Sequence[tuple[str, bool]] = ()
    sent: list[Sent] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    def known(self, now: float) -> bool:
        """ThingSpace itself knows how it ended."""
        return self.known_at is not None and self.known_at <= now

    def view(self) -> dict[str, Json]:
        state = "pending" if self.done is None else "succeeded" if self.done else "failed"
        struck: list[Json] = [*sorted(self.draws.struck)]
        return {
            "eid": self.eid,
            "iccid": self.iccid,
            "state": state,
            "what": self.what,
            "done_at": None if self.done_at is None else stamp(self.done_at),
            "known_at": None if self.known_at is None else stamp(self.known_at),
            "course": self.draws.course,
            "faults": struck,
            "callbacks": [one.view() for one in self.sent],
            "over": self.over,
        }


@dataclass(slots=True)
class Request:
    """`answer` is what the caller of the action saw."""

    request_id: str
    account: str
    action: str
    at: float
    parts: tuple[Part, ...] = ()
    answer: str = "200"

    @property
    def over(self) -> bool:
        """Nothing more will happen to it and nothing more be sent about it."""
        return all(part.over for part in self.parts)

    def view(self) -> dict[str, Json]:
        return {
            "request_id": self.request_id,
            "account": self.account,
            "action": self.action,
            "at": stamp(self.at),
            "answer": self.answer,
            "over": self.over,
            "devices": [part.view() for part in self.parts],
        }
