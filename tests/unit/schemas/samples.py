"""Callbacks for tests: the published samples, and one that can be bent."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from schemas.callback import Callback, Secrets, Unreadable, parse, parse_generally
from schemas.ids import AccountName
from schemas.layout import Layouts

FIXTURES = Path(__file__).parents[2] / "fixtures"
AS_PRINTED = (FIXTURES / "delete_success_as_printed.json").read_bytes()

ACCOUNT = AccountName("1223334444-00001")
EID = "89049032000000000000000000000163"
ICCID = "89148000000840784251"
REPORTED = "89148000000840784269"
IMEI = "490154203237518"
NOW = datetime(2026, 11, 24, 6, 30, 15, 42, tzinfo=UTC)
NO_SECRETS = Secrets()

Body = dict[str, Any]


def sample(name: str) -> bytes:
    return (FIXTURES / "callbacks" / f"{name}.json").read_bytes()


def body(**changes: object) -> Body:
    """A good delete success whose identifiers pass every check; a change to `...` leaves the member out."""
    whole: Body = {
        "username": "fleet",
        "password": "a password",
        "requestId": "595f5c44-c31c-4552-8670-020a1545a84d",
        "deviceIds": [
            {"id": IMEI, "kind": "imei"},
            {"id": EID, "kind": "eid"},
            {"id": ICCID, "kind": "iccid"},
        ],
        "deviceResponse": {
            "deviceProfileResponse": {
                "deviceIdentifierCollection": [
                    {"id": REPORTED, "kind": "iccid"},
                    {"id": "2022326360", "kind": "mdn"},
                ],
                "profileStatus": "delete",
                "euiccStatus": "EXECUTED_SUCCESS",
            }
        },
        "status": "Success",
        "callbackCount": 1,
        "maxCallbackThreshold": 4,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def with_profile(**changes: object) -> Body:
    changed = body()
    changed["deviceResponse"]["deviceProfileResponse"].update(changes)
    return changed


def written(value: object) -> bytes:
    return json.dumps(value).encode()


def understood(value: object, secrets: Secrets = NO_SECRETS) -> Callback:
    parsed = _parsed_all_ways(value if isinstance(value, bytes) else written(value), secrets)
    assert isinstance(parsed, Callback), parsed
    return parsed


def refused(value: object, secrets: Secrets = NO_SECRETS) -> Unreadable:
    parsed = _parsed_all_ways(value if isinstance(value, bytes) else written(value), secrets)
    assert isinstance(parsed, Unreadable), parsed
    return parsed


def _parsed_all_ways(raw: bytes, secrets: Secrets) -> Callback | Unreadable:
    """As usual, in the general way, and in a layout learned from the same body: all must say the same."""
    parsed = parse(raw, secrets)
    assert parsed == parse_generally(raw, secrets)
    layouts = Layouts(partial(parse_generally, secrets=NO_SECRETS))
    if isinstance(parsed, Callback):
        layouts.meet(raw)
    familiar = layouts.read(raw, secrets)
    assert familiar is None or familiar.callback() == parsed
    return parsed
