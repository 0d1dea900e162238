"""What a layout reads is what the general way reads, or it says nothing."""

import json
import random
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.callback import Callback, Secrets, parse_generally
from schemas.ids import AccountName
from schemas.layout import LAYOUTS_MAX, STUDIED_CHARS_MAX, STUDIED_ONE_IN, Layouts, learned
from schemas.record import callback_record
from schemas.topics import Topics
from tests.unit.schemas.samples import AS_PRINTED, FIXTURES, NO_SECRETS, body, with_profile, written

SECRETS = Secrets(["a password", "4711815002"])
SAMPLES = [AS_PRINTED, *(path.read_bytes() for path in sorted((FIXTURES / "callbacks").glob("*.json")))]
general = partial(parse_generally, secrets=NO_SECRETS)

TEXTS = st.one_of(
    st.sampled_from(
        [
            *("", " ", " padded ", "a password", "4711815002", "slot000", "slotx001", "%s", "%41", "&amp;"),
            *(
                "r-1",
                "Success",
                "*",
                "\\u0041",
                "\x00",
                "\n",
                "\x7f",
                "é",
                "\ud7ff",
                "x" * 200,
                "{",
                "]",
                ":",
            ),
            *("89049032000000000000000000000163", "89148000000840784251", "0", "00", "0a", "F" * 40),
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
)
KINDS = st.sampled_from(["eid", "iccid", "imei", "mdn", "EID", "esn", "", "e d", 7, None])
VALUES = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(-3, 2**65), st.floats(allow_nan=False))
IDENTIFIERS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"id": TEXTS, "kind": KINDS}),
        st.fixed_dictionaries({"kind": KINDS, "id": TEXTS}),
        st.fixed_dictionaries({"id": VALUES}, optional={"kind": KINDS, "note": VALUES}),
        VALUES,
    ),
    max_size=4,
)
COUNTS = st.one_of(st.integers(0, 5), TEXTS, st.none())
BODIES = st.fixed_dictionaries(
    {"requestId": st.one_of(TEXTS, VALUES), "deviceIds": IDENTIFIERS, "status": TEXTS},
    optional={
        "username": TEXTS,
        "password": st.one_of(TEXTS, st.dictionaries(TEXTS, VALUES, max_size=2)),
        "callbackCount": COUNTS,
        "maxCallbackThreshold": COUNTS,
        "faultResponse": st.one_of(TEXTS, st.lists(TEXTS), st.fixed_dictionaries({"faultcode": TEXTS})),
        "note": st.one_of(VALUES, IDENTIFIERS, st.lists(IDENTIFIERS, max_size=2)),
        "Status": TEXTS,
        "deviceResponse": st.fixed_dictionaries(
            {
                "deviceProfileResponse": st.fixed_dictionaries(
                    {"deviceIdentifierCollection": IDENTIFIERS, "profileStatus": TEXTS},
                    optional={
                        "ipAddress": VALUES,
                        "deviceCredential": st.fixed_dictionaries({"password": TEXTS, "kind": TEXTS}),
                    },
                )
            }
        ),
    },
)


SEEN = [
    partial(
        callback_record,
        Topics("t."),
        account=AccountName(account),
        service="DeviceProfileService",
        source_ip=source_ip,
        observed_at=datetime(2026, 11, 24, 12, 30, microsecond=microsecond, tzinfo=UTC),
        producer='the "first"',
        extra_flags=extra_flags,
    )
    for account, source_ip, microsecond, extra_flags in (
        ("0123-00001", "2001:db8::1", 1, ()),
        ('slot001 "%s" \u00e9', None, 0, ("source_unlisted", "attempt_missing")),
    )
]
"""Byte for byte, the record is the same whichever way its callback was read."""


def retold(value: object, draw: st.DataObject) -> object:
    """Another body in the same layout, if its new texts allow it."""
    if isinstance(value, dict):
        return {name: retold(item, draw) if name != "kind" else item for name, item in value.items()}
    if isinstance(value, list):
        return [retold(item, draw) for item in value]
    return draw.draw(TEXTS) if isinstance(value, str) else value


def agree(first: bytes, second: bytes) -> bool:
    """Reads the second by the layout of the first; whether it said anything."""
    layouts = Layouts(general)
    if isinstance(parse_generally(first, SECRETS), Callback):
        layouts.meet(first)
    found = layouts.read(second, SECRETS)
    if found is None:
        return False
    generally = parse_generally(second, SECRETS)
    assert isinstance(generally, Callback)
    assert found.callback() == generally
    assert (found.credentials, found.request_id, found.eid) == (
        generally.credentials,
        generally.request_id,
        generally.eid,
    )
    for seen in SEEN:
        assert seen(found) == seen(generally)
    return True


