"""Folding the audit log again: the same rows, whatever was said; every tampering seen, and put right."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import pytest

from deploy.local.apart import apart
from deploy.local.stack import Stack
from reconciler.postgres.ledger import Postgres
from reconciler.rebuild import rebuild
from schemas.record import Record
from schemas.topics import Topics
from tests.integration.commands.conftest import Typed
from tests.integration.commands.statements import column, execute
from tests.integration.reconciler.conftest import address
from tests.integration.reconciler.desk import Desk
from tests.integration.reconciler.rows import Rows, rows_of
from tests.integration.reconciler.said import EIDS, ICCIDS, Named, callback, random_records, request
from tests.support.database import Database, database_from

Row = Mapping[str, object]

PARTITIONS = 3
TAMPERED = ("evidence", "operation", "profile", "profile_history", "link", "request")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that every walk has many."""
    monkeypatch.setattr(rebuild, "PAGE_ROWS", 5)


@pytest.fixture
def topics() -> Topics:
    """A rebuild reads no topic, so none are made."""
    return Topics("none.")


def story(rng: Random, count: int) -> list[Record]:
    """Random events, copies of them, and copies that say a little more than the first."""
    records = random_records(rng, count)
    for number in range(count // 5):
        asked = Named(request=f"R{number % 4}", eid=EIDS[number % 2], iccid=ICCIDS[0], action="enable")
        for imei in rng.choices(("1", "2", "3", None), k=2):
            asked["imei"] = imei
            records.append(request(**asked))
        records.append(callback("Success", text="unmatched", at=number))
    records += rng.choices(records, k=count // 3)
    rng.shuffle(records)
    return records


async def written(database: Database, records: Sequence[Record], seed: int = 0) -> None:
    rng, ledger = Random(seed), Postgres(address(database))
    desk = Desk(ledger)
    consumed = [desk.consumed(record, rng.randrange(PARTITIONS)) for record in records]
    at = 0
    while at < len(consumed):
        size = rng.choice((1, 2, 5, 20))
        await desk.apply(desk.batch(consumed[at : at + size]))
        at += size
    await ledger.close()


@dataclass(frozen=True, slots=True)
class Whole:
    """A ledger that nobody has touched, and its rows."""

    name: str
    rows: Rows


@pytest.fixture(scope="module")
def whole(stack: Stack, database_template: str) -> Iterator[Whole]:
    with database_from(stack, database_template) as database:
        apart(written(database, story(Random(2), 60), seed=2))
        yield Whole(database.name, apart(rows_of(database)))


@pytest.fixture(scope="module")
def copy(stack: Stack, whole: Whole) -> Iterator[Database]:
    with database_from(stack, whole.name) as database:
        yield database


@pytest.fixture
async def database(copy: Database, whole: Whole) -> Database:
    """What `typed` is led to. A test may spoil it, and puts it right again: that is what is tested."""
    assert await rows_of(copy) == whole.rows, "an earlier test left it spoiled"
    return copy


async def document(typed: Typed, *words: str, code: int = 0, database: Database | None = None) -> Row:
    """Of the fixture's database, unless it is given another."""
    env = {} if database is None else {"PROFILE_POSTGRES_DSN": database.writer_dsn}
    done = await typed("rebuild", "--json", *words, code=code, **env)
    found = done.json()
    assert isinstance(found, dict)
    return found


def named(found: Row) -> list[tuple[str, str]]:
    rows = found["named"]
    assert isinstance(rows, list)
    return sorted({(row["table"], row["change"]) for row in rows})


@pytest.mark.parametrize("seed", range(6))
async def test_the_tables_are_the_fold_of_what_was_recorded(
    seed: int, stack: Stack, database_template: str, typed: Typed
) -> None:
    with database_from(stack, database_template) as fresh:
        await written(fresh, story(Random(seed), 40), seed)
        found = await document(typed, "--check", database=fresh)
        assert (found["ok"], found["differences"], found["named"]) == (True, 0, [])
        assert found["events"] == len(await column(fresh, "select 1 from audit.events"))
        assert found["devices"] == len(
            await column(fresh, "select distinct eid from audit.operations where eid <> ''")
        )


SPOILED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "evidence altered": (
        "update ledger.evidence set fact = 'held' where kind = 'callback' and fact = 'success'"
        " and request_id is not null",
        [("evidence", "different")],
    ),
    "evidence removed": (
        "delete from ledger.evidence where request_id = 'R1'",
        [("evidence", "missing")],
    ),
    "evidence of an intent removed": (
        "delete from ledger.evidence where request_id is null and intent_id is not null",
        [("evidence", "missing")],
    ),
    "unmatched evidence removed": (
        "delete from ledger.evidence where request_id is null and intent_id is null",
        [("evidence", "missing")],
    ),
    "unmatched evidence invented": (
        "insert into ledger.evidence (evidence_key, kind, account, iccid_single, fact, observed_at)"
        " values (decode(repeat('ab', 16), 'hex'), 'callback', 'a', false, 'success', now())",
        [("evidence", "unexpected")],
    ),
    "evidence moved": (
        "update ledger.evidence set request_id = 'elsewhere' where evidence_key ="
        " (select min(evidence_key) from ledger.evidence where request_id = 'R2')",
        [("evidence", "missing"), ("evidence", "unexpected")],
    ),
    "operation altered": (
        "update ledger.operation set state = 'void', final = true, settled_at = now()",
        [("operation", "different")],
    ),
    "operation removed": (
        "delete from ledger.operation where request_id = 'R0'",
        [("operation", "missing")],
    ),
    "operation invented": (
        "insert into ledger.operation select (jsonb_populate_record(operation, jsonb_build_object("
        "'operation_id', gen_random_uuid(), 'request_id', 'invented'))).* from ledger.operation limit 1",
        [("operation", "unexpected")],
    ),
    "operation moved to another device": (
        "update ledger.operation set eid = 'elsewhere' where operation_id ="
        " (select operation_id from ledger.operation where eid is not null and state = 'succeeded'"
        " order by operation_id limit 1)",
        [("operation", "different")],
    ),
    "profile altered": (
        "update ledger.profile set suspended = not suspended where state <> 'deleted'",
        [("profile", "different")],
    ),
    "profile removed": (
        "delete from ledger.profile where not bootstrap",
        [("profile", "missing"), ("profile_history", "unexpected")],
    ),
    "device removed": (
        "delete from ledger.profile where eid = (select min(eid) from ledger.profile)",
        [("profile", "missing"), ("profile_history", "unexpected")],
    ),
    "profile invented": (
        "insert into ledger.profile select (jsonb_populate_record(profile, jsonb_build_object("
        "'profile_id', 999999, 'iccid', '1', 'bootstrap', false, 'state', 'disabled',"
        " 'possible_states', '{disabled}'::text[]))).* from ledger.profile limit 1",
        [("profile", "unexpected")],
    ),
    "history closed": (
        "update ledger.profile_history set recorded_until = recorded_from + interval '1 us'"
        " where recorded_until is null",
        [("profile_history", "missing")],
    ),
    "history altered": (
        "update ledger.profile_history set certainty ="
        " case certainty when 'inferred' then 'confirmed' else 'inferred' end where recorded_until is null",
        [("profile_history", "missing")],
    ),
    "history opened again": (
        "insert into ledger.profile_history select (jsonb_populate_record(profile_history,"
        " jsonb_build_object('profile_id', 999999))).* from ledger.profile_history"
        " where recorded_until is null limit 1",
        [("profile_history", "unexpected")],
    ),
    "link removed": ("delete from ledger.link", [("link", "missing")]),
    "link invented": (
        "insert into ledger.link (account, intent_id, request_id)"
        " select min(account), 'I9', 'R0' from ledger.link",
        [("link", "unexpected")],
    ),
    "lock rows removed": ("delete from ledger.request", [("request", "missing")]),
    "lock rows careless": (
        "update ledger.request set eidless = false",
        [("request", "different")],
    ),
}


@pytest.mark.parametrize(("statement", "changes"), SPOILED.values(), ids=SPOILED)
async def test_every_way_of_spoiling_is_named_and_put_right(
    statement: str, changes: list[tuple[str, str]], database: Database, whole: Whole, typed: Typed
) -> None:
    await execute(database, statement)
    checked = await document(typed, "--check", "--limit", "10000", code=1)
    assert named(checked) == changes
    right = await document(typed, "--limit", "10000", "--why", "a test", "--by", "ops")
    assert named(right)
    assert set(named(right)) <= set(changes)
    assert await rows_of(database) == whole.rows
    after = await document(typed, "--check")
    assert after["differences"] == 0
    number, total = right["rebuild_id"], right["differences"]
    kept = f"select count(*) from audit.rebuild_changes where rebuild_id = {number}"
    assert await column(database, kept) == [total]
    told = f"select why || started_by || changes from audit.rebuilds where rebuild_id = {number}"
    assert await column(database, told) == [f"a testops{total}"]


async def test_everything_spoiled_at_once_is_put_right(
    database: Database, whole: Whole, typed: Typed
) -> None:
    """As after a change of the rules that fold: nearly every row is another."""
    for table in TAMPERED:
        await execute(database, f"delete from ledger.{table}")
    await document(typed)
    assert await rows_of(database) == whole.rows
    assert (await document(typed, "--check"))["ok"] is True


async def test_history_goes_on_and_versions_rise(database: Database, typed: Typed) -> None:
    before = await column(database, "select max(version) from audit.profiles")
    count = await column(database, "select count(*) from audit.profile_history")
    await execute(
        database, "update ledger.profile set since = since - interval '1 day', version = version + 1000000"
    )
    found = await document(typed)
    changed = found["differences"]
    assert isinstance(changed, int) and changed > 0
    rows = await column(database, "select count(*) from audit.profile_history")
    assert [int(str(rows[0])) - int(str(count[0]))] == [changed]
    after = await column(database, "select max(version) from audit.profiles")
    assert int(str(after[0])) > int(str(before[0]))
    overlaps = (
        "select count(*) from audit.profile_history as a join audit.profile_history as b using (profile_id)"
        " where a.recorded_from < b.recorded_from"
        " and coalesce(a.recorded_until, 'infinity') > b.recorded_from"
    )
    assert await column(database, overlaps) == [0]


async def test_only_the_first_differences_are_named_and_all_are_counted(
    database: Database, typed: Typed
) -> None:
    await execute(database, "update ledger.operation set confirmed = not confirmed")
    found = await document(typed, "--check", "--limit", "2", code=1)
    total = found["differences"]
    assert isinstance(total, int) and total > 2
    assert isinstance(found["named"], list) and len(found["named"]) == 2
    readable = await typed("rebuild", "--check", "--limit", "1", code=1)
    assert f"{total - 1} more differences" in readable.stdout
    assert "confirmed: " in readable.stdout
    assert "Nothing was changed" in readable.stdout
    await document(typed)


async def test_when_very_much_differs_the_devices_are_left_out(
    database: Database, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "CORRECTIONS_MAX", 1)
    await execute(database, "update ledger.operation set confirmed = not confirmed")
    found = await document(typed, "--check", code=1)
    assert found["devices_left_out"] is True
    await document(typed)


async def test_the_audit_log_and_its_proof_stay_as_they_are(database: Database, typed: Typed) -> None:
    def everything() -> str:
        return "select md5(string_agg(e::text, '' order by event_id)) from audit.events as e"

    before = await column(database, everything())
    await execute(database, "delete from ledger.evidence")
    await document(typed)
    assert await column(database, everything()) == before


async def test_a_check_while_a_reconciler_writes_reports_nothing(
    stack: Stack, database_template: str, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database_from(stack, database_template) as fresh:
        monkeypatch.setenv("PROFILE_POSTGRES_DSN", fresh.writer_dsn)
        records = story(Random(11), 200)
        writing = asyncio.create_task(written(fresh, records, 11))
        checks = 0
        while not writing.done():
            assert (await document(typed, "--check"))["differences"] == 0
            checks += 1
        await writing
        assert checks > 1


async def test_a_rebuild_while_a_reconciler_writes_puts_everything_right(
    stack: Stack, database_template: str, typed: Typed
) -> None:
    """The rows are spoiled again and again under both; at the end all is as the events say.

    Spoiling takes the whole table: locking row by row, in an order of its own, would be a deadlock.
    """
    spoil = (
        "lock table ledger.operation in exclusive mode; update ledger.operation set confirmed = not confirmed"
    )
    with database_from(stack, database_template) as fresh:
        writing = asyncio.create_task(written(fresh, story(Random(13), 200), 13))
        while not writing.done():
            await execute(fresh, spoil)
            await document(typed, database=fresh)
        await writing
        await document(typed, database=fresh)
        assert (await document(typed, "--check", database=fresh))["ok"] is True


def read_by_older_rules(record: Record, signal: str) -> Record:
    assert record.value is not None
    value = record.value.replace(b'"rules":1', b'"rules":0', 1)
    value = value.replace(b'"signal":"success"', f'"signal":"{signal}"'.encode(), 1)
    assert value != record.value
    return Record(record.topic, record.key, value, record.headers)


async def test_reclassifying_reads_recorded_bodies_by_todays_rules(
    stack: Stack, database_template: str, typed: Typed
) -> None:
    """New facts, the same events; what was found is kept, so that later checks know it."""
    asked = request(request="R1", eid=EIDS[0], iccid=ICCIDS[0], action="enable")
    done = callback("Success", request="R1", eid=EIDS[0], iccid=ICCIDS[0], action="enable", at=1)
    alone = callback("Success", at=2)
    with database_from(stack, database_template) as fresh:
        await written(fresh, [asked, *(read_by_older_rules(one, "unclear") for one in (done, alone))])
        states = "select state from audit.operations"
        assert await column(fresh, states) == ["unclear"]
        assert (await document(typed, "--check", database=fresh))["ok"] is True
        ahead = await document(typed, "--check", "--reclassify", code=1, database=fresh)
        assert ("evidence", "different") in named(ahead)
        assert await column(fresh, states) == ["unclear"]
        await document(typed, "--reclassify", database=fresh)
        assert await column(fresh, states) == ["succeeded"]
        assert await column(fresh, "select fact from audit.reclassifications") == ["success"] * 2
        assert await column(fresh, "select signal from audit.events where kind = 'callback'") == [
            "unclear",
            "unclear",
        ]
        for words in (("--check",), ("--check", "--reclassify")):
            assert (await document(typed, *words, database=fresh))["ok"] is True


async def test_a_late_copy_by_older_rules_does_not_take_back_what_newer_ones_found(
    stack: Stack, database_template: str, typed: Typed
) -> None:
    done = callback("Success", request="R1", eid=EIDS[0], iccid=ICCIDS[0], action="enable")
    old = read_by_older_rules(done, "failure")
    with database_from(stack, database_template) as fresh:
        ledger = Postgres(address(fresh))
        desk = Desk(ledger)
        await desk.put(old)
        await document(typed, "--reclassify", database=fresh)
        await desk.put(old, partition=1)
        await ledger.close()
        assert await column(fresh, "select state from audit.operations") == ["succeeded"]
        assert (await document(typed, "--check", database=fresh))["ok"] is True


async def test_an_erased_body_cannot_be_read_again_and_stays_as_it_was_read(
    stack: Stack, database_template: str, typed: Typed
) -> None:
    done = callback("Success", request="R1", eid=EIDS[0], iccid=ICCIDS[0], action="enable")
    with database_from(stack, database_template) as fresh:
        await written(fresh, [read_by_older_rules(done, "failure")])
        await execute(fresh, "update ledger.event set body = null, body_salt = null")
        assert (await document(typed, "--check", "--reclassify", database=fresh))["ok"] is True
