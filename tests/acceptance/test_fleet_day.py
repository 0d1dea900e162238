"""A fleet's day with bad news: the ledger ends at the truth, or says what it does not know."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from tests.acceptance.fleet import (
    SMSR_OID,
    Card,
    ThingSpace,
    Truth,
    announce,
    start_thingspace,
    thingspace_settings,
)
from tests.acceptance.ledger import Operation, read_ledger
from tests.acceptance.product import FLEET, Product, Reconciler, fetch
from tests.support.polling import eventually

CARDS = 60
ACTIONS = ("enable", "delete", "download_enable", "disable")
SETTLED_WITHIN_S = 420.0
SIMULATED_S_IN_ONE = 7200
AWAY_EVERY_S = 16
"""Real seconds, because the client that rests while ThingSpace is away knows no others."""
AWAY = {
    "group": "status",
    "share": 0.5,
    "period_s": AWAY_EVERY_S * SIMULATED_S_IN_ONE,
    "kinds": ["unavailable", "html", "refuse"],
}
SWEEP = {
    "RECONCILER_SWEEP_SCHEDULE": "2s,4s/20m",
    "RECONCILER_SWEEP_APART": "1s",
    "RECONCILER_SWEEP_POLLS_PER_MINUTE": "3000",
}
ANSWERED = ("success", "failure", "pending")
OPEN_WORDS = {"conflicted", "abandoned"}


class Overdue(BaseModel):
    model_config = ConfigDict(extra="ignore")
    request_id: str
    state: str
    abandoned: bool


async def test_every_operation_ends_at_the_truth_or_is_listed(product: Product) -> None:
    """Half of it is asked for by the product itself, half by another system that announces it.

    30 % of the callbacks never come, 10 % days later, 5 % contradict, 2 % say EXPIRED; the status API is
    away half of the time.
    """
    scale = str(SIMULATED_S_IN_ONE)
    thingspace = await start_thingspace(
        product, "--config", "fleet-day", "--clock-scale", scale, "--seed", "fleet"
    )
    await thingspace.post(f"{thingspace.control_url}/outage", {"away": [AWAY]})
    await thingspace.register(await product.receiver())
    settings = thingspace_settings(product, thingspace.base_url)
    reconcilers = await asyncio.gather(*(product.reconciler(**SWEEP, **settings) for _ in range(2)))
    cards = await thingspace.cards(CARDS)
    wanted = [(ACTIONS[number % len(ACTIONS)], card) for number, card in enumerate(cards)]
    await submit(product, wanted[::2], settings)
    await announce(product, [await thingspace.order(action, card) for action, card in wanted[1::2]])
    await eventually(lambda: is_over(thingspace, product), within_s=SETTLED_WITHIN_S)
    await product.settled()

    truths = await thingspace.truths()
    assert_the_day_was_bad(truths)
    operations = (await read_ledger(product.database.auditor_dsn)).operations
    assert len(operations) == CARDS
    assert await wrong(operations, truths, product) == []
    polls = await polls_in_the_audit(product)
    assert sum([await polls_of(reconciler) for reconciler in reconcilers]) == polls > CARDS // 6
    checked = await product.programs.run("profile-reconciler", "rebuild", "--check")
    assert checked.exit_code == 0, checked.stdout + checked.stderr


async def submit(product: Product, wanted: Sequence[tuple[str, Card]], settings: Mapping[str, str]) -> None:
    """From a file, as an operator does."""
    lines = [f"{FLEET},{action},{card.eid},{card.iccid},{SMSR_OID}" for action, card in wanted]
    file = product.write("orders.csv", "\n".join(["account,action,eid,iccid,smsr_oid", *lines]) + "\n")
    done = await product.programs.run(
        "profile-reconciler", "submit", "--file", str(file), "--json", env=settings
    )
    assert done.exit_code == 0, done.stdout + done.stderr


async def polls_of(reconciler: Reconciler) -> float:
    """How many it got an answer to."""
    metrics = await fetch(f"http://{reconciler.ops}/metrics")
    counted = dict(
        line.rsplit(" ", 1) for line in metrics.splitlines() if line.startswith("reconciler_polls_")
    )
    return sum(float(counted[f'reconciler_polls_total{{result="{word}"}}']) for word in ANSWERED)


async def is_over(thingspace: ThingSpace, product: Product) -> bool:
    """Nothing will happen any more at ThingSpace, and the ledger knows all it can."""
    truths = await thingspace.truths()
    operations = (await read_ledger(product.database.auditor_dsn)).operations
    open_now = [one for one in operations if not one.final and one.state not in OPEN_WORDS]
    assert len(operations) == CARDS
    assert not open_now, open_now
    assert all(truth.over for truth in truths.values()), "callbacks are on their way"
    return True


def assert_the_day_was_bad(truths: Mapping[str, Truth]) -> None:
    """The seed has drawn each kind of bad news."""
    courses = Counter(device.course or "usual" for truth in truths.values() for device in truth.devices)
    assert courses["lost"] >= CARDS // 6, courses
    assert courses.keys() >= {"lost", "late", "contradicting", "expired"}, courses


async def wrong(
    operations: tuple[Operation, ...], truths: Mapping[str, Truth], product: Product
) -> list[str]:
    """Operations that ended otherwise than at the truth, and are not listed as open."""
    listed = await product.programs.run("profile-audit", "overdue", "--json")
    overdue = {row.request_id: row for row in map(Overdue.model_validate, listed.ndjson())}
    found: list[str] = []
    for one in operations:
        assert one.request_id is not None
        (device,) = truths[one.request_id].devices
        row = overdue.get(one.request_id)
        is_listed = one.state == "conflicted" or (row is not None and row.abandoned)
        if one.state != device.state and not is_listed:
            found.append(f"{one.request_id} is {one.state}, in truth {device.state} ({device.course})")
    return found


async def polls_in_the_audit(product: Product) -> int:
    """As many poll events as polls were numbered, each number once; how many."""
    async with product.database.connect("profile_auditor") as connection:
        rows = await connection.fetch(
            "select operation.request_id, operation.polls,"
            " (select array_agg((event.body::jsonb ->> 'poll_number')::int order by 1)"
            "  from audit.events as event"
            "  where event.request_id = operation.request_id and event.kind = 'poll') as numbers"
            " from audit.operations as operation"
        )
    for row in rows:
        assert sorted(row["numbers"] or []) == list(range(1, row["polls"] + 1)), row["request_id"]
    return sum(row["polls"] for row in rows)
