"""Whoever floods the receiver cannot make us ask ThingSpace: the whole way, on real parts."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.acceptance.fleet import ThingSpace, announce, start_thingspace, thingspace_settings
from tests.acceptance.product import FLEET, PASSWORD, Product, Receiver
from tests.integration.sweep.conftest import Typed
from tests.support.database import Database
from tests.support.program import Programs
from tests.unit.receiver.endpoint import callback

STRANGER = "127.0.0.2"
FLOOD = 400
NAMING = 40
AT_ONCE = 20


@pytest.fixture
def product(programs: Programs, database: Database, topics: Topics, stack: Stack, tmp_path: Path) -> Product:
    made = Product(programs, database, topics, stack.bootstrap, tmp_path)
    made.write_accounts()
    return made


async def statuses(receiver: Receiver, bodies: list[bytes], *, source: str, account: str = FLEET) -> set[int]:
    url = f"{receiver.url}/v1/callbacks/{account}/DeviceProfileService"
    connector = aiohttp.TCPConnector(local_addr=(source, 0), limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post(body: bytes) -> int:
            async with session.post(url, data=body) as answer:
                return answer.status

        return set(await asyncio.gather(*map(post, bodies)))


async def flood(receiver: Receiver, open_request: str, time: str) -> None:
    """With requests that nobody made, and naming one that is open; every body is another one."""
    names = [f"invented-{time}-{number}" for number in range(FLOOD)]
    padded = [{"requestId": open_request, "x": time + "x" * number} for number in range(NAMING)]
    guesses = [callback(requestId=name, password="guess") for name in names]
    guesses += [callback(**members, password="guess") for members in padded]
    assert await statuses(receiver, guesses, source="127.0.0.1") == {403}
    noise = [callback(requestId=name, password=PASSWORD)[:-1] for name in [*names, open_request]]
    assert await statuses(receiver, noise, source="127.0.0.1") == {200}
    right = [callback(requestId=name, password=PASSWORD) for name in [*names, open_request]]
    assert await statuses(receiver, right, source=STRANGER) == {403}
    assert await statuses(receiver, right, source="127.0.0.1", account="nobody") == {404}


async def asked_about(thingspace: ThingSpace) -> Counter[str]:
    """How often ThingSpace was asked about each request, as it counts itself."""
    log = await thingspace.control("/log?last=100000")
    assert isinstance(log, dict)
    paths = (call["path"] for call in log["calls"] if call["endpoint"].startswith("status"))
    return Counter(path.split("/")[-2] for path in paths)


async def test_a_flood_makes_no_looks_and_an_open_request_that_it_names_is_asked_about_once_an_hour(
    product: Product, typed: Typed
) -> None:
    thingspace = await start_thingspace(product, "--clock-scale", "0.01")
    settings = thingspace_settings(product, thingspace.base_url)
    await product.reconciler(RECONCILER_SWEEP="off")
    receiver = await product.receiver(RECEIVER_ALLOW_MODE="enforce")
    (card,) = await thingspace.cards(1)
    order = await thingspace.order("enable", card)
    await announce(product, [order])
    await product.settled()

    async def swept_after_a_flood(time: str) -> object:
        await flood(receiver, order.request_id, time)
        await product.settled()
        assert await counted(product.database) == {"operation": 1, "poll": 1, "request": 1}
        done = await typed("profile-reconciler", "sweep", "--once", "--json", code=0, **settings)
        await product.settled()
        return cast(Mapping[str, object], done.json())["polls"]

    assert await swept_after_a_flood("first") == {"pending": 1}
    await later(product.database, "5 minutes")
    assert await swept_after_a_flood("soon") == {}
    await later(product.database, "1 hour")
    assert await swept_after_a_flood("an hour on") == {"pending": 1}
    final = callback(
        requestId=order.request_id, password=PASSWORD, deviceIds=[{"kind": "eid", "id": order.eid}]
    )
    assert await statuses(receiver, [final], source="127.0.0.1") == {200}
    await later(product.database, "1 hour")
    assert await swept_after_a_flood("when it was final") == {}
    assert await asked_about(thingspace) == {order.request_id: 2}
    assert await quarantined(product.database) >= 4 * 2 * FLOOD


async def later(database: Database, interval: str) -> None:
    """So long ago is now what the sweep did last."""
    async with database.connect() as connection:
        await connection.execute(
            "update ledger.poll set last_poll_at = last_poll_at - $1::text::interval,"
            " refused_at = refused_at - $1::text::interval",
            interval,
        )


async def counted(database: Database) -> dict[str, int]:
    """Rows that the sweep would find its work by."""
    async with database.connect() as connection:
        return {
            table: await connection.fetchval(f"select count(*) from ledger.{table}")
            for table in ("operation", "poll", "request")
        }


async def quarantined(database: Database) -> int:
    async with database.connect() as connection:
        found: int = await connection.fetchval("select count(*) from ledger.quarantine")
    return found
