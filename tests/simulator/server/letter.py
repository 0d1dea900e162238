"""Callbacks on their way: what shall be said to whom, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulator.callback import Callback
from tests.simulator.content import Json
from tests.simulator.journal import stamp
from tests.simulator.message import Credentials


@dataclass(frozen=True, slots=True)
class Letter:
    """A callback to be sent, without credentials: those are the listener's. `credentials` bends them."""

    account: str
    service: str
    callback: Callback
    spellings: tuple[str, ...] = ()
    credentials: Credentials = "right"
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter and its fate: what the delivery came to, or why there was none."""

    letter: Letter
    at: float
    fate: str
    url: str | None = None
    credentials: Credentials = "right"

    @property
    def arrived(self) -> bool:
        return self.fate == "accepted"

    def view(self) -> dict[str, Json]:
        return {
            "at": stamp(self.at),
            "service": self.letter.service,
            "status": self.letter.callback.status,
            "euicc_status": self.letter.callback.euicc_status,
            "credentials": self.credentials,
            "fate": self.fate,
            "url": self.url,
        }
