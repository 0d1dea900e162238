"""A row's bytes: what goes in comes out, and nothing else does."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.spool.frame import enqueued_at, seal, unseal
from schemas.record import Record

RECORDS = st.builds(
    Record,
    topic=st.text(max_size=40),
    key=st.binary(max_size=80),
    value=st.none() | st.binary(max_size=400),
    headers=st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=40)), max_size=8).map(tuple),
)
RECORD = Record("profile.events.v1", b"key", b"value", (("ce_id", b"1"),))


@given(RECORDS, st.booleans(), st.integers(0, 4_000_000_000_000_000))
def test_what_is_sealed_comes_back(record: Record, proven: bool, enqueued_us: int) -> None:
    frame = seal(record, proven=proven, enqueued_us=enqueued_us)
    row = unseal(7, frame)
    assert row is not None
    assert (row.id, row.record, row.proven) == (7, record, proven)
    assert row.enqueued_at == enqueued_at(frame)


@given(RECORDS, st.data())
def test_a_flipped_bit_is_noticed(record: Record, data: st.DataObject) -> None:
    frame = bytearray(seal(record, proven=True, enqueued_us=1))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    assert unseal(1, bytes(frame)) is None


@pytest.mark.parametrize("length", [0, 1, 4, 15, 30])
def test_a_cut_frame_is_noticed(length: int) -> None:
    assert unseal(1, seal(RECORD, proven=True, enqueued_us=1)[:length]) is None


def test_the_time_is_read_to_the_microsecond() -> None:
    row = unseal(1, seal(RECORD, proven=True, enqueued_us=1_234_567))
    assert row is not None
    assert row.enqueued_at == datetime(1970, 1, 1, 0, 0, 1, 234_567, tzinfo=UTC)


def test_a_head_that_is_too_short_has_no_time() -> None:
    assert enqueued_at(b"PLS") is None
