"""The deliberate ways past a recreated topic and a gap, from the loud stop to the next record applied."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from deploy.local.stack import Stack
from reconciler.faults import RecreatedError
from reconciler.kafka import source as kafka
from schemas.record import Record
from schemas.topics import Topics
from tests.integration.commands.conftest import Typed
from tests.integration.reconciler.consuming import applied, produce, running
from tests.integration.reconciler.said import EIDS, callback
from tests.integration.reconciler.test_consume import remade, removed
from tests.support.database import AUDITOR, Database
from tests.support.kafka import PARTITIONS
from tests.support.program import Programs

Row = Mapping[str, object]


def told(topics: Topics, request_id: str, copies: int) -> list[Record]:
    """Distinct callbacks of one request, all for partition 0."""
    records = (
        callback(request=request_id, eid=EIDS[0], action="enable", text=str(number))
        for number in range(copies)
    )
    return [Record(topics.events, record.key, record.value, record.headers) for record in records]


async def decisions(database: Database) -> Sequence[Row]:
    async with database.connect(AUDITOR) as connection:
        rows = await connection.fetch("select * from audit.offset_decisions order by decision_id")
    return [dict(row) for row in rows]


async def next_offset(database: Database, topics: Topics) -> int:
    async with database.connect(AUDITOR) as connection:
        found: int = await connection.fetchval(
            "select next_offset from audit.offsets where topic = $1 and partition = 0", topics.events
        )
    return found


async def apply_three(stack: Stack, database: Database, topics: Topics) -> None:
    await produce(stack.bootstrap, told(topics, "R1", 3), partition=0)
    async with running(stack, database, topics):
        await applied(database, topics.events, 3)


async def test_a_topic_made_anew_stops_run_which_names_the_command_that_goes_on(
    stack: Stack, database: Database, topics: Topics, typed: Typed, programs: Programs
) -> None:
    """The whole path: stop, look, refuse without consent, reset, go on; the chain goes on over it."""
    await apply_three(stack, database, topics)
    await remade(stack, topics)
    await produce(stack.bootstrap, told(topics, "R2", 5), partition=0)
    run = ("run", "profile-reconciler")
    stopped = await programs.run(*reversed(run), env={"RECONCILER_OPS_LISTEN": "127.0.0.1:0"})
    assert stopped.exit_code == 1
    command = f"offsets reset --topic {topics.events}"
    assert f"`profile-reconciler {command}`" in stopped.stderr
    assert "Traceback" not in stopped.stderr

    looked = await typed(*command.split(), "--dry-run")
    assert "goes on at offset 0; 5 records wait there" in looked.stdout
    assert (
        "partition 1: next to apply is 0, Kafka has no record (the next gets 0); the topic" in looked.stdout
    )
    asked = await typed(*command.split(), code=2)
    assert "--yes" in asked.stderr
    assert await next_offset(database, topics) == 3
    assert await decisions(database) == []

    await typed(*command.split(), "--yes", "--why", "the cluster was rebuilt", "--by", "ops")
    async with running(stack, database, topics):
        await applied(database, topics.events, 5)
    decision, *others = await decisions(database)
    assert [row["partition"] for row in others] == [1, 2]
    assert decision["topic_id_before"] != decision["topic_id_after"]
    assert (
        decision.items()
        >= {
            "decision": "reset",
            "found": "recreated",
            "partition": 0,
            "offset_before": 3,
            "offset_after": 0,
            "records_missing": None,
            "records_skipped": 0,
            "chain_events": 3,
            "why": "the cluster was rebuilt",
            "decided_by": "ops",
            "decided_as": "profile_writer",
        }.items()
    )
    verified = await programs.run("profile-audit", "verify", "--json")
    assert verified.exit_code == 0
    assert '"partition":0,"events":8' in verified.stdout


async def test_a_topic_made_anew_between_two_runs_is_known_by_its_id_alone(
    stack: Stack, database: Database, topics: Topics, typed: Typed, programs: Programs
) -> None:
    """The very same records at the very same offsets: nothing else could tell."""
    records = told(topics, "R1", 3)
    await produce(stack.bootstrap, records, partition=0)
    env = {"RECONCILER_OPS_LISTEN": "127.0.0.1:0"}
    first = await programs.start("profile-reconciler", "run", env=env)
    await applied(database, topics.events, 3)
    assert await first.stop() == 0
    old = await topic_ids(database, topics)
    assert len(set(old)) == 1

    await remade(stack, topics)
    await produce(stack.bootstrap, records, partition=0)
    stopped = await programs.run("profile-reconciler", "run", env=env)
    assert stopped.exit_code == 1
    assert "another topic of the same name" in stopped.stderr
    assert f"`profile-reconciler offsets reset --topic {topics.events}`" in stopped.stderr
    assert await topic_ids(database, topics) == old
    refused = await typed("offsets", "accept-gap", "--topic", topics.events, "--partition", "0", "--yes")
    assert "nothing to do" in refused.stdout

    await typed("offsets", "reset", "--topic", topics.events, "--yes", "--why", "rebuilt")
    await produce(stack.bootstrap, told(topics, "R2", 2), partition=0)
    async with running(stack, database, topics):
        await applied(database, topics.events, 5)
    (new,) = set(await topic_ids(database, topics))
    assert [
        (row["found"], row["partition"], row["topic_id_before"], row["topic_id_after"])
        for row in await decisions(database)
    ] == [("recreated", partition, old[0], new) for partition in range(PARTITIONS)]


async def test_a_partition_from_before_ids_were_kept_gets_its_id_when_it_is_read_again(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    await apply_three(stack, database, topics)
    known = await topic_ids(database, topics)
    async with database.connect() as connection:
        await connection.execute("update ledger.consumer_offset set topic_id = null")
    await produce(stack.bootstrap, told(topics, "R2", 2), partition=0)
    async with running(stack, database, topics):
        await applied(database, topics.events, 5)
    assert await topic_ids(database, topics) == known
    shown = await typed("offsets", "show", "--json")
    assert {row["topic_id"] for row in map(as_row, shown.ndjson()) if row["topic"] == topics.events} == {
        known[0]
    }


def as_row(document: object) -> Row:
    assert isinstance(document, dict)
    return document


async def topic_ids(database: Database, topics: Topics) -> list[str]:
    """As stored, by partition."""
    async with database.connect(AUDITOR) as connection:
        rows = await connection.fetch(
            "select topic_id from audit.offsets where topic = $1 order by partition", topics.events
        )
    return [row["topic_id"] for row in rows]


async def test_an_emptied_topic_is_reset_too(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    await apply_three(stack, database, topics)
    await remade(stack, topics)
    await typed("offsets", "reset", "--topic", topics.events, "--yes")
    await produce(stack.bootstrap, told(topics, "R2", 2), partition=0)
    async with running(stack, database, topics):
        await applied(database, topics.events, 2)


async def test_a_gap_is_accepted_and_what_is_missing_is_recorded(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    await apply_three(stack, database, topics)
    await produce(stack.bootstrap, told(topics, "R2", 3), partition=0)
    await removed(stack, topics, before=5)
    accept = ("offsets", "accept-gap", "--topic", topics.events)
    refused = await typed("offsets", "reset", "--topic", topics.events)
    assert "nothing to do" in refused.stdout
    done = await typed(*accept, "--yes", "--json")
    document = done.json()
    assert isinstance(document, dict)
    assert document["carried_out"] is True
    async with running(stack, database, topics):
        await applied(database, topics.events, 6)
    (decision,) = await decisions(database)
    assert decision.items() >= {"found": "gap", "records_missing": 2, "offset_after": 5}.items()
    again = await typed(*accept, "--yes")
    assert "nothing to do" in again.stdout
    assert len(await decisions(database)) == 1


async def test_a_partition_that_fits_moves_only_where_it_is_told_to(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    """Reading again changes no state; what is passed over is counted."""
    await apply_three(stack, database, topics)
    reset = ("offsets", "reset", "--topic", topics.events, "--partition", "0", "--yes")
    await typed(*reset)
    assert await decisions(database) == []
    back = await typed(*reset, "--to", "1")
    assert "2 records are read again" in back.stdout
    async with running(stack, database, topics):
        await applied(database, topics.events, 3)
    await produce(stack.bootstrap, told(topics, "R2", 2), partition=0)
    ahead = await typed(*reset, "--to", "latest")
    assert "2 records that Kafka has are passed over" in ahead.stdout
    assert [(row["offset_after"], row["records_skipped"]) for row in await decisions(database)] == [
        (1, 0),
        (5, 2),
    ]
    beyond = await typed(*reset, "--to", "99", code=1)
    assert beyond.stdout.endswith("99 is none of them\nnothing was changed\n")
    document = (await typed(*reset, "--to", "99", "--json", code=1)).json()
    assert isinstance(document, dict)
    (partition,) = document["partitions"]
    assert "99 is none of them" in partition["refused"]
    await removed(stack, topics, before=2)
    refused = await typed(*reset, "--to", "0", code=1)
    assert "0 is none of them" in refused.stdout + refused.stderr


async def test_a_reconciler_at_work_is_moved_too(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    """Its next batch is fenced, and it reads on where it was told."""
    async with running(stack, database, topics) as reconciler:
        await produce(stack.bootstrap, told(topics, "R1", 3), partition=0)
        await applied(database, topics.events, 3)
        await typed("offsets", "reset", "--topic", topics.events, "--partition", "0", "--to", "0", "--yes")
        await produce(stack.bootstrap, told(topics, "R2", 1), partition=0)
        await applied(database, topics.events, 4)
        assert reconciler.meter.fences == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--topic", "nothing"), 2, "is no topic that the reconciler reads"),
        (("--topic", "{events}", "--partition", "7"), 1, "has no partition 7; it has 3"),
    ],
)
async def test_a_topic_or_partition_that_is_not_there_is_named(
    topics: Topics, typed: Typed, words: tuple[str, ...], code: int, said: str
) -> None:
    filled = [word.format(events=topics.events) for word in words]
    done = await typed("offsets", "accept-gap", *filled, code=code)
    assert said in done.stderr


async def test_a_topic_made_anew_is_no_gap(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    await apply_three(stack, database, topics)
    await remade(stack, topics)
    with pytest.raises(RecreatedError):
        async with running(stack, database, topics) as reconciler:
            await asyncio.wait({reconciler.task})
    done = await typed("offsets", "accept-gap", "--topic", topics.events, "--yes")
    assert "made anew" in done.stdout
    assert "nothing to do" in done.stdout
    assert await next_offset(database, topics) == 3


async def test_a_topic_made_anew_under_a_reconciler_at_work_stops_it_too(
    stack: Stack, database: Database, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it has more records than were applied; none of them is."""
    monkeypatch.setattr(kafka, "METADATA_AGE_MS", 500)
    with pytest.raises(RecreatedError):
        async with running(stack, database, topics) as reconciler:
            await produce(stack.bootstrap, told(topics, "R1", 3), partition=0)
            await applied(database, topics.events, 3)
            await remade(stack, topics)
            await produce(stack.bootstrap, told(topics, "R2", 6), partition=0)
            await asyncio.wait({reconciler.task})
    assert await next_offset(database, topics) == 3
