"""Callbacks over TCP in, settled rows out: what each kind of callback becomes, on the real parts."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from tests.acceptance.checker import the_operation
from tests.acceptance.journal import Journal
from tests.acceptance.product import BARE, FLEET, Product, post
from tests.simulator import catalogue

VENDOR_REQUEST = "595f5c44-c31c-4552-8670-020a1545a84d"
VENDOR_EID = "666456789123456789123456784008"


@pytest.fixture
async def running(product: Product) -> Product:
    """One receiver and one reconciler."""
    await asyncio.gather(product.receiver(), product.reconciler())
    return product


def request_of(journal: Journal) -> str:
    (request_id,) = {truth.request_id for truth in journal.truths}
    assert request_id is not None
    return request_id


async def test_the_vendors_printed_callback_settles_its_operation(running: Product) -> None:
    """Byte for byte with its trailing comma, for an account registered without credentials."""
    journal = await running.play("vendor-delete", account=BARE)
    ledger = await running.settled()
    operation = the_operation(ledger, VENDOR_REQUEST)
    assert (operation.state, operation.final, operation.eid) == ("succeeded", True, VENDOR_EID)
    assert operation.action == "delete"
    event = ledger.event(journal.attempts[0].event_id or "")
    assert "repaired_json" in event.flags
    assert event.body is not None
    assert "2022326360@vzw4g.com" not in event.body
    assert await running.faults() == []


async def test_the_vendors_target_is_known_to_no_one_and_pinned_on_nothing(running: Product) -> None:
    """The ICCID that the printed callback reports may be the profile active now."""
    await running.play("vendor-delete", account=BARE)
    ledger = await running.settled()
    assert the_operation(ledger, VENDOR_REQUEST).iccid_target is None
    (bootstrap,) = [profile for profile in ledger.profiles if profile.eid == VENDOR_EID]
    assert (bootstrap.bootstrap, bootstrap.iccid) == (True, None)
    assert bootstrap.possible_states == {"disabled", "enabled"}


async def test_every_spelling_and_casing_settles_alike(running: Product) -> None:
    journal = await running.play("spellings")
    assert await running.faults() == []
    ledger = await running.settled()
    repaired = [event for event in ledger.events if "repaired_json" in event.flags]
    assert len(repaired) == 1
    assert Counter(operation.state for operation in ledger.operations) == {"succeeded": len(journal.truths)}


@pytest.mark.parametrize(
    ("scenario", "outcomes"),
    [("warning-then-final", ["applied", "applied"]), ("final-before-warning", ["applied", "late"])],
)
async def test_a_warning_and_its_final_settle_in_either_order(
    running: Product, scenario: str, outcomes: list[str]
) -> None:
    journal = await running.play(scenario)
    assert await running.faults() == []
    ledger = await running.settled()
    operation = the_operation(ledger, request_of(journal))
    assert operation.state == "succeeded"
    assert operation.facts == {"submitted", "interim", "success"}
    arrived = [attempt.event_id or "" for attempt in journal.attempts]
    assert [ledger.event(event_id).outcome for event_id in arrived] == outcomes


async def test_four_copies_to_two_receivers_are_one_event_and_one_effect(product: Product) -> None:
    await asyncio.gather(product.receiver(), product.receiver(), product.reconciler())
    journal = await product.play("four-copies")
    assert await product.faults() == []
    ledger = await product.settled()
    assert len(ledger.events) == 1
    assert sorted(copy.attempt or 0 for copy in ledger.copies) == [1, 2, 3, 4]
    assert the_operation(ledger, request_of(journal)).facts == {"submitted", "success"}
    assert len(ledger.operations) == 1


async def test_a_fault_is_a_failure(running: Product) -> None:
    journal = await running.play("fault")
    operation = the_operation(await running.settled(), request_of(journal))
    assert (operation.state, operation.final) == ("failed", True)


async def test_the_vendors_printed_fault_is_a_failure_of_a_device_without_eid(running: Product) -> None:
    journal = await running.play("vendor-fault")
    operation = the_operation(await running.settled(), request_of(journal))
    assert (operation.state, operation.eid) == ("failed", None)
    assert operation.device is not None


async def test_a_wrong_password_is_refused_and_only_the_request_id_kept(running: Product) -> None:
    journal = await running.play("wrong-password")
    assert {attempt.status for attempt in journal.attempts} == {403}
    ledger = await running.settled()
    (kept,) = ledger.quarantine
    assert (kept.reason, kept.account, kept.request_id) == ("unauthenticated", FLEET, request_of(journal))
    assert kept.content == b""
    assert ledger.events == ()
    assert ledger.operations == ()


async def test_an_unreadable_body_is_accepted_and_quarantined(running: Product) -> None:
    journal = await running.play("unreadable")
    assert {attempt.status for attempt in journal.attempts} == {200}
    ledger = await running.settled()
    (kept,) = ledger.quarantine
    assert (kept.account, kept.request_id) == (FLEET, request_of(journal))
    assert kept.reason != "unauthenticated"
    assert b"8904" in kept.content
    assert ledger.events == ()


async def test_a_request_for_thirty_devices_ends_device_by_device(running: Product) -> None:
    journal = await running.play("bulk-thirty")
    assert await running.faults() == []
    operations = (await running.settled()).of_request(request_of(journal))
    assert Counter(operation.state for operation in operations) == {"succeeded": 26, "failed": 3, "warned": 1}
    assert len({operation.eid for operation in operations}) == 30


async def test_a_fleets_day_leaves_what_every_scenario_promises(product: Product) -> None:
    """Everything the simulator can do at once, through two receivers and two reconcilers."""
    await asyncio.gather(product.receiver(), product.receiver(), product.reconciler(), product.reconciler())
    await product.play(catalogue.FLEET_DAY, "--operations", "200", "--seed", "acceptance")
    assert await product.faults() == []
    verified = await product.programs.run("profile-audit", "verify", "--json")
    assert verified.exit_code == 0, verified.stderr
    assert json.loads(verified.stdout)["ok"] is True


async def test_what_is_no_callback_of_ours_leaves_no_row(running: Product) -> None:
    url = running.receivers[0].url
    statuses = [
        await post(f"{url}/v1/callbacks/9999999999-00001/DeviceProfileService", b"{}"),
        await post(f"{url}/v1/callbacks/{FLEET}/NiddService", b"{}"),
        await post(f"{url}/v1/callbacks/{BARE}/DeviceProfileService/not-the-secret", b"{}"),
        await post(f"{url}/v1/callbacks/{FLEET}/DeviceProfileService", b""),
        await post(f"{url}/v1/callbacks/{FLEET}/DeviceProfileService", b"x" * 70_000),
        await post(f"{url}/v1/callbacks/{FLEET}/DeviceProfileService", b"{}", **{"Content-Encoding": "br"}),
    ]
    assert statuses == [404, 404, 404, 400, 413, 415]
    ledger = await running.settled()
    assert (ledger.events, ledger.quarantine, ledger.operations) == ((), (), ())
