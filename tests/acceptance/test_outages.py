"""Parts that stand still or die while callbacks come in: what was accepted is kept, once."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from deploy.local.stack import Stack
from tests.acceptance.journal import Journal, read_journal
from tests.acceptance.product import FLEET, Product, fetch
from tests.support.polling import eventually
from tests.support.program import Finished


class Playing:
    """A scenario that is being played while a test does harm; its answers may be any."""

    def __init__(self, product: Product, scenario: str, *options: str) -> None:
        self.path = product.folder / f"{scenario}.ndjson"
        product.journals.append(self.path)
        arguments = ("play", scenario, "--journal", str(self.path), *product.sender(FLEET), *options)
        self._task = asyncio.create_task(product.programs.run("thingspace-simulator", *arguments))

    def so_far(self) -> Journal:
        return read_journal(self.path) if self.path.exists() else Journal((), ())

    async def ended(self) -> Finished:
        return await self._task


async def test_a_receiver_that_stands_still_gets_a_second_copy_beside_the_first(product: Product) -> None:
    """No answer within four seconds: ThingSpace sends again while the first request is still open."""
    receiver, _ = await asyncio.gather(product.receiver(), product.reconciler())
    receiver.program.signal(signal.SIGSTOP)
    playing = Playing(product, "success")
    await eventually(lambda: connections_to(receiver.address) >= 2)
    receiver.program.signal(signal.SIGCONT)
    assert (await playing.ended()).exit_code == 0
    attempts = playing.so_far().attempts
    assert sorted((attempt.attempt, attempt.status) for attempt in attempts) == [(1, 200), (2, 200)]
    assert await product.faults() == []
    ledger = await product.settled()
    assert len(ledger.events) == 1
    assert len(ledger.copies) == 2


def connections_to(address: str) -> int:
    """Established connections that somebody has opened to an address of this machine."""
    host, _, port = address.partition(":")
    octets = "".join(f"{int(part):02X}" for part in reversed(host.split(".")))
    remote = f"{octets}:{int(port):04X}"
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(found[2] == remote and found[3] == "01" for found in fields)


async def test_while_kafka_stands_still_nothing_accepted_is_lost(product: Product, stack: Stack) -> None:
    """The spool says yes to every callback, at its first delivery; all of them are there, and there once."""
    await asyncio.gather(product.receiver(), product.reconciler())
    await product.play("success")
    with stack.frozen("kafka"):
        playing = Playing(product, "bulk-thirty", "--mode", "documented", "--clock-scale", "300")
        await eventually(lambda: len(playing.so_far().attempts) >= 30)
    await playing.ended()
    assert {attempt.status for attempt in playing.so_far().attempts} == {200}
    assert await product.faults() == []


async def test_a_killed_database_stops_nothing_for_good(product: Product, stack: Stack) -> None:
    """Callbacks are accepted without it; the reconciler goes on by itself when it is back."""
    _, reconciler = await asyncio.gather(product.receiver(), product.reconciler())
    await product.play("success")
    await product.settled()
    stack.kill("postgres")
    try:
        await product.play("bulk-thirty")
    finally:
        await asyncio.to_thread(stack.start, "postgres")
    assert await product.faults() == []
    assert reconciler.program.exit_code is None
    assert "Traceback" not in reconciler.program.stderr()


async def test_a_killed_receiver_has_lost_nothing_that_it_accepted(product: Product) -> None:
    """kill -9 under load, then another on its port: answered 200 is there once, unanswered at most once."""
    first, _ = await asyncio.gather(product.receiver(), product.reconciler())
    journal = product.folder / "load.ndjson"
    product.journals.append(journal)
    arguments = ("load", "--count", "4000", "--connections", "16", "--repeat-every", "5", "--seed", "kill")
    load = asyncio.create_task(
        product.programs.run(
            "thingspace-simulator", *arguments, "--journal", str(journal), *product.listener(FLEET)
        )
    )
    await eventually(lambda: counted(first.ops, 500))
    first.program.kill()
    await product.receiver(RECEIVER_LISTEN=first.address)
    await load
    answers = [attempt.status for attempt in read_journal(journal).attempts]
    assert len(answers) == 4800
    assert set(answers) == {200, None}
    assert await product.faults() == []


async def counted(ops: str, least: int) -> bool:
    """Whether a receiver has stored that many callbacks, by its own count."""
    lines = (await fetch(f"http://{ops}/metrics")).splitlines()
    stored = [float(line.rpartition(" ")[2]) for line in lines if line.startswith("receiver_stored_total{")]
    return sum(stored) >= least
