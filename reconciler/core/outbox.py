"""What others must hear of, as rows that are written with what they tell (interfaces.md 4).

Pure. A message is made where the change is decided, so it says what stood there after this very change,
however late it is sent. Within a key messages are told in the order of their rows: whoever writes about an
EID, or about a request without one, holds its lock from before these rows are numbered until they are
committed.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

import orjson

from reconciler.core.device import ProfileChanges, StoredProfile
from reconciler.core.operation import Operation
from reconciler.core.profile import Profile
from reconciler.core.settle import Settled
from schemas.eventshape import rfc3339
from schemas.message import Cause, Message
from schemas.operation_message import OperationMessage, operation_key
from schemas.state_message import StateMessage, state_key

_PUBLISHED: Final = tuple(name for name in OperationMessage.model_fields if name in Operation._fields)
published = itemgetter(*map(Operation._fields.index, _PUBLISHED))
"""Of an operation, what others see of it."""

_PROFILE: Final = tuple(name for name in StateMessage.model_fields if name in Profile._fields)
_seen_of_profile = itemgetter(*map(Profile._fields.index, _PROFILE))


Row = tuple[object, ...]


class Versioned(NamedTuple):
    """An operation that changes or vanishes, with the version that this gets."""

    operation: Operation
    version: int


class Versions(NamedTuple):
    """In the order in which they are told."""

    gone: Sequence[Versioned]
    changed: Sequence[Versioned]


def key_of(operation: Operation) -> str:
    return operation_key(operation.eid, operation.request_id, operation.intent_id)


def versions_of(settled: Settled, latest: Mapping[str, int], now: int) -> Versions:
    """The microsecond `now`, or more: they rise within each key, also where several change at once, or the
    clock goes back. `latest` are the greatest stored versions by key.
    """
    last: dict[str, int] = {}

    def risen(operation: Operation) -> Versioned:
        key = key_of(operation)
        before = last[key] if key in last else latest.get(key, 0)
        last[key] = version = max(before + 1, now)
        return Versioned(operation, version)

    return Versions(list(map(risen, settled.gone)), list(map(risen, settled.changed)))


def latest_by_key(stored: Iterable[tuple[Operation, int]]) -> dict[str, int]:
    """`stored` are operations with their versions; some may come twice."""
    latest: dict[str, int] = {}
    for operation, version in stored:
        key = key_of(operation)
        if version > latest.get(key, 0):
            latest[key] = version
    return latest


def messages_of(
    settled: Settled, versions: Versions, profiles: ProfileChanges, now: int, cause: Cause
) -> list[Message]:
    """Vanished ones first. An operation whose row only moves is not said to be gone."""
    stays = {row.operation.operation_id for row in versions.changed}
    messages = [
        operation_message(row, version, cause, gone=True)
        for row, version in versions.gone
        if row.operation_id not in stays
    ]
    for row, version in versions.changed:
        before = settled.before.get(row.operation_id)
        if before is None or published(before) != published(row):
            messages.append(operation_message(row, version, cause))
    messages.extend(_of_profiles(profiles, now, cause))
    return messages


def _of_profiles(profiles: ProfileChanges, now: int, cause: Cause) -> Iterable[Message]:
    for was in profiles.gone:
        yield state_message(was.profile, next_version(was, now), cause, gone=True)
    for was, row in profiles.changed:
        version = next_version(was, now)
        if was.profile.iccid != row.iccid:  # a bootstrap's, learnt now: another key
            yield state_message(was.profile, version, cause, gone=True)
        yield state_message(row, version, cause)
    for row in profiles.new:
        yield state_message(row, now, cause)


def next_version(was: StoredProfile, now: int) -> int:
    return max(was.version + 1, now)


def operation_message(row: Operation, version: int, cause: Cause, *, gone: bool = False) -> Message:
    value = None if gone else _operation_value(row, version, cause)
    return Message("operation", key_of(row), version, cause, row.eid, row.operation_id, value)


def state_message(row: Profile, version: int, cause: Cause, *, gone: bool = False) -> Message:
    value = None if gone else _state_value(row, version, cause)
    return Message("state", state_key(row.eid, row.iccid), version, cause, row.eid, None, value)


def _operation_value(row: Operation, version: int, cause: Cause) -> bytes:
    """As `OperationMessage.to_json` would write it, without the model: this is said of every event."""
    members = dict(zip(_PUBLISHED, published(row), strict=True))
    members["first_seen_at"] = rfc3339(row.first_seen_at)
    members["settled_at"] = None if row.settled_at is None else rfc3339(row.settled_at)
    members["ordered_at"] = rfc3339(row.ordered_at)
    members["version"] = version
    members["cause"] = cause
    return orjson.dumps(members)


def rows_of(messages: Iterable[Message]) -> list[Row]:
    """As COPY writes them; their numbers are given then."""
    return [tuple(message) for message in messages]


def _state_value(row: Profile, version: int, cause: Cause) -> bytes:
    """As `StateMessage.to_json` would write it."""
    members = dict(zip(_PROFILE, _seen_of_profile(row), strict=True))
    members["since"] = rfc3339(row.since)
    members["version"] = version
    members["cause"] = cause
    return orjson.dumps(members)
