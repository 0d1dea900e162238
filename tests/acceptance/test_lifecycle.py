"""Programs end, reload and die as the people who run them expect, and no callback is lost by it."""

from __future__ import annotations

import asyncio
import json
import signal
import uuid
from collections import Counter
from functools import partial

import aiohttp
import pytest

from tests.acceptance.product import FLEET, PASSWORD, USERNAME, Product, Receiver, post
from tests.simulator.content import event_id
from tests.support.polling import eventually

NEW_PASSWORD = "a new password for tests"


def body(request_id: str, password: str = PASSWORD) -> bytes:
    said = {"username": USERNAME, "password": password, "requestId": request_id, "status": "Success"}
    return json.dumps(
        {**said, "deviceIds": [{"id": "89049032000000000000000000000163", "kind": "eid"}]}
    ).encode()


def callback_url(receiver: Receiver) -> str:
    return f"{receiver.url}/v1/callbacks/{FLEET}/DeviceProfileService"


class Senders:
    """Callers that never stop asking: each uses a connection once, as ThingSpace's rare callbacks do."""

    def __init__(self, url: str, count: int, *, kept: bool) -> None:
        self._url, self._count, self._kept = url, count, kept
        self._number = 0
        self.answers: Counter[str] = Counter()
        self.accepted: list[bytes] = []

    async def run(self, ended: asyncio.Event) -> None:
        connector = aiohttp.TCPConnector(limit=0, force_close=not self._kept)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._ask(session, ended))

    async def _ask(self, session: aiohttp.ClientSession, ended: asyncio.Event) -> None:
        while not ended.is_set():
            self._number += 1
            sent = body(f"drain-{self._number}")
            try:
                async with session.post(self._url, data=sent) as response:
                    await response.read()
            except aiohttp.ClientConnectorError:
                return  # nobody listens any more: nothing was sent
            except aiohttp.ClientError as error:
                self.answers[type(error).__name__] += 1
                continue
            self.answers[str(response.status)] += 1
            if response.status == 200:
                self.accepted.append(sent)


@pytest.mark.parametrize("kept", [False, True], ids=["a connection for each", "kept connections"])
async def test_sigterm_under_load_fails_no_request(product: Product, kept: bool) -> None:
    """Whoever was let in is answered 200; what was answered 200 is on the topic."""
    await asyncio.gather(product.receiver(), product.reconciler())
    receiver = product.receivers[0]
    senders, ended = Senders(callback_url(receiver), 20, kept=kept), asyncio.Event()
    running = asyncio.create_task(senders.run(ended))
    await eventually(lambda: senders.answers["200"] > 300)
    receiver.program.signal(signal.SIGTERM)
    assert await receiver.program.ended() == 0
    ended.set()
    await running
    assert set(senders.answers) == {"200"}, senders.answers
    ledger = await product.settled()
    kept_events = {event.event_id for event in ledger.events}
    assert {event_id(sent, FLEET) for sent in senders.accepted} <= kept_events
    assert "Traceback" not in receiver.program.stderr()


async def test_sighup_reads_the_accounts_again(product: Product) -> None:
    receiver = await product.receiver()
    url = callback_url(receiver)
    assert await post(url, body("before")) == 200
    assert await post(url, body("before", NEW_PASSWORD)) == 403
    product.write("password", NEW_PASSWORD)
    product.write("previous-password", "another password")
    receiver.program.signal(signal.SIGHUP)

    async def taken() -> bool:
        return await post(url, body("after", NEW_PASSWORD)) == 200

    await eventually(taken)
    assert await post(url, body("after")) == 403


async def test_a_bad_accounts_file_keeps_the_old_one(product: Product) -> None:
    receiver = await product.receiver()
    url = callback_url(receiver)
    product.write("accounts.toml", "[[account]]\nname = 7\n")
    receiver.program.signal(signal.SIGHUP)
    before = receiver.program.stderr()
    await eventually(lambda: receiver.program.stderr() != before)
    assert await post(url, body("still")) == 200
    assert receiver.program.exit_code is None


async def test_a_killed_reconciler_goes_on_where_it_was(product: Product) -> None:
    """kill -9 in the middle of a load, again and again: nothing is lost, nothing is applied twice.

    The first successor waits for the session of the dead one to end. The others join under another group
    name: the positions are the database's, so it makes no difference to what they read.
    """
    _, reconciler = await asyncio.gather(product.receiver(), product.reconciler())
    journal = product.folder / "load.ndjson"
    product.journals.append(journal)
    load = asyncio.create_task(
        product.programs.run(
            "thingspace-simulator",
            *("load", "--count", "6000", "--rate", "1500", "--repeat-every", "7", "--devices", "500"),
            *("--seed", "kill", "--journal", str(journal)),
            *product.listener(FLEET),
        )
    )
    for least, settings in ((500, {}), (2000, new_group()), (3500, new_group())):
        await eventually(partial(at_least, product, least))
        reconciler.program.kill()
        reconciler = await product.reconciler(**settings)
    done = await load
    assert done.exit_code == 0, done.stderr + done.stdout
    assert await product.faults() == []
    verified = await product.programs.run("profile-audit", "verify", "--json")
    assert verified.exit_code == 0, verified.stdout + verified.stderr


def new_group() -> dict[str, str]:
    return {"RECONCILER_GROUP": f"test-{uuid.uuid4()}"}


async def at_least(product: Product, count: int) -> bool:
    """Whether so many events have been applied."""
    async with product.database.connect("profile_auditor") as connection:
        found = await connection.fetchval("select count(*) from audit.events")
    return bool(found >= count)


async def test_sigterm_ends_the_reconciler_with_everything_applied_kept(product: Product) -> None:
    _, reconciler = await asyncio.gather(product.receiver(), product.reconciler())
    await product.play("bulk-thirty")
    await product.settled()
    assert await reconciler.program.stop() == 0
    assert "Traceback" not in reconciler.program.stderr()
    assert await product.faults() == []
