"""A tiny eUICC and its SM-SR, after GSMA SGP.02, sharing nothing with the product.

Exactly one profile is enabled; enabling one disables the other; disabling one, or deleting an enabled one,
lets the fall-back profile take over; the fall-back profile can be neither disabled nor deleted. An operation
may fail before it did anything or half-way. The card never acts by itself, and one operation ends before the
next begins.
"""

from dataclasses import dataclass, field
from random import Random

DELETED = "deleted"
DISABLED = "disabled"
ENABLED = "enabled"
ABSENT = "absent"


@dataclass(slots=True)
class Card:
    """`states` has no entry for a profile that was never there."""

    fall_back: str
    states: dict[str, str] = field(default_factory=dict)

    @classmethod
    def issued(cls, rng: Random, fall_back: str, preloaded: list[str]) -> "Card":
        """A card with a history nobody told: some profiles are on it, and any of them may be enabled."""
        card = cls(fall_back, dict.fromkeys([fall_back, *preloaded], DISABLED))
        card.states[rng.choice(sorted(card.states))] = ENABLED
        return card

    @property
    def active(self) -> str:
        (active,) = [iccid for iccid, state in self.states.items() if state == ENABLED]
        return active

    def state(self, iccid: str) -> str:
        return self.states.get(iccid, ABSENT)

    def there(self, iccid: str) -> bool:
        return self.state(iccid) in (DISABLED, ENABLED)

    def perform(self, action: str, iccid: str, stops_after: int | None) -> bool:
        """Whether the whole operation was done; `stops_after` steps something breaks."""
        steps = self._steps(action, iccid)
        if steps is None:
            return False
        for count, (step, on) in enumerate(steps):
            if count == stops_after:
                return False
            self._step(step, on)
        return True

    def _steps(self, action: str, iccid: str) -> list[tuple[str, str]] | None:
        """The card's own commands; None where the SM-SR refuses."""
        there, enabled = self.there(iccid), self.state(iccid) == ENABLED
        removable = there and iccid != self.fall_back
        match action:
            case "download" | "download_disable":
                return None if there else [("load", iccid)]
            case "download_enable":
                return None if there else [("load", iccid), ("enable", iccid)]
            case "activate_enable":
                return [("enable", iccid)] if there else [("load", iccid), ("enable", iccid)]
            case "enable":
                return [("enable", iccid)] if there else None
            case "disable":
                return [("disable", iccid)] if removable and enabled else None
            case "delete":
                disable = [("disable", iccid)] if enabled else []
                return [*disable, ("erase", iccid)] if removable else None
            case "setfallbackattribute":
                return [("mark", iccid)] if there else None
            case _:
                return [] if there else None

    def _step(self, step: str, iccid: str) -> None:
        match step:
            case "load":
                self.states[iccid] = DISABLED
            case "enable":
                self.states[self.active] = DISABLED
                self.states[iccid] = ENABLED
            case "disable":
                self.states[iccid] = DISABLED
                self.states[self.fall_back] = ENABLED
            case "erase":
                self.states[iccid] = DELETED
            case "mark":
                self.fall_back = iccid
