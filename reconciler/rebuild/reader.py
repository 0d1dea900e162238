"""What a rebuild reads, on one asyncpg connection, in the transaction that its caller has opened.

Everything is found by an index, in pages of keys: bounded memory, however long the audit log is. (A request
is read whole, because it is folded whole.)
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from reconciler.core.decide import StoredOperation
from reconciler.core.device import StoredProfile
from reconciler.core.evidence import Evidence
from reconciler.core.recorded import Recorded, Words
from reconciler.core.scope import Key, Link
from reconciler.postgres.reader import stored_operation, stored_profile
from reconciler.queries import query
from reconciler.rebuild.refold import Became, Portion

if TYPE_CHECKING:
    import asyncpg

    from reconciler.postgres.admin import Session

_EVIDENCE_COLUMNS: Final = len(Evidence._fields)
_KEY_END: Final = b"\xff" * 16
"""Behind a key: the greatest id that has it."""


class Devices(NamedTuple):
    """Of some EIDs: the operations, the profiles, and what history says of now."""

    operations: Sequence[StoredOperation]
    profiles: Sequence[StoredProfile]
    recorded: Sequence[StoredProfile]


class RebuildReader:
    """`rules`: callbacks that were read by older rules are read again; 0 for none."""

    def __init__(self, connection: "Session", rules: int) -> None:
        self.connection = connection
        self._rules = rules

    async def request_ids(self, after: str, rows: int) -> Sequence[str]:
        return [row[0] for row in await self.connection.fetch(query("rebuild_request_ids"), after, rows)]

    async def requests(self, ids: Sequence[str]) -> Portion:
        recorded = await self._recorded("rebuild_events_of_requests", ids)
        operations = await self._operations("rebuild_operations_of_requests", ids)
        links = [Link(*row) for row in await self.connection.fetch(query("rebuild_links"), ids)]
        evidence = await self._evidence("rebuild_evidence_of_requests", ids)
        portion = Portion("request", recorded, evidence, operations, links)
        return await self._with_lock_rows(portion)

    async def intent_ids(self, after: str, rows: int) -> Sequence[str]:
        return [row[0] for row in await self.connection.fetch(query("rebuild_intent_ids"), after, rows)]

    async def intents(self, ids: Sequence[str]) -> Portion:
        recorded = await self._recorded("rebuild_events_of_intents", ids)
        operations = await self._operations("rebuild_operations_of_intents", ids)
        named = await self.connection.fetch(query("rebuild_links_of_intents"), ids)
        became = [Became(Key(account, intent), request) for account, intent, request in named]
        evidence = await self._evidence("rebuild_evidence_of_intents", ids)
        portion = Portion("intent", recorded, evidence, operations, became=became)
        return await self._with_lock_rows(portion)

    async def unmatched_keys(self, after: bytes, rows: int) -> Sequence[bytes]:
        found = await self.connection.fetch(
            query("rebuild_unmatched_keys"), after, after + _KEY_END if after else after, rows
        )
        return [row[0] for row in found]

    async def unmatched(self, after: bytes, until: bytes) -> Portion:
        """Those with keys above `after`, up to `until`."""
        start = after + _KEY_END if after else after
        recorded = await self.connection.fetch(
            query("rebuild_events_unmatched"), start, self._rules, until + _KEY_END
        )
        evidence = await self._evidence("rebuild_evidence_unmatched", after, until)
        return Portion("unmatched", [_recorded(row) for row in recorded], evidence)

    async def eids(self, after: str, rows: int) -> Sequence[str]:
        return [row[0] for row in await self.connection.fetch(query("rebuild_eids"), after, rows)]

    async def devices(self, eids: Sequence[str]) -> Devices:
        operations = await self.connection.fetch(query("read_device_operations"), eids)
        profiles = await self.connection.fetch(query("read_device_profiles"), eids)
        recorded = await self.connection.fetch(query("rebuild_open_history"), eids)
        return Devices(
            [stored_operation(row) for row in operations],
            [stored_profile(row) for row in profiles],
            [stored_profile(row) for row in recorded],
        )

    async def events(self) -> int:
        """How many the audit log has, for the progress."""
        total: int = await self.connection.fetchval(query("rebuild_total"))
        return total

    async def _recorded(self, name: str, ids: Sequence[str]) -> Sequence[Recorded]:
        return [_recorded(row) for row in await self.connection.fetch(query(name), ids, self._rules)]

    async def _evidence(self, name: str, *arguments: object) -> Sequence[Evidence]:
        return [Evidence(*row) for row in await self.connection.fetch(query(name), *arguments)]

    async def _operations(self, name: str, ids: Sequence[str]) -> Sequence[StoredOperation]:
        return [stored_operation(row) for row in await self.connection.fetch(query(name), ids)]

    async def _with_lock_rows(self, portion: Portion) -> Portion:
        keys = list(portion.keys())
        lock_rows = await self._lock_rows(portion.kind, keys)
        return Portion(
            portion.kind,
            portion.recorded,
            portion.evidence,
            portion.operations,
            portion.links,
            portion.became,
            lock_rows,
        )

    async def _lock_rows(
        self, scope: Literal["request", "intent", "unmatched"], keys: Sequence[Key]
    ) -> Mapping[Key, bool]:
        rows = await self.connection.fetch(
            query("rebuild_lock_rows"), scope, [key.account for key in keys], [key.id for key in keys]
        )
        return {Key(account, name): eidless for account, name, eidless in rows}


def _recorded(row: "asyncpg.Record") -> Recorded:
    later = zip(row["later_rules"], row["later_facts"], row["later_actions"], strict=True)
    return Recorded(
        Evidence(*row[:_EVIDENCE_COLUMNS]),
        row["least_observed_at"],
        row["greatest_attempt"],
        row["least_attempts_max"],
        row["differing"],
        [Words(*words) for words in later],
        row["body"],
    )
