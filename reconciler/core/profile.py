"""Profiles: what the settled operations of an eUICC have made of them (machines.md 4).

The rows of an EID are the fold of its operations in operation order. `effects` has the table, `possible` says
what may be; here is what stands beside the states: who said so, suspension, and which is the bootstrap.

Two things are taken for granted. An operation that is still on its way has done nothing; and while the
bootstrap's ICCID is unknown, operations name other profiles.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Final, Literal, NamedTuple

from reconciler.core.effects import (
    ABSENT,
    ANYTHING,
    ENABLED,
    EXISTS,
    MARKS,
    MOVES,
    STATES_OF,
    VERDICTS,
    Mark,
    Move,
    ProfileState,
    Verdict,
)
from reconciler.core.operation import Operation, operation_order
from reconciler.core.possible import NAMELESS, UNSEEN, Bootstrap, Masks, after, after_any, left_by, narrow
from schemas.ids import AccountName, Eid, Iccid, OperationId

Certainty = Literal["confirmed", "inferred"]

_ICCID_DIGITS: Final = 19
"""Without the check digit, which some write and some do not."""

_LOADING: Final = frozenset(action for action, move in MOVES.items() if not move.starts & EXISTS)
_REMOVING: Final = frozenset(action for action, move in MOVES.items() if not move.of_bootstrap)


class Profile(NamedTuple):
    """One profile of an eUICC, as far as the operations tell."""

    eid: Eid
    account: AccountName
    """Of the operation that last changed the row."""
    iccid: Iccid | None
    """None for a bootstrap whose ICCID is unknown."""
    bootstrap: bool
    state: ProfileState | Literal["unknown"]
    possible_states: tuple[ProfileState, ...]
    """In the order absent, disabled, enabled, deleted; one member is the state, several are unknown."""
    certainty: Certainty
    suspended: bool
    since: datetime
    """`ordered_at` of the operation that last changed anything of the row."""
    operation_id: OperationId
    """That operation."""


def fold_device(operations: Iterable[Operation]) -> tuple[Profile, ...]:
    """The profiles of one EID, by ICCID and none first, from all its operations: each once, in any order."""
    ordered = sorted(operations, key=operation_order)
    device = _Device(ordered)
    for operation in ordered:
        device.apply(operation)
    return device.profiles()


class _Row:
    """What stands beside a profile's mask."""

    __slots__ = ("changed_by", "confirmed", "suspended")

    def __init__(self, changed_by: Operation) -> None:
        self.changed_by = changed_by
        self.confirmed = False
        self.suspended = False


