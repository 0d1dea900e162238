"""A row of the tables that is not what the audit log gives, told so that a person finds it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from reconciler.core.device import ProfileChanges, StoredProfile
from reconciler.core.evidence import Evidence
from reconciler.core.operation import Operation
from reconciler.core.profile import Profile
from reconciler.core.scope import Key, Link
from schemas.ids import OperationId

Table = Literal["evidence", "request", "link", "operation", "profile", "profile_history"]
Change = Literal["missing", "unexpected", "different"]
Pair = tuple[object, object]
"""What stands there, and what the audit log gives."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`name` is the row's key, as text; `unit` the request, intent or EID that is folded for it."""

    table: Table
    change: Change
    name: str
    unit: str
    account: str | None = None
    request_id: str | None = None
    eid: str | None = None
    columns: tuple[tuple[str, Pair], ...] = ()
    """Of a row that is there and different."""


_Key = TypeVar("_Key")
_Row = TypeVar("_Row", Evidence, Operation)


def evidence_differences(
    stored: Mapping[bytes, Evidence], expected: Mapping[bytes, Evidence]
) -> Iterator[Difference]:
    for key, was, row in _unequal(stored, expected):
        some = row or was
        assert some is not None
        yield Difference(
            *("evidence", _change(was, row), key.hex(), some.request_id or some.intent_id or key.hex()),
            *(some.account, some.request_id, some.eid),
            columns=_columns(was, row),
        )


def operation_differences(
    stored: Mapping[OperationId, Operation], expected: Mapping[OperationId, Operation]
) -> Iterator[Difference]:
    for key, was, row in _unequal(stored, expected):
        some = row or was
        assert some is not None
        yield Difference(
            *("operation", _change(was, row), key, some.request_id or some.intent_id or ""),
            *(some.account, some.request_id, some.eid),
            columns=_columns(was, row),
        )


def link_differences(stored: Iterable[Link], expected: Iterable[Link]) -> Iterator[Difference]:
    was, row = frozenset(stored), frozenset(expected)
    for link in sorted(was ^ row):
        change: Change = "missing" if link in row else "unexpected"
        name = f"intent {link.intent_id} is request {link.request_id}"
        yield Difference("link", change, name, link.request_id, link.account, link.request_id)


def lock_row_differences(
    scope: Literal["request", "intent"],
    stored: Mapping[Key, bool],
    expected: Mapping[Key, bool],
) -> Iterator[Difference]:
    """Whether some event of each names no EID. More rows do no harm, nor does too much caution."""
    for key, eidless in sorted(expected.items()):
        account, name = key
        was = stored.get(key)
        request_id = name if scope == "request" else None
        if was is None:
            yield Difference("request", "missing", f"{scope} {name}", name, account, request_id)
        elif eidless and not was:
            columns: tuple[tuple[str, Pair], ...] = (("eidless", (was, eidless)),)
            yield Difference(
                "request", "different", f"{scope} {name}", name, account, request_id, columns=columns
            )


def profile_differences(changes: ProfileChanges) -> Iterator[Difference]:
    for profile in changes.new:
        yield _profile("missing", profile)
    for stored in changes.gone:
        yield _profile("unexpected", stored.profile)
    for stored, profile in changes.changed:
        yield _profile("different", profile, _columns(stored.profile, profile))


def _profile(change: Change, row: Profile, columns: tuple[tuple[str, Pair], ...] = ()) -> Difference:
    return Difference("profile", change, _named(row), row.eid, row.account, None, row.eid, columns)


def history_differences(
    changes: ProfileChanges, profiles: Sequence[StoredProfile], recorded: Iterable[StoredProfile]
) -> Iterator[Difference]:
    """What history says of now must be the profiles that stand in the table, each once."""
    said = list(recorded)
    for row in unrecorded(changes, profiles, said):
        yield _history("missing", row.profile)
    standing = {row.profile_id for row in profiles}
    for row in said:
        if row.profile_id not in standing:
            yield _history("unexpected", row.profile)


def unrecorded(
    changes: ProfileChanges, profiles: Iterable[StoredProfile], recorded: Iterable[StoredProfile]
) -> Iterator[StoredProfile]:
    """Profiles that are as they must be, but not as history says, or not once."""
    said: dict[int, list[StoredProfile]] = {}
    for row in recorded:
        said.setdefault(row.profile_id, []).append(row)
    told = {row.profile_id for row in (*(was for was, _ in changes.changed), *changes.gone)}
    for row in profiles:
        if row.profile_id not in told and said.get(row.profile_id) != [row]:
            yield row


def _history(change: Change, row: Profile) -> Difference:
    return Difference("profile_history", change, _named(row), row.eid, row.account, None, row.eid)


def _named(row: Profile) -> str:
    return f"{row.eid}/{row.iccid or 'bootstrap'}"


def _unequal(
    stored: Mapping[_Key, _Row], expected: Mapping[_Key, _Row]
) -> Iterator[tuple[_Key, _Row | None, _Row | None]]:
    for key in (*expected, *(key for key in stored if key not in expected)):
        was, row = stored.get(key), expected.get(key)
        if was != row:
            yield key, was, row


def _change(was: object, row: object) -> Change:
    return "missing" if was is None else "unexpected" if row is None else "different"


def _columns(
    was: Evidence | Operation | Profile | None, row: Evidence | Operation | Profile | None
) -> tuple[tuple[str, Pair], ...]:
    if was is None or row is None:
        return ()
    pairs = zip(row._fields, was, row, strict=True)
    return tuple((name, (before, after)) for name, before, after in pairs if before != after)
