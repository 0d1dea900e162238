"""What a further copy of an event says otherwise than those before it, as it is kept beside its delivery.

The audit log has one row per event, that of its first copy; each copy has a delivery with its time and its
attempts. What else a copy changed in the evidence is kept here, so that the evidence can be folded again from
what was recorded. A copy that changed nothing needs no word.
"""

from datetime import datetime
from typing import Final

import orjson

from reconciler.core.evidence import Evidence, merged

APART: Final = orjson.dumps({"apart": True}).decode()
"""A copy that names another request, intent or EID than the first: it counts for nothing."""

_COMPANIONS: Final = ("imei", "mdn", "iccid_named", "iccid_reported", "requested_at")
_READ: Final = ("action", "fact", "rules")
"""What the rules made of the copy: kept together, because the version decides between them."""


def differing(before: Evidence, copy: Evidence, after: Evidence) -> str | None:
    """JSON of what the copy changed; None where that was only time and attempts. `after` is their merger."""
    names = [name for name in _COMPANIONS if getattr(before, name) != getattr(after, name)]
    if any(getattr(before, name) != getattr(after, name) for name in _READ):
        names += _READ
    if not names:
        return None
    return orjson.dumps({name: getattr(copy, name) for name in names}).decode()


def is_apart(differs: str | None) -> bool:
    return differs == APART or (differs is not None and "apart" in orjson.loads(differs))


def with_copy(first: Evidence, differs: str) -> Evidence:
    """The evidence of the first copy, merged with what another one changed."""
    said = orjson.loads(differs)
    if "requested_at" in said:
        said["requested_at"] = datetime.fromisoformat(said["requested_at"])
    return merged(first, Evidence(**{**first._asdict(), **said}))
