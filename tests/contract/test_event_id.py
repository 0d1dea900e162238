"""The event id, computed a second time from interfaces.md 4 alone, by the standard library alone."""

import hashlib
import json
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.callback import Callback, Secrets, parse
from schemas.event import callback_event
from tests.contract.golden import ACCOUNT, NOW, RECORDS_OF_EVENTS, records

LEFT_OUT = {"username", "password", "devicecredential", "callbackcount", "maxcallbackthreshold"}


def digest(*parts: object) -> str:
    text = json.dumps(list(parts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def hashed(value: Any) -> Any:
    """A body as it goes into the id."""
    if isinstance(value, dict):
        return {name: hashed(item) for name, item in value.items() if name.casefold().strip() not in LEFT_OUT}
    if not isinstance(value, list):
        return value
    items = [hashed(item) for item in value]
    if items and all(
        isinstance(item, dict) and "kind" in {name.casefold().strip() for name in item} for item in items
    ):
        return sorted(
            items,
            key=lambda item: json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
        )
    return items


def recomputed(event: dict[str, Any]) -> str:
    account, request_id, eid = event["account"], event["request_id"], event["eid"]
    match event["kind"]:
        case "callback":
            return digest("callback", account, hashed(event["body"]))
        case "request":
            asked = (event["intent_id"], eid, event["iccid"], event["action"], event["phase"])
            return digest("request", account, request_id, *asked)
        case "poll":
            found = (eid, event["iccid"], event["poll_number"], event["sub_requests"])
            return digest("poll", account, request_id, *found)
        case "decision":
            decided = (event["intent_id"], eid, event["iccid"], event["as"], event["sequence"])
            return digest("decision", account, request_id, *decided)
    raise AssertionError(event["kind"])


def test_every_golden_event_names_itself_rightly() -> None:
    events = {name: record for name, record in records().items() if name.startswith(RECORDS_OF_EVENTS)}
    assert len(events) >= 14
    for record in events.values():
        event = json.loads(record.value or b"")
        assert event["event_id"] == recomputed(event) == dict(record.headers)["ce_id"].decode()


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)
NAMES = st.sampled_from(
    ["id", "Id", "kind", "KIND", "note", "Password", "callbackcount", "deviceCREDENTIAL", "ß", "n"]
)
NESTED = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES, inner, max_size=4)
        | st.lists(st.fixed_dictionaries({"kind": LEAVES, "id": LEAVES}), max_size=4)
    ),
    max_leaves=10,
)
BODIES = st.dictionaries(
    st.sampled_from(["deviceIds", "note", "deviceResponse", "status", "é"]), NESTED, max_size=5
)


@settings(max_examples=80, deadline=None)
@given(BODIES, st.booleans())
def test_any_body_has_the_id_that_the_page_says(body: dict[str, Any], indented: bool) -> None:
    raw = json.dumps(body, ensure_ascii=False, indent=2 if indented else None).encode()
    callback = parse(raw, Secrets())
    if not isinstance(callback, Callback):
        return  # `Password` beside `password` somewhere: refused, tested elsewhere
    event_id, value = callback_event(
        callback, account=ACCOUNT, service="s", source_ip=None, observed_at=NOW, producer="p"
    )
    expected = digest("callback", ACCOUNT, hashed(deepcopy(body)))
    assert event_id == expected
    assert recomputed(json.loads(value)) == expected
