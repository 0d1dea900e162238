"""What `explain` reads: the audit's story of a request, its evidence, and the profiles of its EIDs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reconciler.audit.reading import AuditReader
from reconciler.audit.stories import RequestStory, Row
from reconciler.evidence import Evidence
from reconciler.queries import query

if TYPE_CHECKING:
    from reconciler.postgres_admin import Session


async def read_request(
    session: "Session", request_id: str
) -> tuple[RequestStory, Sequence[Evidence], Mapping[str, Sequence[Row]]] | None:
    """Story, evidence, and profiles by EID; None where nothing is known of the request."""
    story = await AuditReader(session).request(request_id)
    if story is None:
        return None
    rows = await session.fetch(query("audit_request_evidence"), request_id)
    evidence = [Evidence._make(row) for row in rows]
    eids = {str(told.operation["eid"]) for told in story.operations if told.operation["eid"] is not None}
    profiles = {
        eid: [dict(row) for row in await session.fetch(query("audit_device_profiles"), eid)]
        for eid in sorted(eids)
    }
    return story, evidence, profiles
