"""What happens: messages in waves, and the truth a ledger must arrive at afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests.simulator.message import Message


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way; more copies than one leave at the same moment, and are not repeated."""

    message: Message
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Wave:
    """Deliveries that start together, `pause_s` simulated seconds after the wave before has been answered."""

    deliveries: tuple[Delivery, ...]
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Truth:
    """What a ledger holds when all messages of a story arrived.

    An `operation` names its request and device (the EID, or what stands for it) and the state; a `quarantine`
    names the request id where one can be found, and the reason where it is fixed.
    """

    kind: Literal["operation", "quarantine"]
    request_id: str | None
    device: str | None = None
    action: str | None = None
    state: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """Waves one after the other; several stories go on at the same time."""

    name: str
    waves: tuple[Wave, ...]
    truths: tuple[Truth, ...]

    @property
    def deliveries(self) -> int:
        return sum(len(wave.deliveries) for wave in self.waves)
