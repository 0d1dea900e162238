"""From ThingSpace's word that a profile is deleted to the systems that keep records of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.acceptance.fleet import Order, announce
from tests.acceptance.product import FLEET, Product
from tests.support.database import Database
from tests.support.downstream import APP, Downstream, a_downstream, eid_of, iccid_of, settled_as
from tests.support.typed import Typist


@pytest.fixture
async def downstream(
    product: Product,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Downstream]:
    async with a_downstream(
        product.programs,
        Typist(monkeypatch, capsys),
        environment,
        product.database,
        product.topics,
        product.bootstrap,
        product.folder,
    ) as made:
        yield made


async def deleted(product: Product, number: int) -> None:
    """Somebody announced it, ThingSpace warns, and then says that it is done."""
    order = Order("delete", eid_of(number), iccid_of(number), request_id=f"delete-{number}")
    await announce(product, [order])
    for status in ("Warning", "Success"):
        done = await product.programs.run(
            "thingspace-simulator",
            *("send", "--request-id", order.request_id, "--eid", order.eid, "--iccid", order.iccid),
            *("--action", "delete", "--status", status, "--reports", "bootstrap"),
            *product.listener(FLEET),
        )
        assert done.exit_code == 0, done.stderr


async def test_a_deletion_at_thingspace_is_told_to_both_once_it_has_settled(
    product: Product, downstream: Downstream, database: Database
) -> None:
    await downstream.map(
        *(downstream.device(number, target="oracle", holder="jdoe") for number in (1, 2)),
        *(downstream.device(number) for number in (1, 2)),
    )
    await asyncio.gather(product.receiver(), product.reconciler(), downstream.run())
    await deleted(product, 1)
    await settled_as(downstream, "confirmed")
    assert sorted(downstream.profiles.profiles) == [(APP, "9876", "dev-2")]
    assert downstream.care.calls == []
    await deleted(product, 2)
    await settled_as(downstream, "confirmed", "confirmed", "confirmed")
    assert downstream.profiles.profiles == {}
    assert downstream.care.ran == [("jdoe", "unregisterDevices")]
    assert any("/profile/status/" in call for call in downstream.profiles.calls)
    assert downstream.profiles.calls[-1].startswith("GET /resources/v2/customerappprofile/")
    async with database.connect("profile_auditor") as auditor:
        told = await auditor.fetch(
            "select j.target, o.request_id from audit.downstream_jobs as j "
            "join audit.operations as o on o.operation_id::text = j.operation_id order by 1, 2"
        )
    assert [tuple(row) for row in told] == [
        ("imi", "delete-1"),
        ("imi", "delete-2"),
        ("oracle", "delete-2"),
    ]
