"""What must hold for any bytes at all that a sender can put into a callback's body."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from schemas.callback import Callback, Secrets, Unreadable, parse, parse_generally
from schemas.canonical import exact_json
from schemas.ids import AccountName
from schemas.names import Json
from schemas.record import (
    Record,
    Undecodable,
    callback_record,
    decode_event,
    decode_quarantine,
    quarantine_record,
)
from schemas.topics import Topics

SECRET_VALUES: Final = ("kanarienvogel", "canary-1234", "20223263", 'nach"ti%gall')
SECRETS: Final = Secrets(SECRET_VALUES)
ACCOUNT: Final = AccountName("1223334444-00001")
TOPICS: Final = Topics()
NOW: Final = datetime(2026, 11, 24, 6, 30, 15, 42, tzinfo=UTC)


def check(raw: bytes) -> None:
    """Raises `AssertionError`, or whatever the product raises, where a promise is broken."""
    first, again = parse(raw, SECRETS), parse(raw, SECRETS)
    general = parse_generally(raw, SECRETS)
    assert first == general, "a layout reads something else than the general way"
    assert again == general, "the same bytes are read differently the second time"
    if isinstance(general, Unreadable):
        _check_unreadable(general, len(raw))
    else:
        _check_callback(general)


def _check_unreadable(found: Unreadable, length: int) -> None:
    assert not SECRETS.show_in(found.scrubbed.decode()), "a secret is kept of what cannot be read"
    record = quarantine_record(
        TOPICS,
        reason=found.reason,
        account=ACCOUNT,
        request_id=found.request_id,
        source_ip="192.0.2.1",
        observed_at=NOW,
        producer="fuzz/1",
        kept=found.scrubbed,
        length=length,
    )
    _check_no_secret(record)
    entry = decode_quarantine(record.value)
    assert not isinstance(entry, Undecodable), f"the quarantine does not read its own record: {entry}"
    assert entry.kept() == found.scrubbed


def _check_callback(callback: Callback) -> None:
    record = _record(callback)
    _check_no_secret(record)
    for text in _texts(callback.body):
        assert not SECRETS.show_in(text), "a secret is kept in the body"
    event = decode_event(record.value, record.headers)
    assert not isinstance(event, Undecodable), f"the reconciler does not read our record: {event}"
    assert event.event_id == _event_id(record), "the event has another id when it is read"
    for told in (callback.canonical, exact_json(_reversed(callback.body)), callback.body_json):
        same = parse_generally(told, SECRETS)
        assert isinstance(same, Callback), f"its own words are refused: {same.reason}"
        assert same.canonical == callback.canonical, "the canonical form is not its own canonical form"
        assert _event_id(_record(same)) == event.event_id, "the order of members changes the id"


def _record(callback: Callback) -> Record:
    return callback_record(
        TOPICS,
        callback,
        account=ACCOUNT,
        service="DeviceProfileService",
        source_ip="192.0.2.1",
        observed_at=NOW,
        producer="fuzz/1",
    )


def _event_id(record: Record) -> str:
    return dict(record.headers)["ce_id"].decode()


def _check_no_secret(record: Record) -> None:
    written = b"\n".join([record.key, record.value or b"", *(value for _, value in record.headers)])
    for secret in SECRET_VALUES:
        assert secret.encode() not in written, "a secret is in the record"


def _reversed(value: Json) -> Json:
    """The same with the members of every object in the opposite order."""
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
