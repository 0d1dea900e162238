"""A to H of the design, checked from outside when all is healed and caught up.

Most of it is `tests.acceptance.checker`: the sender's journal against topic and audit views. Here is the
rest: offsets where bad records stand between the good ones, the chains, and the password.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tests.acceptance import checker
from tests.acceptance.canary import forms
from tests.acceptance.journal import Journal
from tests.acceptance.ledger import Ledger
from tests.acceptance.seen import files_bytes, found_in, table_blocks
from tests.faults.scene import Scene
from tests.faults.spoilt import MARK, digest
from tests.support.kafka import TopicRecord, read_topic

READ_WITHIN_S = 180.0
READ_EACH_S = 0.005
LINE = b"@vzw4g.com"
"""What the user names of the devices' lines end with: they come in every `deviceCredential`."""
BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """`letter` of the design's list; `text` names the ids to look at."""

    letter: str
    text: str

    def __str__(self) -> str:
        return f"{self.letter}: {self.text}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the checks look at; all of it read when nothing moved any more.

    `records` are those of the events topic, `set_aside` those that receivers put on the quarantine topic.
    """

    journal: Journal
    ledger: Ledger
    records: Sequence[TopicRecord]
    set_aside: Sequence[TopicRecord] = ()

    def without_spoilt(self) -> Evidence:
        """As if nobody had written the records that nobody should write."""
        bad = {(record.partition, record.offset) for record in self.records if is_spoilt(record)}
        copies = tuple(copy for copy in self.ledger.copies if (copy.partition, copy.offset) not in bad)
        ids = {copy.event_id for copy in copies}
        events = tuple(event for event in self.ledger.events if event.event_id in ids)
        records = tuple(record for record in self.records if not is_spoilt(record))
        ledger = replace(self.ledger, copies=copies, events=events)
        return replace(self, ledger=ledger, records=records)


def is_spoilt(record: TopicRecord) -> bool:
    return any(name == MARK for name, _ in record.headers)


def wrong(evidence: Evidence) -> list[Found]:
    """What needs nothing but the evidence: A, B, F, G and the states of H."""
    sound = evidence.without_spoilt()
    journal, ledger, records = sound.journal, sound.ledger, sound.records
    found = {
        "A": checker.accepted_is_kept(journal, ledger),
        "A/B": checker.kept_once(ledger),
        "B": checker.nothing_invented(journal, ledger),
        "E": checker.refused_is_not_kept(journal, ledger),
        "A/F": checker.every_copy_counted(journal, ledger, records),
        "F": (*offsets_are_exact(evidence), *set_aside_once(evidence)),
        "G": spoilt_is_set_aside(evidence),
        "H": checker.states_follow_facts(ledger),
        "H/truth": checker.truths_hold(journal, ledger),
        "H/profiles": (
            *checker.one_profile_is_enabled(ledger),
            *checker.profiles_follow_operations(ledger),
        ),
    }
    return [
        Found(letter, text.removeprefix(f"{letter}: ")) for letter, texts in found.items() for text in texts
    ]


def offsets_are_exact(evidence: Evidence) -> Iterator[str]:
    """F. Stored is one past the last record; each sound record was applied, none of all twice."""
    ends: dict[int, int] = {}
    for record in evidence.records:
        ends[record.partition] = max(ends.get(record.partition, 0), record.offset + 1)
    offsets = evidence.ledger.offsets
    stored = {one.partition: one.next_offset for one in offsets if one.topic.endswith("events.v1")}
    for partition, end in ends.items():
        if stored.get(partition) != end:
            yield f"partition {partition} ends at {end}, stored is {stored.get(partition)}"
    applied = Counter((copy.partition, copy.offset) for copy in evidence.ledger.copies)
    for place, count in applied.items():
        if count > 1:
            yield f"{place} was applied {count} times"
    for record in evidence.records:
        if not is_spoilt(record) and (record.partition, record.offset) not in applied:
            yield f"partition {record.partition} offset {record.offset} was never applied"


def set_aside_once(evidence: Evidence) -> Iterator[str]:
    """F. Every record that could not be used is counted once in quarantine: equal ones share a row."""
    applied = {(copy.partition, copy.offset) for copy in evidence.ledger.copies}
    unusable = sum((record.partition, record.offset) not in applied for record in evidence.records)
    copies = sum(one.copies for one in evidence.ledger.quarantine)
    if copies != unusable + len(evidence.set_aside):
        yield f"{copies} copies in quarantine, {unusable} and {len(evidence.set_aside)} records on the topics"


def spoilt_is_set_aside(evidence: Evidence) -> Iterator[str]:
    """G. What could not be applied is in quarantine, every byte of it."""
    applied = {(copy.partition, copy.offset) for copy in evidence.ledger.copies}
    kept = {digest(one.content) for one in evidence.ledger.quarantine}
    for record in evidence.records:
        place = (record.partition, record.offset)
        if is_spoilt(record) and place not in applied and digest(record.value) not in kept:
            name = dict(record.headers)[MARK].decode()
            yield f"{name} (partition {record.partition} offset {record.offset}) is nowhere"


OWN_CHECKS: Mapping[str, Sequence[str]] = {
    "C": ("profile-reconciler", "rebuild", "--check"),
    "D": ("profile-audit", "verify", "--json"),
}


async def agreed(scene: Scene, records: int) -> list[Found]:
    """C and D, as the product's own commands say."""
    within_s = READ_WITHIN_S + READ_EACH_S * records
    ran = [scene.programs.run(*command, within_s=within_s) for command in OWN_CHECKS.values()]
    ended = zip(OWN_CHECKS, await asyncio.gather(*ran), strict=True)
    return [
        Found(letter, (done.stdout + done.stderr)[-1000:]) for letter, done in ended if done.exit_code != 0
    ]


async def password_is_nowhere(scene: Scene) -> list[Found]:
    """E. Topics, tables, logs and spools; the files that the sender and the settings need are not ours."""
    needles = [form for secret in (scene.password, f"{scene.password}-before") for form in forms(secret)]
    needles.append(LINE)
    found: list[Found] = []
    block: list[tuple[str, bytes]] = []
    size = 0
    async for where, data in _everything(scene):
        block.append((where, data))
        size += len(data)
        if size > BLOCK_BYTES:
            found += _leaks(block, needles)
            block, size = [], 0
    return found + _leaks(block, needles)


def _leaks(block: Sequence[tuple[str, bytes]], needles: Sequence[bytes]) -> list[Found]:
    """Looks at all of it in one go, and for the place only where there is one."""
    if not found_in(b"\n".join(data for _, data in block), needles, depth=1):
        return []
    return [
        Found("E", f"{where} holds {needle.decode(errors='replace')}")
        for where, data in block
        for needle in found_in(data, needles, depth=1)
    ]


async def _everything(scene: Scene) -> AsyncIterator[tuple[str, bytes]]:
    topics = scene.topics
    ours = (
        topics.events,
        topics.requests,
        topics.quarantine,
        topics.operations,
        topics.state,
        topics.anchors,
    )
    for name in ours:
        for record in await read_topic(scene.stack.bootstrap, name):
            parts = [record.key or b"", record.value or b"", *(part for _, part in record.headers)]
            yield f"{name}/{record.partition}/{record.offset}", b"\n".join(parts)
    async for rows in table_blocks(scene.database.owner_dsn):
        yield "the database", rows
    for where, data in files_bytes(*(scene.folder.glob("spool-*"))):
        yield where, data
    for path in sorted({*scene.folder.glob("*-profile-*.*"), *scene.folder.glob("*-python.*")}):
        yield str(path), path.read_bytes()
