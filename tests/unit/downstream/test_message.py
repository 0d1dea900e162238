"""What cannot be kept of a message is passed over, and the others go on."""

import orjson
import pytest

from reconciler.downstream.message import read_message
from reconciler.downstream.planning import Settled

GOOD = {
    "operation_id": "o",
    "account": "a",
    "eid": "e",
    "iccid_target": "i",
    "action": "delete",
    "state": "succeeded",
    "final": True,
    "settled_at": "2026-01-01T00:00:00Z",
    "version": 1,
}


def test_a_good_one_is_read_and_a_tombstone_is_none() -> None:
    assert isinstance(read_message(orjson.dumps({**GOOD, "new": 1})), Settled)
    assert read_message(None) is None


@pytest.mark.parametrize(
    ("member", "written"),
    [
        ("version", b"1180591620717411303424"),
        ("version", b"-1"),
        ("settled_at", b'"0001-01-01T00:00:00+23:59"'),
        ("settled_at", b'"9999-12-31T23:59:59Z"'),
        ("settled_at", b"1e300"),
        ("operation_id", rb'"a\u0000b"'),
        ("eid", rb'"a\u0000b"'),
        ("request_id", b'"' + b"r" * 100_000 + b'"'),
        ("action", b"[" * 3000 + b"]" * 3000),
    ],
)
def test_what_no_row_can_hold_is_unreadable(member: str, written: bytes) -> None:
    value = orjson.dumps({**GOOD, member: orjson.Fragment(written)})
    assert isinstance(read_message(value), str)
