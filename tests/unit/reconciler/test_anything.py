"""Whatever stands on a topic that we read becomes an item, or a record of the relay: nothing is raised."""

import json
from dataclasses import dataclass
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.batch import Arrived, Unusable
from reconciler.decode import decoder
from reconciler.relay.relay import Request, relayed
from schemas.record import Record
from tests.integration.reconciler.said import TOPICS, random_records

DEEP: Final = "nested deep"
DEPTHS: Final = (101, 130, 260, 500, 990, 1020, 2000)
"""Around the limits of our own rules, of orjson's writer, of Python's stack, and of orjson's reader."""
SAID: Final = [record.value or b"" for record in random_records(Random(4), 60)]
DECODE = decoder(TOPICS)

texts = st.text(max_size=20) | st.sampled_from(["\ud800", "\x00", "9" * 400, '"', "\\", DEEP])
names = texts | st.sampled_from([*json.loads(SAID[0]), "password", "deviceIds", "id", "kind", "phase"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=10,
)
depths = st.tuples(st.sampled_from(DEPTHS), st.sampled_from([("[", "]"), ('{"a":', "}")]))


def nested(text: str, depth: int, brackets: tuple[str, str]) -> bytes:
    """With the mark `DEEP` replaced by what is as deep as that; the writer could not nest it so."""
    left, right = brackets
    return text.replace(f'"{DEEP}"', left * depth + "1" + right * depth).encode("utf-8", "surrogatepass")


changed = st.builds(
    lambda said, members, ascii_only, deep: nested(
        json.dumps({**json.loads(said), **members}, ensure_ascii=ascii_only), *deep
    ),
    st.sampled_from(SAID),
    st.dictionaries(names, values, max_size=5),
    st.booleans(),
    depths,
)
damaged = st.builds(
    lambda said, at, piece: said[:at] + piece + said[at + 1 :],
    st.sampled_from(SAID),
    st.integers(0, 900),
    st.binary(max_size=3),
)


@dataclass(frozen=True, slots=True)
class Consumed:
    topic: str
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = None
    partition: int = 0
    offset: int = 0
    timestamp: int = 0


def take(value: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> list[str]:
    """What becomes of the same bytes on each of the three topics that are read."""
    items = [DECODE(Consumed(topic, value, headers)) for topic in (TOPICS.events, TOPICS.quarantine)]
    request = relayed(Request(0, 0, value, headers, 0), TOPICS)
    assert isinstance(request.record, Record)
    return [item.reason if isinstance(item, Unusable) else "" for item in items] + [request.reason]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=50) | changed | damaged, st.binary(max_size=8))
def test_any_bytes_become_an_item_or_a_record(value: bytes, ce_type: bytes) -> None:
    take(value)
    take(value, (("ce_type", ce_type),))


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
@pytest.mark.parametrize(
    "text",
    [
        r'{"kind":"callback","y":"\u0041","x":"%s"}',
        r'{"kind":"poll","y":"\u0041","sub_requests":"%s"}',
        '{"kind":"callback","body":{"x":"%s"}}',
        '{"kind":"callback","body":{"number":1.5,"x":"%s"}}',
        '{"kind":"callback","body":{"deviceIds":[{"id":"1","kind":"eid","x":"%s"},{"id":"2","kind":"eid"}]}}',
        '{"kind":"poll","body":{"x":"%s"}}',
        '{"account":"a","request_id":"r","eid":"e","action":"enable","x":"%s"}',
    ],
)
def test_what_is_nested_too_deep_is_set_aside_like_everything_else(
    text: str, brackets: tuple[str, str], depth: int
) -> None:
    assert all(take(nested(text % DEEP, depth, brackets)))


def test_what_is_changed_here_was_events() -> None:
    assert all(isinstance(DECODE(Consumed(TOPICS.events, value)), Arrived) for value in SAID)
