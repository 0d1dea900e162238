"""What must always hold, checked from outside: the sender's journal against the topic and the audit views.

Nothing here is the product's code. Every check gives faults, each a sentence with the ids to look at, so that
a test asserts on an empty list and a fault bench can count.

    journal = read_journal(path)
    ledger = await read_ledger(auditor_dsn)
    records = await read_topic(bootstrap, events_topic)
    assert not check_all(journal, ledger, records)

Run it when the reconciler has caught up (`caught_up`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

from tests.acceptance.euicc import BOOTSTRAP, Possible, profiles_of
from tests.acceptance.journal import Journal, Truth
from tests.acceptance.ledger import Ledger, Operation, Profile


class Record(Protocol):
    """One record of the events topic."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


def check_all(
    journal: Journal, ledger: Ledger, records: Sequence[Record], *, only_us: bool = True
) -> list[str]:
    """Every check. `only_us`: the journal tells of everything that was ever sent to this ledger."""
    return [
        *accepted_is_kept(journal, ledger),
        *kept_once(ledger),
        *(nothing_invented(journal, ledger) if only_us else ()),
        *refused_is_not_kept(journal, ledger),
        *every_copy_counted(journal, ledger, records),
        *offsets_are_exact(ledger, records),
        *states_follow_facts(ledger),
        *truths_hold(journal, ledger),
        *one_profile_is_enabled(ledger),
        *profiles_follow_operations(ledger),
    ]


def accepted_is_kept(journal: Journal, ledger: Ledger) -> Iterator[str]:
    """A. What was answered 2xx with right credentials is an event, or in quarantine."""
    kept = {event.event_id for event in ledger.events}
    quarantined = Counter((one.account, one.request_id) for one in ledger.quarantine)
    anonymous = Counter(one.account for one in ledger.quarantine)
    for (account, payload_id), attempts in journal.payloads().items():
        first = attempts[0]
        if not first.trusted or not any(attempt.accepted for attempt in attempts):
            continue
        if first.event_id is None:
            if not quarantined[account, first.request_id] and not anonymous[account]:
                yield f"A: unreadable {payload_id} was accepted and is not in quarantine"
        elif first.event_id not in kept:
            yield f"A: {first.event_id} (request {first.request_id}) was accepted and is lost"


def kept_once(ledger: Ledger) -> Iterator[str]:
    """A and B. No event has two rows."""
    for event_id, count in Counter(event.event_id for event in ledger.events).items():
        if count > 1:
            yield f"A/B: {event_id} has {count} rows"


def nothing_invented(journal: Journal, ledger: Ledger) -> Iterator[str]:
    """Every callback in the ledger is one that was sent, under the id the published rule gives it."""
    sent = {attempt.event_id for attempt in journal.attempts}
    for event in ledger.events:
        if event.kind == "callback" and event.event_id not in sent:
            yield f"{event.event_id} (request {event.request_id}) was never sent under this id"


def refused_is_not_kept(journal: Journal, ledger: Ledger) -> Iterator[str]:
    """What carried a wrong password is no event, unless the same message also came with a right one."""
    kept = {event.event_id for event in ledger.events}
    trusted = {attempt.event_id for attempt in journal.attempts if attempt.trusted}
    for attempt in journal.attempts:
        if not attempt.trusted and attempt.event_id in kept - trusted:
            yield f"{attempt.event_id} came with a wrong password and is an event"


def every_copy_counted(journal: Journal, ledger: Ledger, records: Sequence[Record]) -> Iterator[str]:
    """Each copy on the topic is one delivery row; each acknowledged attempt is a copy on the topic."""
    rows = Counter(copy.event_id for copy in ledger.copies)
    copies = Counter(header(record, "ce_id") for record in records)
    accepted = Counter(
        attempt.event_id for attempt in journal.attempts if attempt.accepted and attempt.event_id
    )
    for event_id, count in rows.items():
        if copies[event_id] != count:
            yield f"{event_id}: {count} deliveries, {copies[event_id]} records on the topic"
    for acknowledged, count in accepted.items():
        if rows[acknowledged] < count:
            yield f"{acknowledged}: {count} attempts answered 2xx, {rows[acknowledged]} deliveries"


