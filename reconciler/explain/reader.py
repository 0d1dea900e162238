"""What `explain` reads: the audit's story of a request or intent, its evidence, the profiles of its EIDs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from reconciler.audit.reading import AuditReader
from reconciler.audit.stories import RequestStory, Row, request_story
from reconciler.core.evidence import Evidence
from reconciler.queries import query

if TYPE_CHECKING:
    from reconciler.postgres.admin import Session


class Found(NamedTuple):
    story: RequestStory
    evidence: Sequence[Evidence]
    profiles: Mapping[str, Sequence[Row]]
    """By EID."""


async def read_story(session: "Session", named: str) -> Found | None:
    """Of a request, of the request that an intent became, or of the intent; None where the id is unknown."""
    story = await AuditReader(session).request(named)
    if story is not None:
        return await _found(session, story, await _evidence(session, "audit_request_evidence", named))
    operations = await _rows(session, "explain_intent_operations", named)
    became = next((row["request_id"] for row in operations if row["request_id"] is not None), None)
    if became is not None:
        return await read_story(session, str(became))
    if not operations:
        return None
    events = await _rows(session, "explain_intent_events", named)
    evidence = await _evidence(session, "explain_intent_evidence", named)
    ids = [bytes.fromhex(str(event["event_id"])) for event in events]
    deliveries = await _rows(session, "audit_event_deliveries", ids)
    return await _found(session, request_story(named, operations, events, evidence, deliveries), evidence)


async def _found(session: "Session", story: RequestStory, evidence: Sequence[Evidence]) -> Found:
    eids = {str(told.operation["eid"]) for told in story.operations if told.operation["eid"] is not None}
    profiles = {eid: await _rows(session, "audit_device_profiles", eid) for eid in sorted(eids)}
    return Found(story, evidence, profiles)


async def _evidence(session: "Session", name: str, named: str) -> list[Evidence]:
    return [Evidence._make(row) for row in await session.fetch(query(name), named)]


async def _rows(session: "Session", name: str, *arguments: object) -> list[Row]:
    return [dict(row) for row in await session.fetch(query(name), *arguments)]
