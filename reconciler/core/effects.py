"""What an action does to the profiles of its eUICC: the table of machines.md 4.

A set of states is a mask of four bits, so that joining two possibilities is one `|`.
"""

from dataclasses import dataclass
from typing import Final, Literal

ProfileState = Literal["absent", "disabled", "enabled", "deleted"]

ABSENT: Final = 1
DISABLED: Final = 2
ENABLED: Final = 4
DELETED: Final = 8
GONE: Final = ABSENT | DELETED
EXISTS: Final = DISABLED | ENABLED
ANYTHING: Final = GONE | EXISTS

_STATES: Final[tuple[tuple[int, ProfileState], ...]] = (
    (ABSENT, "absent"),
    (DISABLED, "disabled"),
    (ENABLED, "enabled"),
    (DELETED, "deleted"),
)

STATES_OF: Final[tuple[tuple[ProfileState, ...], ...]] = tuple(
    tuple(state for bit, state in _STATES if mask & bit) for mask in range(ANYTHING + 1)
)
"""The states in a mask, in the order absent, disabled, enabled, deleted."""


@dataclass(frozen=True, slots=True)
class Move:
    """A row with "starts from". X is the target, B the bootstrap."""

    starts: int
    becomes: int
    """X after a success; its one state."""
    fall_back: Literal["none", "enabled", "if_enabled"] = "none"
    """B after a success: unchanged, enabled, or enabled if X was."""
    half: Literal["none", "downloaded", "disabled"] = "none"
    """What a failure may leave: nothing; X downloaded, where it was not there; X disabled, where enabled."""
    of_bootstrap: bool = True
    """Whether X may be B."""
    fresh: bool = False
    """An X that was never seen was absent."""


MOVES: Final[dict[str, Move]] = {
    "download": Move(GONE, DISABLED, fresh=True),
    "download_disable": Move(GONE, DISABLED, fresh=True),
    "download_enable": Move(GONE, ENABLED, half="downloaded", fresh=True),
    "activate_enable": Move(ANYTHING, ENABLED, half="downloaded", fresh=True),
    "enable": Move(EXISTS, ENABLED),
    "disable": Move(ENABLED, DISABLED, fall_back="enabled", of_bootstrap=False),
    "delete": Move(EXISTS, DELETED, fall_back="if_enabled", half="disabled", of_bootstrap=False),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A row without "starts from": a success leaves the states alone and sets an attribute."""

    attribute: Literal["fall_back", "suspended"]
    value: bool = True
    whole_device: bool = False
    """On all rows, whatever the target."""


MARKS: Final[dict[str, Mark]] = {
    "setfallbackattribute": Mark("fall_back"),
    "profile_suspend": Mark("suspended"),
    "profile_resume": Mark("suspended", value=False),
    "device_suspend": Mark("suspended", whole_device=True),
    "device_resume": Mark("suspended", value=False, whole_device=True),
}

Verdict = Literal["success", "failure", "either"]

VERDICTS: Final[dict[str, Verdict]] = {
    "succeeded": "success",
    "failed": "failure",
    "conflicted": "either",
    "unclear": "either",
}
"""What an operation's state says to its profiles; every other state says nothing."""


def needs_target(action: str | None, state: str) -> bool:
    """Whether an operation in this state changes profiles that only its target tells."""
    verdict = VERDICTS.get(state)
    if verdict is None or action is None:
        return False
    move = MOVES.get(action)
    if move is not None:
        return verdict != "failure" or move.half != "none"
    mark = MARKS.get(action)
    return mark is not None and verdict == "success" and not mark.whole_device