def header(record: Record, name: str) -> str:
    return next((value.decode() for found, value in record.headers if found == name), "")


def offsets_are_exact(ledger: Ledger, records: Sequence[Record]) -> Iterator[str]:
    """F. The stored offset is one past the last record applied, and every record has been applied once."""
    applied = Counter((copy.partition, copy.offset) for copy in ledger.copies)
    stored = {one.partition: one.next_offset for one in ledger.offsets if one.topic.endswith("events.v1")}
    last: dict[int, int] = {}
    for record in records:
        last[record.partition] = max(last.get(record.partition, -1), record.offset)
    for partition, offset in last.items():
        if stored.get(partition) != offset + 1:
            yield f"F: partition {partition} ends at {offset}, stored is {stored.get(partition)}"
    for place, count in applied.items():
        if count > 1:
            yield f"F: {place} was applied {count} times"
    for record in records:
        if (record.partition, record.offset) not in applied:
            yield f"F: partition {record.partition} offset {record.offset} was never applied"


SUCCESSES, FAILURES = frozenset({"success", "poll_success"}), frozenset({"failure", "poll_failure"})
ICCID_DIGITS = 19
"""Without the check digit."""
DECIDED = frozenset({"decided_success", "decided_failure", "decided_void"})
FINAL = frozenset({"succeeded", "failed", "void", "rejected"})

Facts = frozenset[str]
LAW: Sequence[tuple[Callable[[Facts], bool], str]] = (
    (lambda facts: len(facts & SUCCESSES) > len(facts & FAILURES), "succeeded"),
    (lambda facts: len(facts & SUCCESSES) < len(facts & FAILURES), "failed"),
    (lambda facts: bool(facts & SUCCESSES), "conflicted"),
    (lambda facts: "unclear" in facts, "unclear"),
    (lambda facts: "held" in facts, "held"),
    (lambda facts: "interim" in facts, "warned"),
    (lambda facts: bool(facts & {"submitted", "announced"}), "submitted"),
    (lambda facts: "submit_unclear" in facts, "submit_unclear"),
    (lambda facts: "rejected" in facts, "rejected"),
    (lambda facts: "intended" in facts, "intended"),
)


def lawful_state(facts: Facts) -> str | None:
    """What a set of facts without a decision means, by the published table; None where no row fits."""
    return next((state for condition, state in LAW if condition(facts)), None)


def states_follow_facts(ledger: Ledger) -> Iterator[str]:
    """H. The state of every operation is what its facts mean, final where the table says final."""
    for operation in ledger.operations:
        named = f"{operation.request_id}/{operation.device}"
        if not operation.facts & DECIDED and operation.state != lawful_state(operation.facts):
            yield f"H: {named} is {operation.state}, its facts are {sorted(operation.facts)}"
        if operation.final != (operation.state in FINAL):
            yield f"H: {named} is {operation.state} and final={operation.final}"


def truths_hold(journal: Journal, ledger: Ledger) -> Iterator[str]:
    """What the sender meant is what the ledger holds, where every message of the request was accepted.

    Where there was no room for callbacks, there may have been none for the note about a refused one: the 403
    promises nothing.
    """
    incomplete = journal.incomplete_requests()
    unnoted = {"unauthenticated"} if journal.was_out_of_room() else set[str | None]()
    told: dict[str, list[Operation]] = {}
    for operation in ledger.operations:
        told.setdefault(operation.request_id or "", []).append(operation)
    for truth in journal.truths:
        if (truth.account, truth.request_id) in incomplete:
            continue
        if truth.kind == "quarantine":
            fault = _misquarantined(truth, ledger, unnoted)
        else:
            fault = _unlike(truth, told.get(truth.request_id or "", ()))
        if fault:
            yield f"truth: {truth.request_id}/{truth.device}: {fault}"


