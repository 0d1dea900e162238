"""Tamper evidence: each row of the audit log carries a hash over itself and over its predecessor's hash.

One chain per Kafka partition, in the order of `chain_position` (1, 2, 3, …; the head and the count stand
in `ledger.consumer_offset`). A link covers everything about the row: its columns as canonical bytes, and its
body by a digest salted with 16 random bytes. Erasing body and salt for privacy leaves the chain whole, and
what was erased cannot be found again by trying likely bodies.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import orjson

GENESIS = bytes(32)
"""The hash before the first row of a chain."""

SALT_BYTES = 16

COLUMNS = (
    "event_id",
    "kind",
    "account",
    "request_id",
    "intent_id",
    "eid",
    "imei",
    "mdn",
    "iccid_named",
    "iccid_reported",
    "iccid_single",
    "iccid_target",
    "action",
    "fact",
    "requested_at",
    "observed_at",
    "attempt",
    "attempts_max",
    "sequence",
    "service",
    "producer",
    "rules",
    "flags",
    "outcome",
    "operation_id",
    "partition",
    "offset",
    "chain_position",
    "recorded_at",
)
"""The columns of `ledger.event` under the chain, in the order in which they are hashed.

The order is part of the format. A column of a later migration goes to the end and is left out where it is
null, so that older rows still verify.
"""

Value = str | int | None | datetime | UUID | bytes | Sequence[str]


def metadata(values: Sequence[Value]) -> bytes:
    """Canonical bytes of a row: a JSON array of `COLUMNS`; bytes as hex, times in UTC with microseconds.

    Takes what the database gives back as it is. Times must be in UTC already: their text is hashed.
    """
    return orjson.dumps(values, default=_plain)


def _plain(value: object) -> str:
    """What orjson does not know: bytes, and asyncpg's own UUID."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"no column has the type {type(value).__name__}")


def digest(salt: bytes, body: bytes) -> bytes:
    """What stands for a body in its link; `salt` is of `SALT_BYTES` and random."""
    return sha256(salt + body).digest()


def link(previous: bytes, metadata: bytes, payload_digest: bytes) -> bytes:
    """The hash of a row. Both hashes are of 32 bytes, so the join is unambiguous."""
    return sha256(previous + payload_digest + metadata).digest()
