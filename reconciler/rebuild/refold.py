"""Folding recorded events again, and what the tables hold otherwise.

Pure. A *portion* is what is read in one go: some requests whole, or some intents, or events that name
neither; it is folded by the very functions that `run` uses, from the events instead of from the evidence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from reconciler.core.decide import StoredOperation
from reconciler.core.evidence import Evidence, merged
from reconciler.core.identity import gathered
from reconciler.core.operation import Operation, fold_request
from reconciler.core.recorded import Recorded, Words, folded, read_today, with_words
from reconciler.core.scope import Key, Link
from reconciler.rebuild.difference import (
    Difference,
    evidence_differences,
    link_differences,
    lock_row_differences,
    operation_differences,
)
from schemas.ids import OperationId, RequestId

Kind = Literal["request", "intent", "unmatched"]


class Became(NamedTuple):
    """An intent that some event names, and the request that it became by this event, if it did."""

    intent: Key
    request_id: RequestId | None


@dataclass(frozen=True, slots=True)
class Portion:
    """What was recorded, and what the tables hold of it. Requests come with what is said of their intents."""

    kind: Kind
    recorded: Sequence[Recorded]
    evidence: Sequence[Evidence]
    operations: Sequence[StoredOperation] = ()
    links: Sequence[Link] = ()
    """Of requests: those stored."""
    became: Sequence[Became] = ()
    """Of intents."""
    lock_rows: Mapping[Key, bool] = field(default_factory=dict)

    def keys(self) -> dict[Key, bool]:
        """The lock rows that the recorded events need, each with whether one of them names no EID."""
        if self.kind == "unmatched":
            return {}
        keys = {row.intent: False for row in self.became}
        for event in self.recorded:
            row = event.first
            name = row.request_id if self.kind == "request" else row.intent_id
            if name is not None:
                key = Key(row.account, name)
                keys[key] = keys.get(key, False) or row.eid is None
        return self._with_intents(keys) if self.kind == "request" else keys

    def _with_intents(self, keys: dict[Key, bool]) -> dict[Key, bool]:
        """What is said of an intent without an EID concerns each request that it became."""
        eidless = {
            (event.first.account, event.first.intent_id)
            for event in self.recorded
            if event.first.request_id is None and event.first.eid is None
        }
        for link in self.links_recorded():
            key = Key(link.account, link.request_id)
            keys[key] = keys[key] or (link.account, link.intent_id) in eidless
        return keys

    def links_recorded(self) -> frozenset[Link]:
        rows = (event.first for event in self.recorded)
        return frozenset(
            Link(row.account, row.intent_id, row.request_id)
            for row in rows
            if row.kind == "request" and row.intent_id is not None and row.request_id is not None
        )


@dataclass(frozen=True, slots=True)
class Refolded:
    """What the tables must hold of a portion. `words` are what today's rules say otherwise."""

    evidence: Mapping[bytes, Evidence]
    operations: Mapping[OperationId, Operation]
    words: Mapping[bytes, Words]


def refolded(portion: Portion) -> Refolded:
    rows: list[Evidence] = []
    words: dict[bytes, Words] = {}
    for event in portion.recorded:
        row = folded(event)
        today = read_today(event, row)
        if today is not None:
            words[row.key] = today
            row = merged(row, with_words(row, today))
        rows.append(row)
    own = rows if portion.kind != "request" else [row for row in rows if row.request_id is not None]
    operations = {operation.operation_id: operation for operation in _operations(portion, rows)}
    return Refolded({row.key: row for row in own}, operations, words)


def _operations(portion: Portion, rows: Sequence[Evidence]) -> Iterable[Operation]:
    """Of an intent that became a request there are none."""
    gone = {row.intent for row in portion.became if row.request_id is not None}
    for group, said in gathered(rows).items():
        if group.scope == portion.kind and Key(group.account, group.id) not in gone:
            yield from fold_request(said).operations


def differences(portion: Portion, now: Refolded) -> list[Difference]:
    """What the tables hold otherwise, table by table."""
    found = [
        *evidence_differences({row.key: row for row in portion.evidence}, now.evidence),
        *operation_differences(
            {row.operation.operation_id: row.operation for row in portion.operations}, now.operations
        ),
    ]
    if portion.kind == "unmatched":
        return found
    if portion.kind == "request":
        found += link_differences(portion.links, portion.links_recorded())
    return [*found, *lock_row_differences(portion.kind, portion.lock_rows, portion.keys())]
