"""Positions: where reading goes on, what is left out, and topics that are not what they were."""

from dataclasses import dataclass

import pytest

from reconciler.core.batch import Item, Place, Position, TopicId, Unusable
from reconciler.decode import KafkaRecord
from reconciler.faults import GapError, RecreatedError
from reconciler.kafka.progress import Lag, Progress, check_topic, read_from

PLACE = Place("events", 0)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A record whose identity is its value."""

    offset: int
    value: bytes = b"same"
    timestamp: int = 5000
    topic: str = "events"
    partition: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def decode(record: KafkaRecord) -> Item:
    identity = (record.value or b"").decode()
    return Unusable(PLACE, record.offset, identity, "r", None, None, None, None, b"", b"", None, None)


def placed(position: Position, first: int = 0, end: int = 100) -> Progress:
    progress = Progress(decode)
    progress.place(PLACE, position, read_from(PLACE, position, first, end))
    return progress


@pytest.mark.parametrize(
    ("position", "first", "end", "offset"),
    [
        (Position(0, None), 0, 0, 0),
        (Position(5, "same"), 0, 9, 4),
        (Position(5, "same"), 0, 5, 4),
        (Position(5, "same"), 5, 9, 5),
        (Position(5, None), 0, 9, 5),
    ],
    ids=["never read", "one early", "at the end", "the one before is gone", "nothing to compare with"],
)
def test_reading_goes_on_one_record_early_where_there_is_one(
    position: Position, first: int, end: int, offset: int
) -> None:
    assert read_from(PLACE, position, first, end) == offset


def test_a_gap_names_what_is_missing_and_the_way_past_it() -> None:
    with pytest.raises(GapError, match=r"events partition 0: the records 5 to 7 .*offsets accept-gap"):
        read_from(PLACE, Position(5, "same"), 8, 9)


def test_a_topic_that_never_had_the_record_was_made_anew() -> None:
    with pytest.raises(RecreatedError, match=r"only up to 3.*offsets reset"):
        read_from(PLACE, Position(5, "same"), 0, 3)


def test_another_id_means_another_topic_whatever_its_records() -> None:
    with pytest.raises(RecreatedError, match=r"id new, not old.* 5 is the next offset .*offsets reset"):
        check_topic(PLACE, Position(5, "same", TopicId("old")), TopicId("new"))


@pytest.mark.parametrize(
    ("stored", "now"),
    [(TopicId("a"), TopicId("a")), (None, TopicId("a")), (TopicId("a"), None), (None, None)],
)
def test_an_id_that_nobody_knows_is_no_other_one(stored: TopicId | None, now: TopicId | None) -> None:
    check_topic(PLACE, Position(5, "same", stored), now)


def test_the_record_applied_last_is_compared_and_left_out() -> None:
    progress = placed(Position(5, "same"))
    fetched = progress.taken({PLACE: [Numbered(4), Numbered(5), Numbered(6)]})
    assert [record.offset for record in fetched.records] == [5, 6]
    assert fetched.starts == {PLACE: 5}


@pytest.mark.parametrize("before", [[Numbered(4, b"other")], []], ids=["another", "none"])
def test_another_record_in_its_place_means_another_topic(before: list[Numbered]) -> None:
    progress = placed(Position(5, "same"))
    with pytest.raises(RecreatedError, match="not the one applied last"):
        progress.taken({PLACE: [*before, Numbered(5)]})


def test_it_is_compared_once_and_the_next_batch_starts_behind_the_last() -> None:
    progress = placed(Position(5, "same"))
    assert progress.taken({PLACE: [Numbered(4)]}).starts == {}
    assert progress.taken({PLACE: [Numbered(5), Numbered(7)]}).starts == {PLACE: 5}
    assert progress.taken({PLACE: [Numbered(9)]}).starts == {PLACE: 8}


def test_records_that_were_applied_are_dropped() -> None:
    progress = placed(Position(5, None))
    assert [record.offset for record in progress.taken({PLACE: [Numbered(3), Numbered(5)]}).records] == [5]


def test_the_lag_counts_to_kafkas_end_and_from_the_oldest_record_in_hand() -> None:
    progress = placed(Position(5, None))
    assert progress.lag(lambda _: None, 10.0) == Lag(0, 0.0)
    progress.taken({PLACE: [Numbered(5, timestamp=7000), Numbered(6, timestamp=8000)]})
    progress.taken({PLACE: [Numbered(7, timestamp=9500)]})
    assert progress.lag(lambda _: 12, 10.0) == Lag(7, 3.0)
    assert progress.applied({PLACE: 7}) == {PLACE: 7}
    assert progress.lag(lambda _: 12, 10.0) == Lag(5, 0.5)
    progress.applied({PLACE: 12})
    assert progress.lag(lambda _: 12, 10.0) == Lag(0, 0.0)


def test_after_a_rebalance_nothing_is_left_of_the_old_positions() -> None:
    progress = placed(Position(5, "same"))
    progress.clear()
    assert progress.lag(lambda _: 12, 10.0) == Lag(0, 0.0)
