"""An audit chain names its first broken row, whatever was done to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.audit.verify import ChainCheck, ChainHead, Fault, Link
from reconciler.core.chain import COLUMNS, GENESIS, Value, digest, link, metadata

BEGIN = datetime(2026, 11, 24, 6, tzinfo=UTC)
LENGTH = 7


def values_of(position: int) -> list[Value]:
    values: dict[str, Value] = dict.fromkeys(COLUMNS)
    values |= {
        "event_id": bytes([position]) * 32,
        "kind": "callback",
        "flags": ["repaired_json"],
        "partition": 3,
        "offset": 100 + position,
        "chain_position": position,
        "recorded_at": BEGIN + timedelta(seconds=position),
    }
    return [values[column] for column in COLUMNS]


def chain_of(length: int) -> list[Link]:
    links: list[Link] = []
    previous = GENESIS
    for position in range(1, length + 1):
        values, salt, body = values_of(position), bytes([position]) * 16, b'{"status":"Success"}'
        payload = digest(salt, body)
        previous = link(previous, metadata(values), payload)
        event_id = (bytes([position]) * 32).hex()
        links.append(Link(position, 100 + position, event_id, values, payload, previous, salt, body))
    return links


def stored(links: list[Link], last_position: int | None = None) -> ChainHead:
    last = links[-1]
    return ChainHead(3, last.position, last.chain_hash, 1, last_position or last.position)


def first_fault(links: list[Link], head: ChainHead) -> Fault | None:
    check = ChainCheck(head)
    half = len(links) // 2
    return check.feed(links[:half]) or check.feed(links[half:]) or check.finish()


def test_an_untouched_chain_is_whole_over_the_borders_of_pages() -> None:
    links = chain_of(LENGTH)
    check = ChainCheck(stored(links))
    assert all(check.feed([row]) is None for row in links)
    assert check.finish() is None
    assert (check.position, check.head) == (LENGTH, links[-1].chain_hash)


def test_an_empty_chain_is_whole() -> None:
    assert ChainCheck(ChainHead(0, 0, GENESIS, None, None)).finish() is None


@pytest.mark.parametrize("column", range(len(COLUMNS)), ids=COLUMNS)
def test_no_column_can_be_altered_unseen(column: int) -> None:
    links = chain_of(LENGTH)
    altered = list(links[3].values)
    altered[column] = "something else"
    links[3] = replace(links[3], values=altered)
    fault = first_fault(links, stored(links))
    assert fault is not None
    assert (fault.chain_position, fault.offset, fault.event_id) == (4, 104, "04" * 32)
    assert "altered" in fault.fault


def test_an_altered_body_is_named() -> None:
    links = chain_of(LENGTH)
    links[5] = replace(links[5], body=b'{"status":"Failed"}')
    fault = first_fault(links, stored(links))
    assert fault is not None
    assert fault.chain_position == 6
    assert "body was altered" in fault.fault


def test_a_body_erased_with_its_salt_leaves_the_chain_whole() -> None:
    links = chain_of(LENGTH)
    links[2] = replace(links[2], body=None, body_salt=None)
    assert first_fault(links, stored(links)) is None


@pytest.mark.parametrize("gone", ["body", "body_salt"])
def test_half_an_erasure_is_a_fault(gone: str) -> None:
    links = chain_of(LENGTH)
    links[2] = replace(links[2], body=None) if gone == "body" else replace(links[2], body_salt=None)
    fault = first_fault(links, stored(links))
    assert fault is not None
    assert fault.chain_position == 3


def test_a_removed_row_is_named_by_the_row_after_it() -> None:
    links = chain_of(LENGTH)
    head = stored(links)
    del links[2]
    fault = first_fault(links, head)
    assert fault is not None
    assert fault.chain_position == 4
    assert "from position 3" in fault.fault


def test_a_removed_row_is_found_when_the_others_are_renumbered() -> None:
    links = chain_of(LENGTH)
    head = stored(links)
    del links[2]
    links = [replace(row, position=place) for place, row in enumerate(links, start=1)]
    fault = first_fault(links, head)
    assert fault is not None
    assert fault.chain_position == 3


def test_a_second_row_at_one_position_is_a_fault() -> None:
    links = chain_of(LENGTH)
    head = stored(links)
    links.insert(3, links[2])
    fault = first_fault(links, head)
    assert fault is not None
    assert (fault.chain_position, fault.fault) == (3, "a second row stands at this position")


def test_swapped_rows_are_a_fault() -> None:
    links = chain_of(LENGTH)
    head = stored(links)
    links[1], links[2] = replace(links[2], position=2), replace(links[1], position=3)
    fault = first_fault(links, head)
    assert fault is not None
    assert fault.chain_position == 2


def test_rows_cut_off_at_the_end_are_missed() -> None:
    links = chain_of(LENGTH)
    fault = first_fault(links[:-2], stored(links))
    assert fault is not None
    assert (fault.chain_position, fault.event_id) == (6, None)
    assert "last 2 rows" in fault.fault


def test_a_chain_computed_anew_does_not_fit_the_stored_head() -> None:
    head = stored(chain_of(LENGTH))
    forged = chain_of(LENGTH - 1)
    values, salt, body = values_of(LENGTH), bytes(16), b'{"status":"Failed"}'
    payload = digest(salt, body)
    forged.append(
        Link(
            LENGTH,
            107,
            "07" * 32,
            values,
            payload,
            link(forged[-1].chain_hash, metadata(values), payload),
            salt,
            body,
        )
    )
    fault = first_fault(forged, head)
    assert fault is not None
    assert fault.chain_position == LENGTH
    assert "end" in fault.fault


def test_rows_outside_the_stored_chain_are_a_fault() -> None:
    links = chain_of(LENGTH)
    behind = first_fault(links, stored(links, last_position=LENGTH + 1))
    before = first_fault(links, replace(stored(links), first_position=0))
    assert behind is not None
    assert "behind" in behind.fault
    assert before is not None
    assert "before" in before.fault


def test_rows_without_any_stored_chain_are_a_fault() -> None:
    fault = ChainCheck(ChainHead(3, 0, GENESIS, 1, 4)).finish()
    assert fault is not None
    assert fault.chain_position == 1
