"""`make watchdog`: the reconciler's fetcher is killed, again and again, with the limits of production.

Each round measures from its death to its replacement, and to the first record applied after it; none may take
longer than 30 s. In every second round records come all the time. Each of them must be in the ledger once.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.reconciler.consuming import produce, stored_offsets
from tests.integration.reconciler.said import EIDS, callback
from tests.integration.reconciler.test_consume import under
from tests.support.database import Database, database_from, migrated_template
from tests.support.kafka import topics_of_a_test
from tests.support.polling import eventually
from tests.support.private_stack import private_stack
from tests.support.program import Program, Programs
from tests.watchdog.numb import LAST_WORD

PROMISED_S: Final = 30.0
GIVEN_UP_AFTER_S: Final = 120.0
EVERY_S: Final = 0.2


class Bench:
    """One reconciler at work, and what it was told."""

    def __init__(self, stack: Stack, database: Database, topics: Topics, reconciler: Program) -> None:
        self._stack = stack
        self._database = database
        self._topics = topics
        self._reconciler = reconciler
        self._told = 0

    async def round(self, *, busy: bool) -> tuple[float, float]:
        """In seconds from the fetcher's death: to its replacement, and to the first record applied."""
        await self._tell(5)
        await self._caught_up()
        deaths = len(self._logged(LAST_WORD)) + 1
        replaced = len(self._logged("consumer_replaced")) + 1
        self._reconciler.signal(signal.SIGUSR1)
        await eventually(lambda: len(self._logged(LAST_WORD)) == deaths)
        died, before = time.monotonic(), await self._applied()
        over = asyncio.Event()
        telling = asyncio.create_task(self._tell_until(over, busy=busy))
        await eventually(
            lambda: len(self._logged("consumer_replaced")) == replaced, within_s=GIVEN_UP_AFTER_S
        )
        noticed_s = time.monotonic() - died

        async def goes_on() -> bool:
            return await self._applied() > before

        await eventually(goes_on, within_s=GIVEN_UP_AFTER_S)
        applied_s = time.monotonic() - died
        over.set()
        await telling
        await self._caught_up()
        return noticed_s, applied_s

    async def _tell_until(self, over: asyncio.Event, *, busy: bool) -> None:
        await self._tell(1)
        while busy and not over.is_set():
            await self._tell(1)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), EVERY_S)

    async def _tell(self, count: int) -> None:
        names = [f"R{number}" for number in range(self._told, self._told + count)]
        self._told += count
        records = under(self._topics, [callback(request=name, eid=EIDS[0]) for name in names])
        await produce(self._stack.bootstrap, records, partition=0)

    async def _applied(self) -> int:
        return await stored_offsets(self._database, self._topics.events)

    async def _caught_up(self) -> None:
        async def once_each() -> bool:
            async with self._database.connect() as connection:
                events: int = await connection.fetchval("select count(*) from ledger.event")
            return self._told == await self._applied() == events

        await eventually(once_each, within_s=GIVEN_UP_AFTER_S)

    def _logged(self, event: str) -> list[str]:
        return [line for line in self._reconciler.stderr().splitlines() if f'"event":"{event}"' in line]


async def measured(
    stack: Stack, database: Database, topics: Topics, folder: Path, rounds: int
) -> list[tuple[float, float]]:
    environment = {
        "PROFILE_KAFKA_BOOTSTRAP": stack.bootstrap,
        "PROFILE_TOPIC_PREFIX": topics.prefix,
        "PROFILE_POSTGRES_DSN": database.writer_dsn,
        "RECONCILER_OPS_LISTEN": "127.0.0.1:0",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    programs = Programs(environment, folder)
    try:
        reconciler = programs.launch("python", "-m", "tests.watchdog.numb", "run")
        bench = Bench(stack, database, topics, reconciler)
        return [await told(bench, number) for number in range(rounds)]
    finally:
        programs.close()


async def told(bench: Bench, number: int) -> tuple[float, float]:
    busy = bool(number % 2)
    noticed_s, applied_s = await bench.round(busy=busy)
    print(
        f"round {number + 1}, {'records all the time' if busy else 'one record'}: replaced after "
        f"{noticed_s:.1f} s, first record applied after {applied_s:.1f} s",
        flush=True,
    )
    return noticed_s, applied_s


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.watchdog", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="how often the fetcher dies (default 4)")
    rounds: int = parser.parse_args(arguments).rounds
    with (
        private_stack() as stack,
        database_from(stack, migrated_template(stack)) as database,
        topics_of_a_test(stack.bootstrap) as topics,
        tempfile.TemporaryDirectory(prefix="profile-watchdog-") as folder,
    ):
        took = asyncio.run(measured(stack, database, topics, Path(folder), rounds))
    longest = max(applied_s for _, applied_s in took)
    print(f"longest {longest:.1f} s of {PROMISED_S:.0f} s promised; each record applied once")
    return 0 if longest <= PROMISED_S else 1


if __name__ == "__main__":
    sys.exit(main())
