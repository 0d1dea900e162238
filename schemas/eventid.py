"""The id of an event: a SHA-256 over what it says, so that copies of one event share it (interfaces.md 4)."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

import orjson

from schemas.canonical import canonical_json
from schemas.ids import AccountName, EventId
from schemas.names import Json


def digest_of(parts: Sequence[str | int | None] | Sequence[Json]) -> EventId:
    """The id of an event that is named by these parts; they hold no floats and no integers over 64 bits."""
    return EventId(sha256(canonical_json(list(parts), exact=False)).hexdigest())


def callback_event_id(account: AccountName, canonical_body: bytes) -> EventId:
    """The id of a callback whose scrubbed body has this canonical form."""
    return EventId(sha256(_callback_head(account) + canonical_body + b"]").hexdigest())


@lru_cache(maxsize=1024)
def _callback_head(account: AccountName) -> bytes:
    return b'["callback",' + orjson.dumps(account) + b","
