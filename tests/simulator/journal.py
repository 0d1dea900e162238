"""The journal: what was sent and answered, and what must follow, as NDJSON for checkers.

Three kinds of line, told apart by `type`: `attempt` (one delivery and its answer), `message` (what became of
a message in the end) and `truth` (what the ledger must hold). README.md lists the members.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TextIO

from tests.simulator import content
from tests.simulator.delivery import Answer, Fate
from tests.simulator.message import Listener, Message
from tests.simulator.story import Truth


def stamp(seconds: float) -> str:
    """RFC 3339 in UTC, microseconds, of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Journal:
    """Writes lines as things happen; without a stream it only counts."""

    def __init__(self, stream: TextIO | None, listener: Listener) -> None:
        self._stream, self._listener = stream, listener

    def attempt(
        self,
        story: str,
        message: Message,
        attempt: int,
        url: str,
        sent_at: float,
        answered_at: float,
        answer: Answer,
    ) -> None:
        self._write(
            {
                "type": "attempt",
                **self._about(story, message),
                "event_id": content.event_id(message.body, self._listener.account, self._listener.secrets),
                "service": message.service,
                "credentials": message.credentials,
                "attempt": attempt,
                "url": self._listener.shown(url),
                "sent_at": stamp(sent_at),
                "answered_at": None if answer.status is None else stamp(answered_at),
                "status": answer.status,
                "error": answer.error,
                "expected_status": message.answer,
            }
        )

    def message(self, story: str, message: Message, fate: Fate) -> None:
        self._write({"type": "message", **self._about(story, message), "fate": fate})

    def truth(self, story: str, truth: Truth) -> None:
        self._write({"type": "truth", "story": story, "account": self._listener.account, **asdict(truth)})

    def _about(self, story: str, message: Message) -> dict[str, str | None]:
        return {
            "story": story,
            "label": message.label,
            "account": self._listener.account,
            "request_id": message.request_id,
            "payload_id": content.payload_id(message.body),
        }

    def _write(self, line: Mapping[str, object]) -> None:
        if self._stream is not None:
            self._stream.write(json.dumps(line) + "\n")
            self._stream.flush()
