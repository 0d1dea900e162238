"""Reading what was not written with care: repaired where it is sure, else refused with a reason."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.reading import Refusal, read_exactly, without_trailing_commas


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        (b'{"a":1,}', b'{"a":1}'),
        (b"[1,2 , \r\n\t]", b"[1,2  \r\n\t]"),
        (b'{"a":[1,],"b":{"c":2,},}', b'{"a":[1],"b":{"c":2}}'),
        (b'{"a":",}",}', b'{"a":",}"}'),
        (b'{"a":"\\",]",}', b'{"a":"\\",]"}'),
        (b'["a,]b"]', b'["a,]b"]'),
        (b"[,]", b"[,]"),
        (b"{ ,}", b"{ ,}"),
        (b"[1,,]", b"[1,,]"),
        (b'["open,}', b'["open,}'),
        (b"[1],", b"[1],"),
        (b'["\\', b'["\\'),
    ],
)
def test_only_a_comma_before_a_closing_bracket_outside_strings_goes(text: bytes, repaired: bytes) -> None:
    assert without_trailing_commas(text) == repaired


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_what_is_json_already_is_left_alone(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False).encode()
    assert without_trailing_commas(text) == text


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_a_comma_behind_every_last_item_is_repaired(value: object) -> None:
    spoiled = json.dumps(value, indent=1).replace("\n", ",\n") if value else json.dumps(value)
    lines = [line.replace(",,", ",") for line in spoiled.split("\n")]
    kept = [
        line[:-1] if line.rstrip(",").endswith(("[", "{")) and line.endswith(",") else line for line in lines
    ]
    text = "\n".join(kept).encode()
    assert json.loads(without_trailing_commas(text)) == value


@pytest.mark.parametrize(
    "text", [b'["' * 20_000, b",  " * 20_000, b'"' * 60_001, b"\\" * 60_000, b'"\\' * 30_000, b"[ " * 30_000]
)
def test_the_repair_takes_linear_time(text: bytes) -> None:
    without_trailing_commas(text)  # a quadratic one would take minutes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not_json"),
        (b"nonsense", "not_json"),
        (b'{"a":1', "not_json"),
        (b'{"a":NaN}', "not_json"),
        (b'{"a":-Infinity}', "not_json"),
        (b'{"a":1}}', "not_json"),
        (b'{"a":"\x01"}', "not_json"),
        (b"{'a':1}", "not_json"),
        (b'{"a":1e400}', "number_out_of_range"),
        (b'{"a":-1e400}', "number_out_of_range"),
        (b"[" + b"9" * 309 + b"]", "number_out_of_range"),
        (b"[" + b"9" * 5000 + b"]", "number_out_of_range"),
        (b'{"a":"\\ud800"}', "lone_surrogate"),
        (b'{"\\udfff":1}', "lone_surrogate"),
        (b"[" * 50_000, "too_deep"),
        (b'{"status":"a","status":"b"}', "deciding_member_twice"),
        (b'{"x":[{"password":"a","password":"a"}]}', "deciding_member_twice"),
    ],
)
def test_a_refusal_has_its_reason(text: bytes, reason: str) -> None:
    assert read_exactly(text) == Refusal(reason)  # type: ignore[arg-type]


def test_every_digit_is_kept() -> None:
    text = b"[89049032000000000000000000000163,-123456789012345678901234567890,1.5e-7,18446744073709551616]"
    assert read_exactly(text) == [
        89049032000000000000000000000163,
        -123456789012345678901234567890,
        1.5e-7,
        2**64,
    ]


def test_of_a_member_that_decides_nothing_the_last_one_stands() -> None:
    assert read_exactly(b'{"note":1,"note":2}') == {"note": 2}
