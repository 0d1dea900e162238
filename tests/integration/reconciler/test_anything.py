"""Whatever can be decoded can be stored, and the rest is set aside: no record stops the others."""

import json
from random import Random
from typing import Final

import pytest

from reconciler.core.batch import Arrived
from schemas.record import Record
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.said import EIDS, callback, random_records

EVENTS = 250
ODD: Final[tuple[object, ...]] = (
    *(None, True, 0, -1, 1.5, 2**31, 2**32, 2**63 - 1, 2**63, 2**70, -(2**63)),
    *("", "\u0001", "\x7f", "\ud7ff", "\U0001f600", "é" * 100, "a" * 255, "a" * 3000, '"', "\\", '{a,"b\\"}'),
    *(
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30T00:00:00Z",
    ),
    *("::1", "999.1.1.1", [], ["a"] * 500, [None], {}, [{"kind": "eid", "id": "1"}]),
)
"""What databases, arrays as text and calendars have trouble with."""


def odd_record(rng: Random, number: int) -> Record:
    """Some members of an event changed; those of a callback do not count for its id, but for the body."""
    names = ("R", "é" * 200, "R\u0001", '"', "{", "\\", "'")
    record = callback(
        rng.choice(("Success", "Failed", "warning")),
        request=f"{rng.choice(names)}{number % 3}",
        eid=rng.choice((EIDS[0], "é" * 30, "e" * 255, '{"')),
        iccid=rng.choice((None, None, "x" * 255, '"\\', "{}")),
        reported=rng.choice(("891480000000000001", "x" * 255, '"\\', '",', "\\")),
        action=rng.choice(("enable", "delete", '{"', "\\")),
    )
    said = json.loads(record.value or b"")
    for name in rng.sample([name for name in said if name != "body"], rng.randrange(3)):
        said[name] = rng.choice(ODD)
    return record._replace(value=json.dumps(said).encode())


@pytest.mark.parametrize("seed", range(3))
async def test_what_can_be_decoded_is_applied_whatever_it_holds(seed: int, desk: Desk) -> None:
    rng = Random(seed)
    records = [*random_records(rng, EVENTS // 5), *(odd_record(rng, number) for number in range(EVENTS))]
    events = 0
    for record in records:
        batch = desk.batch([desk.consumed(record)])
        await desk.apply(batch)
        events += isinstance(batch.items[0], Arrived)
    assert EVENTS // 2 < events < len(records)
