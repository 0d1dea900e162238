"""Records that somebody else's mistake may put on the events topic: none may stop, or hide, the others.

Each is marked by a header, so that a checker finds it again. Some are events after all, only strange ones:
these may be applied; whatever is not applied must be in quarantine.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.event import request_event
from schemas.ids import AccountName, Eid, Iccid, RequestId

MARK = "x-spoilt"
ACCOUNT = AccountName("1223334444-00009")
WIDEST = "\U0001f4a5"
"""Four bytes of UTF-8 in one character."""


@dataclass(frozen=True, slots=True)
class Spoilt:
    name: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def spoilt(rng: random.Random) -> list[Spoilt]:
    """One of every kind, all different from those of another call, in random order."""
    found = [
        Spoilt(name, key, value, ((MARK, name.encode()),))
        for name, value in {**_shapeless(rng), **_events(rng)}.items()
        for key in [f"spoilt-{rng.randrange(1000)}".encode()]
    ]
    versioned = ((MARK, b"another ce_type"), ("ce_type", b"profile.request.v9"))
    found.append(Spoilt("another ce_type", b"x", _event(rng), versioned))
    found.append(Spoilt("no key", None, b"{}", ((MARK, b"no key"),)))
    rng.shuffle(found)
    return found


def _shapeless(rng: random.Random) -> Mapping[str, bytes | None]:
    salt = rng.randbytes(8).hex()
    return {
        "tombstone": None,
        "empty": b"",
        "no JSON": b"no JSON " + salt.encode(),
        "half a JSON": _event(rng)[:-20],
        "an array": json.dumps([salt]).encode(),
        "a number": b"7",
        "not UTF-8": b'{"kind":"callback\xff"}',
        "UTF-16": _event(rng).decode().encode("utf-16"),
        "NaN": b'{"kind":NaN}',
        "deep": b'{"kind":' + b"[" * 5000 + b"]" * 5000 + b"}",
        "no kind": json.dumps({"salt": salt}).encode(),
        "unknown kind": json.dumps({"kind": "telepathy", "salt": salt}).encode(),
        "a kind that is no text": json.dumps({"kind": ["callback"]}).encode(),
        "members missing": json.dumps({"kind": "callback", "event_id": salt * 4}).encode(),
        "random bytes": rng.randbytes(500),
        "one megabyte": b'{"kind":"callback","body":{"text":"' + b"x" * 900_000 + b'"}}',
    }


def _events(rng: random.Random) -> Mapping[str, bytes]:
    """With the id that their content asks for, unless that is the fault."""
    return {
        "wrong id": _changed(rng, event_id="0" * 64),
        "a number as id": _changed(rng, event_id=7),
        "a time that is none": _changed(rng, observed_at="yesterday"),
        "a time without zone": _changed(rng, observed_at="2026-01-01T00:00:00"),
        "the year 1": _changed(rng, observed_at="0001-01-01T00:00:00Z"),
        "the year 9999": _changed(rng, observed_at="9999-12-31T23:59:59.999999Z"),
        "the year 2": _event(rng, observed_at=datetime(2, 1, 1, tzinfo=UTC)),
        "before the year 1": _changed(rng, observed_at="0001-01-01T00:00:00+14:00"),
        "after the year 9999": _changed(rng, observed_at="9999-12-31T23:59:59-14:00"),
        "a leap second": _changed(rng, observed_at="2016-12-31T23:59:60Z"),
        "an endless number": _changed(rng, rules=10**40),
        "a negative number": _changed(rng, rules=-1),
        "a fraction": _changed(rng, rules=1.5),
        "NUL in an id": _event(rng, eid="89\x00049032"),
        "NUL in a text": _event(rng, requested_by="a\x00b"),
        "a lone surrogate": _event(rng).replace(b'"requested_by":null', b'"requested_by":"\\ud800"'),
        "the widest ids": _event(rng, eid=WIDEST * 128, iccid=WIDEST * 128, account=WIDEST * 128),
        "an empty id": _changed(rng, eid=""),
        "an id too long": _changed(rng, eid="8" * 200),
        "a very long action": _event(rng, action="a" * 20_000 + rng.randbytes(20_000).hex()),
        "a very long name": _event(rng, requested_by=rng.randbytes(200_000).hex()),
        "many flags": _changed(rng, flags=[f"flag-{number}" for number in range(20_000)]),
        "a flag with NUL": _changed(rng, flags=["a\x00b"]),
    }


def _event(
    rng: random.Random,
    *,
    account: str = ACCOUNT,
    eid: str = "89049032000000000000000000000163",
    iccid: str = "89148000000000000017",
    action: str = "enable",
    observed_at: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    requested_by: str | None = None,
) -> bytes:
    return request_event(
        phase="announced",
        account=AccountName(account),
        request_id=RequestId(f"spoilt-{rng.randbytes(8).hex()}"),
        intent_id=None,
        eid=Eid(eid),
        iccid=Iccid(iccid),
        action=action,
        observed_at=observed_at,
        producer="faults",
        requested_by=requested_by,
    ).to_json()


def _changed(rng: random.Random, **members: object) -> bytes:
    return json.dumps({**json.loads(_event(rng)), **members}).encode()


def digest(value: bytes | None) -> bytes:
    """As the quarantine names it."""
    return hashlib.sha256(value or b"").digest()
