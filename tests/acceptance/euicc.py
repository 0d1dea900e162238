"""What the operations of an eUICC make of its profiles, by the published table, written down a second time.

Kept is what is possible: for each profile, by ICCID, the set of states it may be in. Two names are no
ICCIDs: `BOOTSTRAP`, and `UNSEEN`, all profiles that nobody has named yet. Where the story of an eUICC needs
rules that are not written here, nothing is said of it: an operation with an effect and without target, a
fall-back attribute that moves, suspension, none that could be enabled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.acceptance.ledger import Operation

States = frozenset[str]
Possible = dict[str, States]

ENABLED, DISABLED = frozenset({"enabled"}), frozenset({"disabled"})
GONE = frozenset({"absent", "deleted"})
EXISTS = ENABLED | DISABLED
ANYTHING = EXISTS | GONE
BOOTSTRAP, UNSEEN = "bootstrap", "unseen"


class OpenError(Exception):
    """What is written here does not tell what the operation did."""


@dataclass(frozen=True, slots=True)
class Row:
    """Of the table. `loads`: a profile that nobody has named yet was absent before."""

    starts: States
    becomes: States
    loads: bool = False
    may_stop_half_way: bool = False


TABLE: Mapping[str, Row] = {
    "download": Row(GONE, DISABLED, loads=True),
    "download_disable": Row(GONE, DISABLED, loads=True),
    "download_enable": Row(GONE, ENABLED, loads=True, may_stop_half_way=True),
    "activate_enable": Row(ANYTHING, ENABLED, loads=True, may_stop_half_way=True),
    "enable": Row(EXISTS, ENABLED),
    "disable": Row(ENABLED, DISABLED),
    "delete": Row(EXISTS, frozenset({"deleted"}), may_stop_half_way=True),
}
MARKS = frozenset(
    {"setfallbackattribute", "profile_suspend", "profile_resume", "device_suspend", "device_resume"}
)
SPEAKS = frozenset({"succeeded", "failed", "conflicted", "unclear"})
"""The states of operations that say something of profiles."""


def profiles_of(operations: Iterable[Operation]) -> Possible | None:
    """The profiles that the operations of one EID leave, and the bootstrap; None where that is left open."""
    possible: Possible = {}
    unseen = ANYTHING
    try:
        for operation in sorted(operations, key=_order):
            after = _after({BOOTSTRAP: EXISTS, **possible, UNSEEN: unseen}, operation)
            if after is not None:
                unseen = after.pop(UNSEEN)
                possible = after
    except OpenError:
        return None
    return possible


def _order(operation: Operation) -> tuple[object, ...]:
    return (
        operation.ordered_at,
        operation.account,
        operation.request_id or "",
        operation.iccid_target or "",
    )


def _after(before: Possible, operation: Operation) -> Possible | None:
    """None where the cell is a dash."""
    row = TABLE.get(operation.action or "")
    if operation.state not in SPEAKS or (row is None and operation.action not in MARKS):
        return None
    if operation.state == "failed" and (row is None or not row.may_stop_half_way):
        return None
    x = operation.iccid_target
    if row is None or x is None:
        raise OpenError
    known = {x: before[UNSEEN] & (frozenset({"absent"}) if row.loads else ANYTHING), **before}
    if operation.state == "failed":
        return _failed(known, x, row)
    if operation.state == "succeeded":
        return _succeeded(known, x, row)
    return _either(_succeeded(known, x, row), _failed(known, x, row) or known)


def _succeeded(before: Possible, x: str, row: Row) -> Possible:
    after = {**before, x: row.becomes}
    if row.becomes == ENABLED:
        after = _alone(after, x)
    elif row.starts == ENABLED:
        after = _alone(after, BOOTSTRAP)
    elif not row.becomes & EXISTS and before[x] & ENABLED:
        after[BOOTSTRAP] |= ENABLED
    after = _one_is_enabled(after)
    return after if before[x] & row.starts else _either(before, after)


def _failed(before: Possible, x: str, row: Row) -> Possible | None:
    """It may have stopped half-way; None where it cannot have, or nothing would show."""
    if not row.may_stop_half_way:
        return None
    if row.loads:
        return {**before, x: before[x] | DISABLED} if before[x] & GONE else None
    if not before[x] & ENABLED:
        return None
    return {**before, x: before[x] | DISABLED, BOOTSTRAP: before[BOOTSTRAP] | ENABLED}


def _either(one: Possible, other: Possible) -> Possible:
    return {key: states | other[key] for key, states in one.items()}


def _one_is_enabled(possible: Possible) -> Possible:
    """Exactly one is. Those that nobody has named count as one, but it is not said which."""
    able = [key for key, states in possible.items() if states & ENABLED]
    if not able:
        raise OpenError
    return _alone(possible, able[0]) if len(able) == 1 and able[0] != UNSEEN else possible


def _alone(possible: Possible, enabled: str) -> Possible:
    """One is enabled for sure, so that no other is."""
    others = {
        key: (states - ENABLED) | DISABLED if states & ENABLED else states for key, states in possible.items()
    }
    return {**others, enabled: ENABLED}
