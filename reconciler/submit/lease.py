"""One operation in flight for each eUICC: who has it, and until when. Pure.

A lease is held while the operation it was taken for is not final, and ends at a deadline, because ThingSpace
may never say what became of it. An operation that somebody else asked for holds its eUICC in the same way.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.ids import AccountName, IntentId, RequestId


@dataclass(frozen=True, slots=True)
class Holder:
    """`held_by` is unknown where the operation was not submitted here."""

    account: AccountName
    intent_id: IntentId | None
    request_id: RequestId | None
    action: str | None
    held_by: str | None
    until: datetime

    def words(self) -> str:
        """Who has the device, in a sentence without its full stop."""
        what = f"{self.action or 'an unknown action'}"
        named = f"request {self.request_id}" if self.request_id else f"intent {self.intent_id}"
        by = self.held_by or "somebody else"
        until = self.until.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        return f"{what} by {by} ({named}) is under way, or holds it until {until} UTC"
