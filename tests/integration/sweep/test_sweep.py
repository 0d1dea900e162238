"""`sweep --once`, and the sweep inside `run`, on real parts and a simulated ThingSpace."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import cast

import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.acceptance.fleet import Order, ThingSpace, announce, start_thingspace, thingspace_settings
from tests.acceptance.ledger import read_ledger
from tests.acceptance.product import Product, fetch
from tests.integration.sweep.conftest import Typed
from tests.support.database import Database
from tests.support.polling import eventually
from tests.support.program import Programs

Row = Mapping[str, object]
AT_ONCE = {"RECONCILER_SWEEP_SCHEDULE": "1ms,1s/10m", "RECONCILER_SWEEP_APART": "1s"}
"""An operation is due as soon as it is known."""


@pytest.fixture
def product(programs: Programs, database: Database, topics: Topics, stack: Stack, tmp_path: Path) -> Product:
    made = Product(programs, database, topics, stack.bootstrap, tmp_path)
    made.write_accounts()
    return made


async def ordered(product: Product, thingspace: ThingSpace, count: int) -> list[Order]:
    """Orders whose callbacks nobody takes, done at ThingSpace and announced."""
    orders = [await thingspace.order("enable", card) for card in await thingspace.cards(count)]

    async def over() -> bool:
        return all(truth.over for truth in (await thingspace.truths()).values())

    await eventually(over)
    await announce(product, orders)
    return orders


def states(product: Product, count: int) -> Callable[[], Awaitable[bool]]:
    """Whether so many operations have succeeded."""

    async def look() -> bool:
        operations = (await read_ledger(product.database.auditor_dsn)).operations
        assert sum(one.state == "succeeded" for one in operations) == count, operations
        return True

    return look


async def test_once_settles_what_no_callback_told(product: Product, typed: Typed) -> None:
    thingspace = await start_thingspace(product, "--clock-scale", "20")
    settings = thingspace_settings(product, thingspace.base_url)
    await product.reconciler(RECONCILER_SWEEP="off", **AT_ONCE)
    await ordered(product, thingspace, 3)
    await product.settled()
    done = await typed("profile-reconciler", "sweep", "--once", "--json", code=0, **AT_ONCE, **settings)
    told = cast(Row, done.json())
    assert (told["polls"], told["left"], told["away"]) == ({"success": 3}, 0, {})
    await eventually(states(product, 3))


async def test_the_sweep_inside_run_finds_it_by_itself(product: Product) -> None:
    thingspace = await start_thingspace(product, "--clock-scale", "20")
    settings = thingspace_settings(product, thingspace.base_url)
    reconciler = await product.reconciler(**AT_ONCE, **settings)
    await ordered(product, thingspace, 3)
    await eventually(states(product, 3), within_s=60)
    metrics = await fetch(f"http://{reconciler.ops}/metrics")
    assert 'reconciler_polls_total{result="success"} 3.0' in metrics
    assert await reconciler.program.stop() == 0
    assert "Traceback" not in reconciler.program.stderr()


async def test_an_away_thingspace_settles_nothing_and_fails_the_command(
    product: Product, typed: Typed
) -> None:
    thingspace = await start_thingspace(product, "--clock-scale", "20")
    settings = thingspace_settings(product, thingspace.base_url)
    await product.reconciler(RECONCILER_SWEEP="off", **AT_ONCE)
    await ordered(product, thingspace, 1)
    await product.settled()
    thingspace.program.kill()
    done = await typed("profile-reconciler", "sweep", "--once", code=1, **AT_ONCE, **settings)
    assert "could not be asked about" in done.stdout
    (operation,) = (await product.settled()).operations
    assert (operation.state, sorted(operation.facts)) == ("submitted", ["announced", "submitted"])


async def test_without_accounts_nobody_is_asked_and_that_is_said(product: Product, typed: Typed) -> None:
    done = await typed("profile-reconciler", "sweep", "--once")
    assert "THINGSPACE_ACCOUNTS_FILE is not set" in done.stdout
    assert "thingspace_unused" in done.stderr
    json = cast(Row, (await typed("profile-reconciler", "sweep", "--once", "--json")).json())
    assert (json["configured"], json["polls"]) == (False, {})
    await typed("profile-reconciler", "sweep", code=2)


async def test_a_sweep_that_is_switched_off_asks_nobody(product: Product) -> None:
    reconciler = await product.reconciler(RECONCILER_SWEEP="off")
    await eventually(lambda: '"event":"sweep_off"' in reconciler.program.stderr())
    assert await reconciler.program.stop() == 0
