"""The quarantine as an operator works through it: look, replay what can be used today, discard the rest."""

import json
from collections.abc import Mapping, Sequence

import pytest

from deploy.local.stack import Stack
from reconciler.quarantine import shelf as quarantine_shelf
from schemas.record import Record, quarantine_record
from schemas.topics import Topics
from tests.integration.commands.conftest import Typed
from tests.integration.reconciler.consuming import applied, produce, running
from tests.integration.reconciler.said import ACCOUNT, EIDS, callback, moment
from tests.support.database import AUDITOR, Database
from tests.support.kafka import read_topic
from tests.support.program import Finished, Programs

Row = Mapping[str, object]

POSTED = b'{"requestId": "Q1", "status": "Success", "deviceIds": [], "password": "canary-in-body"}'


def aside(topics: Topics, kept: bytes, *, reason: str = "not_json", account: bool = True) -> Record:
    """What a receiver sets aside."""
    return quarantine_record(
        topics,
        reason=reason,
        account=ACCOUNT if account else None,
        request_id=None,
        source_ip="69.78.128.1",
        observed_at=moment(0),
        producer="receiver/test",
        kept=kept,
        length=100,
        service="CarrierService",
    )


def good(topics: Topics, request_id: str = "E1") -> Record:
    record = callback(request=request_id, eid=EIDS[0], action="enable")
    return Record(topics.events, record.key, record.value, record.headers)


def with_value(record: Record, value: bytes) -> Record:
    return Record(record.topic, record.key, value, record.headers)


async def applied_to(stack: Stack, database: Database, topics: Topics, records: Sequence[Record]) -> None:
    """From an empty ledger."""
    await produce(stack.bootstrap, records, partition=0)
    async with running(stack, database, topics):
        for topic in {record.topic for record in records}:
            await applied(database, topic, sum(record.topic == topic for record in records))


async def column(database: Database, statement: str) -> list[object]:
    async with database.connect(AUDITOR) as connection:
        return [row[0] for row in await connection.fetch(statement)]


async def renamed(database: Database, reason: str, content: bytes) -> None:
    """As if an older release had refused what this one can read."""
    async with database.connect() as connection:
        await connection.execute("update ledger.quarantine set bytes = $2 where reason = $1", reason, content)


