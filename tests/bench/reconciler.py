"""The reconciler against a bare asyncpg loop that writes the same rows from memory, in one run.

The topic is filled first; what counts is CPU-seconds from start to caught up, the reconciler's own and
PostgreSQL's, less what an idle start costs. Then the rows it wrote are read into memory, the tables emptied,
and the same rows written back, a thousand events a transaction: no decision, no lock, no look-up. Twice: by
`executemany`, as a user would, and by COPY, the raw limit. Nobody sends what waits in the outbox, so that its
rows are among those that both write.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer

from deploy.local.stack import Stack
from schemas.callback import Callback, Secrets, parse
from schemas.ids import AccountName
from schemas.record import Record, Topics, callback_record, partition_of
from tests.bench.cpu import own_seconds, tree_seconds
from tests.bench.process import free_port, port_open, running
from tests.bench.receiver import ACCOUNT, PASSWORD, USERNAME, ratios
from tests.simulator.load import LoadPlan, Requests
from tests.simulator.message import Listener
from tests.support.database import Database, database_from, migrated_template

if TYPE_CHECKING:
    from tests.support.database import Connection

BATCH = 1000
WARNED_EVERY = 4
CAUGHT_UP_WITHIN_S = 600


@dataclass(frozen=True)
class Cost:
    """CPU-seconds for `events`."""

    events: int
    own: float
    postgres: float

    @property
    def per_cpu_second(self) -> float:
        return self.events / (self.own + self.postgres)


def records(topics: Topics, count: int) -> Iterator[Record]:
    """`count` callbacks as the receiver would send them; every fourth request was warned of first."""
    requests = Requests(
        LoadPlan(count, 1, devices=count // 2, seed="reconciler"),
        Listener(ACCOUNT, ("http://localhost",), USERNAME, PASSWORD),
    )
    for number in range(count):
        request = number - 1 if number % WARNED_EVERY == 1 else number
        body = json.loads(requests.body(request))
        if number % WARNED_EVERY == 0:
            body["status"] = "Warning"
        callback = parse(json.dumps(body).encode(), Secrets((PASSWORD,)))
        assert isinstance(callback, Callback)
        yield callback_record(
            topics,
            callback,
            account=AccountName(ACCOUNT),
            service="DeviceProfileService",
            source_ip="127.0.0.1",
            observed_at=datetime.now(UTC),
            producer="bench",
        )


async def fill(bootstrap: str, topics: Topics, count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=131072)
    await producer.start()
    try:
        partitions = len(await producer.partitions_for(topics.events))
        for record in records(topics, count):
            await producer.send(
                record.topic,
                record.value,
                key=record.key,
                headers=list(record.headers),
                partition=partition_of(record.key, partitions),
            )
    finally:
        await producer.stop()


async def reconciled(
    env: Mapping[str, str], stack: Stack, database: Database, folder: Path, count: int
) -> Cost:
    """From a start with all events waiting until the last offset is committed, less an idle start."""
    busy = await run_until(env, stack, database, folder, count)
    idle = await run_until(env, stack, database, folder, count)
    return Cost(count, busy.own - idle.own, busy.postgres - idle.postgres)


async def run_until(
    env: Mapping[str, str], stack: Stack, database: Database, folder: Path, count: int
) -> Cost:
    postmaster = stack.pid("postgres")
    assert postmaster is not None
    port = free_port()
    log = folder / "reconciler.log"
    settings = {
        **env,
        "PROFILE_POSTGRES_DSN": database.writer_dsn,
        "RECONCILER_OPS_LISTEN": f"127.0.0.1:{port}",
        "RECONCILER_BATCH_EVENTS_MAX": str(BATCH),
        "RECONCILER_DISPATCH": "off",
    }
    postgres_before = tree_seconds(postmaster)
    with running(["reconciler", "run"], env=settings, log=log) as pid:
        await port_open(port, log)
        await caught_up(database, count)
        return Cost(count, own_seconds(pid), tree_seconds(postmaster) - postgres_before)


async def caught_up(database: Database, count: int) -> None:
    end = time.monotonic() + CAUGHT_UP_WITHIN_S
    async with database.connect() as connection:
        while time.monotonic() < end:
            applied = await connection.fetchval("select coalesce(sum(next_offset), 0) from audit.offsets")
            if applied >= count:
                return
            await asyncio.sleep(0.1)
    raise TimeoutError(f"the reconciler did not apply {count} events in {CAUGHT_UP_WITHIN_S} s")


Write = Callable[["Connection", str, Sequence[tuple[object, ...]]], Awaitable[object]]


async def copied(connection: "Connection", name: str, rows: Sequence[tuple[object, ...]]) -> None:
    """As fast as PostgreSQL takes rows at all."""
    await connection.copy_records_to_table(name, schema_name="ledger", records=rows)


async def inserted(connection: "Connection", name: str, rows: Sequence[tuple[object, ...]]) -> None:
    """As a user would write it: one prepared insert, executed for many."""
    if rows:
        places = ", ".join(f"${place + 1}" for place in range(len(rows[0])))
        await connection.executemany(f"insert into ledger.{name} values ({places})", rows)


async def bare_loop(stack: Stack, database: Database, count: int, write: Write) -> Cost:
    """The rows that stand in the tables now, emptied and written back from memory."""
    postmaster = stack.pid("postgres")
    assert postmaster is not None
    async with database.connect() as connection:
        tables = await contents(connection)
        await connection.execute("truncate " + ", ".join(f"ledger.{name}" for name in tables))
        postgres_before, own_before = tree_seconds(postmaster), time.process_time()
        for start in range(0, count, BATCH):
            async with connection.transaction():
                for name, rows in tables.items():
                    await write(connection, name, share(rows, start, count))
        return Cost(count, time.process_time() - own_before, tree_seconds(postmaster) - postgres_before)


async def contents(connection: "Connection") -> dict[str, Sequence[tuple[object, ...]]]:
    """Every table of the ledger that the reconciler wrote to; offsets aside, which hold a row a partition."""
    names = await connection.fetch(
        "select relname from pg_class where relnamespace = 'ledger'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition and relname not in ('schema_migration', 'consumer_offset')"
    )
    tables: dict[str, Sequence[tuple[object, ...]]] = {}
    for (name,) in names:
        rows = await connection.fetch(f"select * from ledger.{name}")
        if rows:
            tables[name] = [tuple(row) for row in rows]
    return tables


def share(rows: Sequence[tuple[object, ...]], start: int, count: int) -> Sequence[tuple[object, ...]]:
    """The part of a table that belongs to the events from `start` on, a batch of them."""
    return rows[len(rows) * start // count : len(rows) * min(start + BATCH, count) // count]


async def bench(
    stack: Stack, prefix: str, folder: Path, *, rounds: int, count: int, say: Callable[[str], None]
) -> dict[str, object]:
    await fill(stack.bootstrap, Topics(prefix), count)
    template = migrated_template(stack)
    costs: dict[str, list[Cost]] = {"reconciler": [], "insert_loop": [], "copy_loop": []}
    for number in range(rounds):
        env = {
            "PROFILE_KAFKA_BOOTSTRAP": stack.bootstrap,
            "PROFILE_TOPIC_PREFIX": prefix,
            "RECONCILER_GROUP": f"bench-{number}",
        }
        with database_from(stack, template) as database:
            costs["reconciler"].append(await reconciled(env, stack, database, folder, count))
            costs["insert_loop"].append(await bare_loop(stack, database, count, inserted))
            costs["copy_loop"].append(await bare_loop(stack, database, count, copied))
        for name, each in costs.items():
            rate = each[-1].per_cpu_second
            say(f"round {number + 1}/{rounds}  {name:11s} {rate:8.0f} events per CPU-second")
    rates = {name: [cost.per_cpu_second for cost in each] for name, each in costs.items()}
    return {
        "events_per_cpu_second": {name: statistics.median(each) for name, each in rates.items()},
        "microseconds_per_event": {
            name: {
                "own": statistics.median(1e6 * cost.own / cost.events for cost in each),
                "postgres": statistics.median(1e6 * cost.postgres / cost.events for cost in each),
            }
            for name, each in costs.items()
        },
        "reconciler_to_insert_loop": ratios(rates["reconciler"], rates["insert_loop"]),
        "reconciler_to_copy_loop": ratios(rates["reconciler"], rates["copy_loop"]),
    }