class _Device:
    """One eUICC while its operations are folded."""

    __slots__ = ("_bootstrap", "_fresh", "_masks", "_operations", "_rows")

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._operations = operations
        self._masks: Masks = {UNSEEN: ANYTHING}
        self._bootstrap = Bootstrap(NAMELESS, sure=True)
        self._rows: dict[str, _Row] = {}
        self._fresh = ABSENT

    def apply(self, operation: Operation) -> None:
        """What one operation does. Operations come in operation order."""
        verdict = VERDICTS.get(operation.state)
        action = operation.action
        if verdict is None or action is None:
            return
        if (move := MOVES.get(action)) is not None:
            self._move(operation, move, verdict)
        elif (mark := MARKS.get(action)) is None:
            return
        elif mark.attribute == "fall_back":
            self._move_attribute(operation, verdict)
        elif verdict == "success":
            self._suspend(operation, mark)

    def profiles(self) -> tuple[Profile, ...]:
        return tuple([self._profile(key, self._rows[key]) for key in sorted(self._rows)])

    def _profile(self, key: str, row: _Row) -> Profile:
        possible = STATES_OF[self._masks[key]]
        by = row.changed_by
        assert by.eid is not None, "only operations with an EID have profiles"
        return Profile(
            eid=by.eid,
            account=by.account,
            iccid=None if key == NAMELESS else Iccid(key),
            bootstrap=key == self._bootstrap.key,
            state=possible[0] if len(possible) == 1 else "unknown",
            possible_states=possible,
            certainty="confirmed" if row.confirmed else "inferred",
            suspended=row.suspended,
            since=by.ordered_at,
            operation_id=by.operation_id,
        )

    def _seen(self, x: str | None, move: Move | None = None) -> Masks:
        """What is possible just before an operation, with B and X in it.

        An X never seen was absent before it is loaded, unless operations without target left it otherwise.
        """
        masks = dict(self._masks)
        masks.setdefault(self._bootstrap.key, EXISTS)
        if x is not None and x not in masks:
            masks[x] = masks[UNSEEN] & (self._fresh if move is not None and move.fresh else ANYTHING)
        return masks

    def _move(self, operation: Operation, move: Move, verdict: Verdict) -> None:
        x = operation.iccid_target
        if x == self._bootstrap.key and not move.of_bootstrap:
            if self._bootstrap.sure:
                return
            if verdict == "success":
                self._bootstrap = Bootstrap(NAMELESS, sure=False)
        before = self._seen(x, move)
        if x is None:
            result = after_any(before, move, self._bootstrap, verdict)
            self._fresh |= left_by(move, verdict)
        else:
            result = after(before, x, move, self._bootstrap, verdict)
        if result is before:
            return
        self._become(operation, result)
        if x is not None and verdict == "success":
            self._take_word(operation, x, move, before[x])
            self._name_bootstrap(operation, x, move)

    def _become(self, operation: Operation, masks: Masks) -> None:
        """Take what is possible now. Rows whose states changed are inferred until a success confirms them."""
        if self._bootstrap == (NAMELESS, False):
            masks[NAMELESS] = EXISTS
            masks[UNSEEN] = ANYTHING
        for key, mask in masks.items():
            if key == UNSEEN or mask == self._masks.get(key):
                continue
            row = self._rows.get(key)
            if row is None:
                self._rows[key] = _Row(operation)
                continue
            row.changed_by = operation
            row.confirmed = False
            row.suspended = row.suspended and bool(mask & EXISTS)
        self._masks = masks

    def _take_word(self, operation: Operation, x: str, move: Move, before: int) -> None:
        """A success on this very ICCID confirms; what was gone before is a new profile, not suspended."""
        row = self._rows[x]
        confirmed = row.confirmed or (operation.confirmed and self._masks[x] == move.becomes)
        renewed = bool(before & move.starts) and not move.starts & EXISTS
        suspended = row.suspended and not renewed
        if (confirmed, suspended) != (row.confirmed, row.suspended):
            row.confirmed, row.suspended, row.changed_by = confirmed, suspended, operation

    def _name_bootstrap(self, operation: Operation, x: str, move: Move) -> None:
        """After X was disabled or deleted the profile reported as active is B, if B is enabled for sure."""
        if (
            move.fall_back == "none"
            or self._bootstrap != (NAMELESS, True)
            or self._masks[NAMELESS] != ENABLED
        ):
            return
        digits = x[:_ICCID_DIGITS]
        others = [iccid for iccid in operation.success_iccids if iccid[:_ICCID_DIGITS] != digits]
        if len(others) != 1 or self._is_ordinary(others[0], operation):
            return
        named = others[0]
        self._masks[named] = self._masks.pop(NAMELESS)
        row = self._rows.pop(NAMELESS)
        if named in self._rows:
            row.suspended = row.suspended or self._rows[named].suspended
        row.changed_by = operation
        self._rows[named] = row
        self._bootstrap = Bootstrap(named, sure=True)

    def _is_ordinary(self, iccid: Iccid, reporter: Operation) -> bool:
        """Whether it was loaded, at whatever time, or disabled or deleted before: no bootstrap ever is.

        Such a report came late, when others had acted.
        """
        before = takewhile(lambda known: known is not reporter, self._operations)
        unmoved = takewhile(lambda known: known.action != "setfallbackattribute", self._operations)
        return any(_succeeded_on(known, iccid, _REMOVING) for known in before) or any(
            _succeeded_on(known, iccid, _LOADING) for known in unmoved
        )

    def _move_attribute(self, operation: Operation, verdict: Verdict) -> None:
        """X becomes B, for sure by a success that tells X alone; else falling back may enable another."""
        x = operation.iccid_target
        if verdict == "success" and x is not None:
            if x != self._bootstrap.key:
                self._give_attribute(operation, x)
            self._bootstrap = Bootstrap(x, sure=True)
        elif verdict != "failure" and x != self._bootstrap.key:
            self._bootstrap = self._bootstrap._replace(sure=False)
            if NAMELESS in self._masks:
                self._become(operation, dict(self._masks))

    def _give_attribute(self, operation: Operation, x: str) -> None:
        """The old B becomes ordinary: without ICCID one of those never seen, as X may have been."""
        old = self._bootstrap.key
        masks = self._seen(x)
        if old == NAMELESS:
            nameless = masks.pop(NAMELESS)
            self._rows.pop(NAMELESS, None)
            masks[UNSEEN] = ANYTHING if nameless & ENABLED else masks[UNSEEN]
            masks[x] |= 0 if x in self._masks else nameless
        masks[x] = masks[x] & EXISTS or EXISTS
        narrow(masks)
        self._bootstrap = Bootstrap(x, sure=True)
        self._become(operation, masks)
        for key in (old, x):
            if key in self._rows:
                self._rows[key].changed_by = operation

    def _suspend(self, operation: Operation, mark: Mark) -> None:
        """Set or clear on X, or on all rows; on none that is gone."""
        x = operation.iccid_target
        if x is None and not mark.whole_device:
            return
        self._become(operation, self._seen(x))
        for key, row in self._rows.items():
            if mark.whole_device or key == x:
                suspended = mark.value and bool(self._masks[key] & EXISTS)
                if row.suspended != suspended:
                    row.suspended, row.changed_by = suspended, operation


def _succeeded_on(operation: Operation, iccid: Iccid, actions: frozenset[str]) -> bool:
    return operation.iccid_target == iccid and operation.state == "succeeded" and operation.action in actions