def lines(done: Finished) -> list[Row]:
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_an_event_that_can_be_decoded_now_goes_the_way_of_every_event(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    event = good(topics)
    assert event.value is not None
    strange = with_value(event, event.value.replace(b'"callback"', b'"prophecy"', 1))
    await applied_to(stack, database, topics, [strange])
    (listed,) = lines(await typed("quarantine", "list", "--json"))
    assert (listed["reason"], listed["status"], listed["copies"]) == ("unknown_kind", "open", 1)
    still = await typed("quarantine", "replay", "1", code=1)
    assert "it still cannot be decoded (unknown_kind" in still.stdout

    await renamed(database, "unknown_kind", event.value)
    tried = await typed("quarantine", "replay", "--reason", "unknown_kind", "--dry-run")
    assert "would be produced to" in tried.stdout
    asked = await typed("quarantine", "replay", "--reason", "unknown_kind", code=2)
    assert "--yes" in asked.stderr
    assert await column(database, "select action from audit.quarantine_actions") == []
    await typed("quarantine", "replay", "--reason", "unknown_kind", "--yes", "--by", "ops")

    records = await read_topic(stack.bootstrap, topics.events)
    assert records[-1].value == event.value
    assert dict(records[-1].headers)["ce_type"] == b"profile.callback.v1"
    async with running(stack, database, topics):
        await applied(database, topics.events, 2)
    assert await column(database, "select state from audit.operations") == ["succeeded"]
    assert await column(database, "select status from audit.quarantine") == ["replayed"]
    done = "select action || ' ' || done_by || ' ' || done_as from audit.quarantine_actions"
    assert await column(database, done) == ["replayed ops profile_writer"]
    again = await typed("quarantine", "replay", "1", code=1)
    assert "replayed before" in again.stdout


async def test_a_version_that_only_its_header_tells_is_not_taken_for_todays(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    event = good(topics)
    later = Record(event.topic, event.key, event.value, (("ce_type", b"profile.callback.v2"),))
    await applied_to(stack, database, topics, [later])
    still = await typed("quarantine", "replay", "1", code=1)
    assert "unknown_kind" in still.stdout


async def test_what_comes_back_is_open_again(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    """Replayed too early: the content is the same, so it is the same row, with one copy more."""
    event = good(topics)
    assert event.value is not None
    broken = with_value(event, event.value.replace(b'"Success"', b'"Failed"'))
    await applied_to(stack, database, topics, [broken])
    await renamed(database, "wrong_id", event.value)
    await typed("quarantine", "replay", "1")
    await produce(stack.bootstrap, [broken], partition=0)
    async with running(stack, database, topics):
        await applied(database, topics.events, 3)
    assert await column(database, "select status || copies from audit.quarantine") == ["open2"]


async def test_what_a_receiver_could_not_read_is_replayed_only_by_its_number(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    await applied_to(stack, database, topics, [aside(topics, b"{")])
    await renamed(database, "not_json", POSTED)
    passed = await typed("quarantine", "replay", "--account", ACCOUNT, "--yes", code=1)
    assert "nobody has checked who sent it" in passed.stdout
    (sent,) = lines(await typed("quarantine", "replay", "1", "--json"))
    assert sent["done"] is True
    assert sent["sent"] == {"topic": topics.events, "partition": 0, "offset": 0}
    async with running(stack, database, topics):
        await applied(database, topics.events, 1)
    async with database.connect(AUDITOR) as connection:
        row = await connection.fetchrow("select account, service, flags, observed_at, body from audit.events")
    assert row is not None
    assert (row["account"], row["service"], row["observed_at"]) == (ACCOUNT, "CarrierService", moment(0))
    assert "replayed" in row["flags"]
    assert "canary" not in row["body"]


async def test_what_may_never_become_an_event_is_refused(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    records = [
        aside(topics, b"", reason="unauthenticated"),
        aside(topics, b"", reason="gzip_undecodable"),
        aside(topics, b"[]", reason="not_object"),
        with_value(aside(topics, b"{"), b"no entry"),
    ]
    await applied_to(stack, database, topics, records)
    done = await typed("quarantine", "replay", "1", "2", "3", "4", "99", "--json", code=1)
    said = {row["quarantine_id"]: str(row["says"]) for row in lines(done)}
    assert set(said) == {1, 2, 3, 4, 99}
    everything = " / ".join(said.values())
    for part in ("right credentials", "nothing of its content", "cannot be read (not_object)", "no such row"):
        assert part in everything
    assert await read_topic(stack.bootstrap, topics.events) == []


async def test_a_record_that_was_no_entry_goes_to_the_quarantine_topic_again(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    entry = aside(topics, b"{")
    assert entry.value is not None
    await applied_to(stack, database, topics, [with_value(entry, b"no entry")])
    await renamed(database, "not_json", entry.value)
    await typed("quarantine", "replay", "1")
    async with running(stack, database, topics):
        await applied(database, topics.quarantine, 2)
    statuses = "select status || coalesce(account, '') from audit.quarantine order by quarantine_id"
    assert await column(database, statuses) == ["replayed", f"open{ACCOUNT}"]


async def test_discarding_needs_a_reason_keeps_the_content_and_is_recorded(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    await applied_to(stack, database, topics, [aside(topics, b"{"), aside(topics, b"[")])
    await typed("quarantine", "discard", "1", code=2)
    await typed("quarantine", "discard", "1", "--why", "a test of the sender's")
    await typed("quarantine", "discard", "1", "--why", "again", code=1)
    await typed("quarantine", "discard", "--reason", "not_json", "--why", "all of them", "--yes")
    assert await column(database, "select status from audit.quarantine") == ["discarded"] * 2
    assert await column(database, "select bytes from audit.quarantine order by bytes") == [b"[", b"{"]
    why = "select why from audit.quarantine_actions order by action_id"
    assert await column(database, why) == ["a test of the sender's", "all of them"]
    assert lines(await typed("quarantine", "list", "--json")) == []
    assert len(lines(await typed("quarantine", "list", "--status", "discarded", "--json"))) == 2


async def test_a_choice_that_is_none_or_finds_nothing_says_so(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    await applied_to(stack, database, topics, [aside(topics, b"{")])
    for words in ("replay", "replay --dry-run", "discard --why x"):
        none = await typed("quarantine", *words.split(), code=2)
        assert "name rows by their number, or give --reason or --account" in none.stderr
    for words in ("replay --yes", "replay --dry-run", "discard --why x --yes"):
        nothing = await typed("quarantine", *words.split(), "--reason", "too_deep")
        assert "no open row has this reason and account; nothing was done" in nothing.stderr
    assert await column(database, "select status from audit.quarantine") == ["open"]


async def test_the_list_is_filtered_and_goes_on_behind_a_row(
    stack: Stack,
    database: Database,
    topics: Topics,
    typed: Typed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quarantine_shelf, "PAGE", 2)
    records = [aside(topics, bytes([65 + number])) for number in range(5)]
    await applied_to(stack, database, topics, [*records, aside(topics, b"F", reason="too_deep")])

    async def ids(*words: str) -> list[object]:
        return [row["quarantine_id"] for row in lines(await typed("quarantine", "list", "--json", *words))]

    everything = await ids()
    assert len(everything) == 6
    assert await ids("--limit", "3") == everything[:3]
    assert await ids("--after", str(everything[2])) == everything[3:]
    assert len(await ids("--reason", "too_deep")) == 1
    assert await ids("--account", "other") == []
    assert await ids("--status", "replayed") == []
    readable = await typed("quarantine", "list", "--limit", "3")
    assert f"--after {everything[2]}" in readable.stdout


async def test_showing_a_row_hides_secrets_and_escapes_controls(
    stack: Stack, database: Database, topics: Topics, typed: Typed
) -> None:
    stranger = Record(topics.events, b"k", b'{"password": "canary", "note": "\x1b[31mred"', ())
    await applied_to(stack, database, topics, [stranger])
    shown = await typed("quarantine", "show", "1")
    assert "canary" not in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "red" in shown.stdout
    assert "cannot be replayed" in shown.stdout
    document = (await typed("quarantine", "show", "1", "--json")).json()
    assert isinstance(document, dict)
    assert "canary" not in json.dumps(document)
    assert document["actions"] == []
    await typed("quarantine", "show", "2", code=1)


async def test_without_kafka_nothing_is_said_to_be_replayed(
    stack: Stack, database: Database, topics: Topics, programs: Programs
) -> None:
    await applied_to(stack, database, topics, [aside(topics, b"{")])
    await renamed(database, "not_json", POSTED)
    done = await programs.run(
        "profile-reconciler", "quarantine", "replay", "1", env={"PROFILE_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    )
    assert done.exit_code == 1
    assert "Kafka at 127.0.0.1:1 cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert await column(database, "select status from audit.quarantine") == ["open"]
