"""From a Kafka record to an item: events, what is unusable, and what must not be kept."""

from dataclasses import dataclass
from hashlib import sha256

import pytest

from reconciler.core.batch import Arrived, Batch, Place, Unusable
from reconciler.decode import REFUSED, condemned, decoder
from schemas.record import Record, quarantine_record
from schemas.topics import Topics
from tests.unit.reconciler.events import ACCOUNT, START, arrived

TOPICS = Topics("a.")
DECODE = decoder(TOPICS)
EVENT = arrived(Place(TOPICS.events, 2), 7, request="R")


@dataclass(frozen=True, slots=True)
class Consumed:
    topic: str
    value: bytes | None
    key: bytes | None = b"key"
    partition: int = 2
    offset: int = 7
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def test_an_event_keeps_its_own_bytes() -> None:
    item = DECODE(Consumed(TOPICS.events, EVENT.value))
    assert isinstance(item, Arrived)
    assert (item.place, item.offset, item.identity) == (Place(TOPICS.events, 2), 7, EVENT.identity)
    assert item.value == EVENT.value and item.key == b"key"
    assert item.evidence == EVENT.evidence


@pytest.mark.parametrize(("value", "reason"), [(b"{", "not_json"), (None, "empty"), (b"[]", "not_object")])
@pytest.mark.parametrize("topic", [TOPICS.events, TOPICS.quarantine])
def test_what_cannot_be_decoded_is_kept_with_its_reason(topic: str, value: bytes | None, reason: str) -> None:
    item = DECODE(Consumed(topic, value))
    assert isinstance(item, Unusable)
    assert (item.reason, item.content, item.key) == (reason, value or b"", b"key")
    assert item.identity == sha256(value or b"").hexdigest() == item.digest.hex()


def test_bytes_that_may_hold_a_credential_are_not_kept() -> None:
    value = EVENT.value.replace(b'"kind":"request"', b'"kind":"callback"').replace(
        b'"requested_by"', b'"body":{"password":"canary"},"requested_by"'
    )
    item = DECODE(Consumed(TOPICS.events, value))
    assert isinstance(item, Unusable)
    assert item.reason == "unscrubbed" and item.content == b""
    assert item.digest == sha256(value).digest()


def entry(reason: str, kept: bytes) -> Record:
    return quarantine_record(
        TOPICS,
        reason=reason,
        account=ACCOUNT,
        request_id=None,
        source_ip="69.78.128.1",
        observed_at=START,
        producer="receiver",
        kept=kept,
        length=3,
    )


def test_what_a_receiver_set_aside_becomes_its_row() -> None:
    item = DECODE(Consumed(TOPICS.quarantine, entry("not_json", b"{,}").value))
    assert isinstance(item, Unusable)
    assert (item.reason, item.account, item.source_ip, item.observed_at, item.content) == (
        "not_json",
        ACCOUNT,
        "69.78.128.1",
        START,
        b"{,}",
    )
    assert item.digest == sha256(b"{,}").digest()


def test_a_condemned_event_keeps_its_identity_and_all_its_bytes() -> None:
    """So that the next assignment recognizes it as the one applied last, and it can be replayed."""
    item = condemned(EVENT, "23514 some_rule")
    assert (item.reason, item.identity, item.content) == (REFUSED, EVENT.identity, EVENT.value)
    assert (item.account, item.request_id, item.error) == (ACCOUNT, "R", "23514 some_rule")
    assert (item.place, item.offset) == (EVENT.place, EVENT.offset)


def test_halves_of_a_batch_go_on_where_the_earlier_one_ends() -> None:
    one, other = Place("a", 0), Place("b", 1)
    items = (arrived(one, 3), arrived(other, 5), arrived(one, 4), arrived(other, 9))
    earlier, later = Batch(items, {one: 3, other: 4}).halves()
    assert (earlier.items, earlier.starts) == (items[:2], {one: 3, other: 4})
    assert (later.items, later.starts) == (items[2:], {one: 4, other: 6})
    assert later.ends()[other] == (10, items[3].identity)


def test_the_later_half_starts_where_the_batch_did_for_a_partition_that_is_only_there() -> None:
    one, other = Place("a", 0), Place("b", 1)
    items = (arrived(one, 3), arrived(one, 4), arrived(other, 5))
    earlier, later = Batch(items, {one: 3, other: 4}).halves()
    assert earlier.starts == {one: 3}
    assert later.starts == {one: 4, other: 4}
