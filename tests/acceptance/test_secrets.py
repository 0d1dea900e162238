"""No credential leaves the receiver: a canary is put everywhere, and looked for everywhere."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from urllib.parse import quote

import pytest

from deploy.local.stack import Stack
from tests.acceptance import canary, seen
from tests.acceptance.canary import Canary, Post
from tests.acceptance.product import BARE, FLEET, Product, fetch, post

PREVIOUS = "Prev10us/canary-77aa"
PATH_SECRET = "p4th-canary-1b2c3d"
CANARY = Canary("fleet", 'C4nary/ñ"7x\\ 9f3a2b', "L1ne-crédential-5e8d")
SECRETS = (CANARY.password, CANARY.line, PREVIOUS, PATH_SECRET)
NUMERIC = Canary("numeric", "4031234567890123", "L1ne-crédential-5e8d")

ACCOUNTS = f"""
[[account]]
name = "{FLEET}"
username = "fleet"
password_file = "canary"
previous_password_file = "canary-before"
previous_until = 2099-01-01T00:00:00Z

[[account]]
name = "{BARE}"
credentials = "none"
path_secret_file = "canary-path"

[[account]]
name = "numeric"
username = "numeric"
password_file = "canary-numeric"
"""


@pytest.mark.parametrize(("name", "sent"), canary.posts(CANARY))
def test_the_search_would_find_the_canary_in_every_place(name: str, sent: Post) -> None:
    """The search is no good if it does not find what was sent."""
    hay = b"\n".join((sent.body, sent.path.encode(), *(value.encode() for value in sent.headers.values())))
    assert seen.found_in(hay, canary.forms(CANARY.password) + canary.forms(CANARY.line)), name


@pytest.fixture
def guarded(product: Product) -> Product:
    """With accounts whose secrets are the canaries."""
    product.write_accounts(ACCOUNTS)
    product.write("canary", CANARY.password)
    product.write("canary-before", PREVIOUS)
    product.write("canary-path", PATH_SECRET)
    product.write("canary-numeric", NUMERIC.password)
    return product


async def sent_everywhere(product: Product) -> Counter[int]:
    """All places, for all accounts, in one go; how often each status came back."""
    url = product.receivers[0].url
    fleet = f"{url}/v1/callbacks/{FLEET}/DeviceProfileService"
    bare = f"{url}/v1/callbacks/{BARE}/DeviceProfileService/{PATH_SECRET}"
    statuses: Counter[int] = Counter()
    for _, one in canary.posts(CANARY):
        statuses[await post(fleet + one.path, one.body, **one.headers)] += 1
        statuses[await post(bare, one.body, **one.headers)] += 1
    for body in (f"the path secret is {PATH_SECRET}", json.dumps({"requestId": "r", "note": PREVIOUS})):
        statuses[await post(bare, body.encode())] += 1
    for path in (
        f"/v1/callbacks/{quote(CANARY.password, safe='')}/X",
        f"/{PATH_SECRET}",
        f"/x?{PATH_SECRET}",
    ):
        statuses[await post(url + path, b"{}")] += 1
    return statuses


async def everything(product: Product, stack: Stack) -> list[tuple[str, bytes]]:
    """All that left the processes, by where it was found."""
    ops = [receiver.ops for receiver in product.receivers]
    metrics = [(f"metrics {address}", (await fetch(f"http://{address}/metrics")).encode()) for address in ops]
    logs = [
        (str(path), path.read_bytes())
        for suffix in ("*.out", "*.err")
        for path in sorted(product.folder.glob(suffix))
    ]
    servers = seen.files_bytes(stack.home.log("postgres").parent)
    events = await product.programs.run("profile-audit", "events", "--json")
    return [
        *await seen.topic_bytes(product.bootstrap, product.topics),
        ("pg_dump", await seen.table_bytes(product.database.owner_dsn)),
        ("profile-audit events", events.stdout.encode() + events.stderr.encode()),
        *metrics,
        *logs,
        *servers,
    ]


async def test_a_canary_is_nowhere_but_where_it_was_sent(guarded: Product, stack: Stack) -> None:
    await asyncio.gather(guarded.receiver(), guarded.reconciler())
    statuses = await sent_everywhere(guarded)
    assert set(statuses) <= {200, 400, 403, 404}, statuses
    ledger = await guarded.settled()
    assert ledger.events
    assert ledger.quarantine
    assert seen.leaks(await everything(guarded, stack), SECRETS) == []


async def test_a_password_of_digits_is_not_kept_as_a_number(guarded: Product, stack: Stack) -> None:
    await asyncio.gather(guarded.receiver(), guarded.reconciler())
    url = f"{guarded.receivers[0].url}/v1/callbacks/numeric/DeviceProfileService"
    digits = NUMERIC.password
    for number, member in enumerate(
        (f'"note":{digits}', f'"n":{digits}.0', f'"n":[-{digits}]', f'"note":"{digits}"')
    ):
        body = f'{{"username":"numeric","password":"{digits}","requestId":"n-{number}",{member}}}'
        assert await post(url, body.encode()) == 200
    assert await post(url, f'{{"username":"numeric","password":{digits},"requestId":"n-x"}}'.encode()) in {
        200,
        403,
    }
    await guarded.settled()
    leaks = [where for where, hay in await everything(guarded, stack) if digits.encode() in hay]
    assert leaks == []


async def test_what_the_receiver_cannot_hand_on_is_not_written_down_in_clear(
    guarded: Product, stack: Stack
) -> None:
    """While Kafka does not answer: whatever lies on the receiver's disk or in its log is scrubbed too."""
    receiver = await guarded.receiver()
    url = f"{receiver.url}/v1/callbacks/{FLEET}/DeviceProfileService"
    with stack.frozen("kafka"):
        places = canary.posts(CANARY)
        sent = await asyncio.gather(*(post(url + one.path, one.body, **one.headers) for _, one in places))
        written = seen.files_bytes(guarded.folder / "spool-0")
    assert set(sent) <= {200, 400, 403, 404}, Counter(sent)
    assert any(".db" in name and body for name, body in written), "something lies in the spool"
    log = (receiver.program.stdout() + receiver.program.stderr()).encode()
    assert seen.leaks([*written, ("log", log)], SECRETS) == []