@pytest.mark.parametrize("raw", SAMPLES)
def test_the_samples_are_read_as_they_are_in_general(raw: bytes) -> None:
    agree(raw, raw)


def test_the_printed_sample_has_a_layout() -> None:
    printed = AS_PRINTED.replace(b'""', b'"shown"')
    assert agree(printed, printed)
    assert agree(printed, printed.replace(b"delete", b"enable").replace(b"vzw", b"abc"))


@given(BODIES, st.sampled_from([None, 0, 2, "\t"]), st.booleans())
@settings(max_examples=400, deadline=None)
def test_any_body_is_read_as_it_is_in_general(said: object, indent: int | None, plain: bool) -> None:
    raw = json.dumps(said, indent=indent, ensure_ascii=plain).encode()
    agree(raw, raw)


@given(st.data(), BODIES)
@settings(max_examples=400, deadline=None)
def test_other_texts_in_a_known_layout_are_read_as_they_are_in_general(
    data: st.DataObject, said: object
) -> None:
    agree(written(said), written(retold(said, data)))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_usual_bodies_are_read_as_they_are_in_general(data: st.DataObject) -> None:
    agree(written(body()), written(retold(body(), data)))


@given(st.data())
@settings(max_examples=600, deadline=None)
def test_a_damaged_body_is_read_as_it_is_in_general(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([AS_PRINTED, written(body()), written(with_profile(state="Active"))]))
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(damaged)))
        end = start + data.draw(st.integers(0, 3))
        damaged[start:end] = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from([b'"', b",", b"}", b"a"]))
        )
    agree(whole, bytes(damaged))


def test_every_single_byte_of_a_body_counts() -> None:
    rng, whole = random.Random(7), written(body())
    read = sum(
        agree(whole, whole[:place] + bytes([rng.randrange(256)]) + whole[place + 1 :])
        for place in range(len(whole))
    )
    assert 0 < read < len(whole)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "a password"},
        {"requestId": "x4711815002"},
        {"status": "4711%3815002"},
        {"requestId": "r" * 2000},
        {"requestId": " r-1"},
        {"status": ""},
        {"status": "S\u00fcccess"},
    ],
)
def test_a_text_that_needs_thought_is_left_to_the_general_way(changed: dict[str, object]) -> None:
    assert agree(written(body(password="another")), written(body(password="a password")))
    assert not agree(written(body()), written(body(**changed)))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"status":"Success","status":"Failed","requestId":"r"}',
        b'{"status":"Success","Status":"Failed","requestId":"r"}',
        b'{"requestId":"r","status":"Success","faultResponse":["a","b"]}',
        b'{"requestId":"r","status":"Success","deviceIds":[{"id":"1","kind":"imei","note":"x"}]}',
        b'{"requestId":"r","status":"Success","n":1.50}',
    ],
)
def test_some_forms_have_no_layout(raw: bytes) -> None:
    assert learned(raw.decode(), general) is None


def test_a_repeated_member_that_decides_nothing_counts_as_in_general() -> None:
    assert agree(b'{"note":"a","note":"b","requestId":"r"}', b'{"note":"c","note":"d","requestId":"s"}')


def test_layouts_are_few_and_seldom_learned() -> None:
    studied = 0

    def understand(raw: bytes) -> object:
        nonlocal studied
        studied += 1
        return general(raw)

    layouts = Layouts(understand)  # type: ignore[arg-type]
    times = 3 * LAYOUTS_MAX * STUDIED_ONE_IN
    for number in range(times):
        layouts.meet(written({f"member{number}": "x", "requestId": "r", "status": "s"}))
    assert studied == 3 * LAYOUTS_MAX
    last = written({f"member{times - STUDIED_ONE_IN}": "y", "requestId": "r", "status": "s"})
    first = written({"member0": "y", "requestId": "r", "status": "s"})
    familiar = layouts.read(last, NO_SECRETS)
    assert familiar is not None
    assert familiar.callback() == general(last)
    assert layouts.read(first, NO_SECRETS) is None


def test_a_long_body_is_not_learned() -> None:
    layouts = Layouts(general)
    raw = written(body(note=["x"] * STUDIED_CHARS_MAX))
    layouts.meet(raw)
    assert layouts.read(raw, NO_SECRETS) is None
