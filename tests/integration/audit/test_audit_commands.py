"""The audit commands as people and scripts use them: processes, on a ledger that the reconciler wrote."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from tests.integration.audit.conftest import Ledger
from tests.integration.audit.speech import EID, ICCID
from tests.support.program import Finished
from tests.support.typed import Typist

Row = Mapping[str, object]


async def typed(typist: Typist, ledger: Ledger, command: str, *words: str, **env: str) -> Finished:
    return await typist.type(command, *words, environment={**ledger.programs.environment, **env})


async def document_of(typist: Typist, ledger: Ledger, *arguments: str, code: int = 0) -> Row:
    done = await typed(typist, ledger, "profile-audit", *arguments, "--json")
    assert done.exit_code == code, done.stderr
    document = done.json()
    assert isinstance(document, dict)
    return document


def rows(document: Row, member: str) -> list[Row]:
    found = document[member]
    assert isinstance(found, list)
    return found


async def test_a_request_tells_its_operation_its_events_and_every_copy(
    ledger: Ledger, typist: Typist
) -> None:
    document = await document_of(typist, ledger, "request", "r-settled")
    assert document["request_id"] == "r-settled"
    (operation,) = rows(document, "operations")
    assert (operation["state"], operation["final"], operation["action"]) == ("succeeded", True, "delete")
    assert operation["iccid_target"] == ICCID
    assert operation["facts"] == ["announced", "submitted", "success"]
    request, callback = rows(operation, "events")
    assert (request["kind"], request["signal"]) == ("request", None)
    assert (callback["kind"], callback["signal"]) == ("callback", "success")
    assert isinstance(callback["body"], dict)
    assert callback["body"]["requestId"] == "r-settled"
    assert [delivery["attempt"] for delivery in rows(callback, "deliveries")] == [1, 2]


async def test_what_is_unknown_is_exit_1_and_still_a_document(ledger: Ledger, typist: Typist) -> None:
    request = await document_of(typist, ledger, "request", "nobody", code=1)
    assert request == {"request_id": "nobody", "operations": []}
    device = await document_of(typist, ledger, "device", "89049000", code=1)
    assert device == {"eid": "89049000", "profiles": [], "operations": [], "history": []}


async def test_a_device_tells_profiles_operations_and_history(ledger: Ledger, typist: Typist) -> None:
    document = await document_of(typist, ledger, "device", EID)
    profiles = rows(document, "profiles")
    (deleted,) = [profile for profile in profiles if profile["iccid"] == ICCID]
    assert (deleted["state"], deleted["certainty"], deleted["bootstrap"]) == ("deleted", "confirmed", False)
    assert [profile["bootstrap"] for profile in profiles].count(True) == 1
    assert rows(document, "history")
    late = {row["request_id"]: (row["overdue"], row["abandoned"]) for row in rows(document, "operations")}
    assert list(late) == ["r-old", "r-settled", "r-warned"]
    assert late == {"r-old": (True, True), "r-settled": (False, False), "r-warned": (False, False)}


async def test_as_of_knows_nothing_before_and_the_state_after(ledger: Ledger, typist: Typist) -> None:
    before = await document_of(typist, ledger, "as-of", EID, "--at", "2020-01-01T00:00:00Z")
    assert before == {"eid": EID, "at": "2020-01-01T00:00:00.000000Z", "profiles": []}
    after = await document_of(typist, ledger, "as-of", EID, "--at", datetime.now(UTC).isoformat())
    assert {row["state"] for row in rows(after, "profiles") if row["iccid"] == ICCID} == {"deleted"}


async def test_events_are_lines_of_json_oldest_first(ledger: Ledger, typist: Typist) -> None:
    done = await typed(
        typist, ledger, "profile-audit", "events", "--json", "--eid", EID, "--since", "2020-01-01"
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(events) == 4
    assert [event["recorded_at"] for event in events] == sorted(event["recorded_at"] for event in events)


async def test_a_word_that_is_no_signal_is_misuse(ledger: Ledger, typist: Typist) -> None:
    done = await typed(typist, ledger, "profile-audit", "events", "--signal", "sucess")
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr


async def test_the_readable_forms_say_the_same_without_colours_in_a_file(
    ledger: Ledger, typist: Typist
) -> None:
    request = await typed(typist, ledger, "profile-audit", "request", "r-settled")
    assert f"delete on EID {EID}: succeeded" in request.stdout
    assert "1, 2 of 4" in request.stdout
    device = await typed(typist, ledger, "profile-audit", "device", EID)
    assert "warned" in device.stdout
    assert "abandoned" in device.stdout
    events = await typed(typist, ledger, "profile-audit", "events", "--limit", "2")
    assert "the first 2; there are more" in events.stdout
    offsets = await typed(typist, ledger, "profile-reconciler", "offsets", "show")
    assert "profile.events.v1" in offsets.stdout
    assert "\x1b" not in request.stdout + device.stdout + events.stdout + offsets.stdout


async def test_offsets_are_told_as_they_are_stored(ledger: Ledger, typist: Typist) -> None:
    done = await typed(typist, ledger, "profile-reconciler", "offsets", "show", "--json")
    offsets = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(
        set(row) == {"topic", "partition", "next_offset", "last_event_id", "topic_id"} for row in offsets
    )
    assert sum(row["next_offset"] for row in offsets if row["topic"] == ledger.topics.events) == 5


async def test_verify_names_the_altered_row_in_both_forms(own_ledger: Ledger, typist: Typist) -> None:
    whole = await document_of(typist, own_ledger, "verify")
    assert whole["ok"] is True
    assert sum(int(str(chain["events"])) for chain in rows(whole, "chains")) == 4
    async with own_ledger.database.connect() as connection:
        event_id = await connection.fetchval(
            "update ledger.event set outcome = 'late' where fact = 'interim'"
            " returning encode(event_id, 'hex')"
        )
    broken = await document_of(typist, own_ledger, "verify", code=1)
    assert broken["ok"] is False
    assert [fault["event_id"] for fault in rows(broken, "faults")] == [event_id]
    readable = await typed(typist, own_ledger, "profile-audit", "verify")
    assert readable.exit_code == 1
    assert event_id in readable.stdout


async def test_without_an_auditor_the_writer_reads_and_it_is_said(ledger: Ledger, typist: Typist) -> None:
    done = await typed(typist, ledger, "profile-audit", "verify", AUDIT_POSTGRES_DSN="")
    assert done.exit_code == 0
    assert "AUDIT_POSTGRES_DSN is not set" in done.stderr


async def test_a_reader_who_has_seen_enough_ends_it_quietly(ledger: Ledger, typist: Typist) -> None:
    read, write = os.pipe()
    os.close(read)
    environment = {**os.environ, **ledger.programs.environment}
    try:
        done = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reconciler.audit", "events", "--json"),
            env=environment,
            stdout=write,
            stderr=asyncio.subprocess.PIPE,
        )
    finally:
        os.close(write)
    _, stderr = await done.communicate()
    assert (done.returncode, stderr) == (0, b"")