def _misquarantined(truth: Truth, ledger: Ledger, unnoted: Collection[str | None]) -> str | None:
    for one in ledger.quarantine:
        if one.account == truth.account and one.request_id == truth.request_id:
            if truth.reason not in {None, one.reason}:
                return f"quarantined as {one.reason}, not {truth.reason}"
            return None
    return None if truth.reason in unnoted else "not in quarantine"


def _unlike(truth: Truth, told: Sequence[Operation]) -> str | None:
    """`told` are the operations of its request."""
    found = [
        one for one in told if one.account == truth.account and truth.device in {None, one.eid, one.device}
    ]
    if len(found) != 1:
        return f"{len(found)} operations"
    if found[0].state != truth.state:
        return f"{found[0].state}, not {truth.state}"
    return None if found[0].action == truth.action else f"action {found[0].action}, not {truth.action}"


def one_profile_is_enabled(ledger: Ledger) -> Iterator[str]:
    """Per EID at most one profile is enabled and exactly one row is the bootstrap."""
    by_eid: dict[str, list[tuple[bool, str]]] = {}
    for profile in ledger.profiles:
        by_eid.setdefault(profile.eid, []).append((profile.bootstrap, profile.state))
    for eid, rows in by_eid.items():
        if sum(state == "enabled" for _, state in rows) > 1:
            yield f"{eid}: more than one profile is enabled"
        if sum(bootstrap for bootstrap, _ in rows) != 1:
            yield f"{eid}: {sum(bootstrap for bootstrap, _ in rows)} bootstrap rows"


def profiles_follow_operations(ledger: Ledger) -> Iterator[str]:
    """H. The profiles of each eUICC are what its operations made of them, wherever `euicc` can tell."""
    told: dict[str, list[Operation]] = {}
    for operation in ledger.operations:
        if operation.eid is not None:
            told.setdefault(operation.eid, []).append(operation)
    found: dict[str, dict[str, Profile]] = {}
    for profile in ledger.profiles:
        key = BOOTSTRAP if profile.bootstrap else profile.iccid or "a profile without ICCID"
        found.setdefault(profile.eid, {})[key] = profile
    for eid in sorted(told.keys() | found.keys()):
        rows, operations = found.get(eid, {}), told.get(eid, [])
        expected = profiles_of(operations)
        if expected is not None and not _name_the_bootstrap(operations, rows):
            yield from (f"{eid}: {fault}" for fault in _unlike_profiles(rows, expected))


def _name_the_bootstrap(operations: Sequence[Operation], rows: Mapping[str, Profile]) -> bool:
    """Whether one has for its target what is known as the bootstrap by now, with or without check digit."""
    bootstrap = rows.get(BOOTSTRAP)
    if bootstrap is None or bootstrap.iccid is None:
        return False
    digits = bootstrap.iccid[:ICCID_DIGITS]
    return any((one.iccid_target or "").startswith(digits) for one in operations)


def _unlike_profiles(rows: Mapping[str, Profile], expected: Possible) -> Iterator[str]:
    for key in sorted(rows.keys() | expected.keys()):
        row, possible = rows.get(key), sorted(expected.get(key, ()))
        if row is None:
            yield f"{key} has no row, its operations make it {' or '.join(possible)}"
        elif sorted(row.possible_states) != possible:
            yield (
                f"{key} is {' or '.join(sorted(row.possible_states))}, "
                f"its operations make it {' or '.join(possible) or 'nothing'}"
            )
        elif row.state != (possible[0] if len(possible) == 1 else "unknown"):
            yield f"{key} is {row.state}, possible is {' or '.join(possible)}"


def caught_up(ledger: Ledger, ends: Mapping[tuple[str, int], int]) -> bool:
    """Whether every partition is stored to its end; `ends` maps topic and partition to the end offset."""
    stored = {(one.topic, one.partition): one.next_offset for one in ledger.offsets}
    return all(stored.get(place, 0) >= end for place, end in ends.items())


def the_operation(ledger: Ledger, request_id: str) -> Operation:
    """The one operation of a request; AssertionError when there is none, or more."""
    found = ledger.of_request(request_id)
    assert len(found) == 1, f"{len(found)} operations of {request_id}"
    return found[0]
