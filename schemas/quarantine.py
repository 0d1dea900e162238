"""What goes on `profile.quarantine.v1`: what we cannot use but must not lose, without its secrets."""

from base64 import b64decode
from typing import Annotated

import orjson
from pydantic import AfterValidator, Field

from schemas.eventshape import Identifier, Moment, Part, Text
from schemas.ids import REQUEST_ID_CHARS_MAX

_RequestId = Annotated[str, Field(min_length=1, max_length=REQUEST_ID_CHARS_MAX)]


def _base64(text: str) -> str:
    b64decode(text, validate=True)
    return text


class QuarantineEntry(Part):
    """One unusable record. Equal account, reason and digest mean the same thing kept twice."""

    reason: Identifier
    account: Identifier | None
    service: Text | None
    request_id: _RequestId | None
    source: Text | None
    """The address it came from."""
    observed_at: Moment
    producer: Text
    length: Annotated[int, Field(strict=True, ge=0)]
    """Bytes as received, also where they are withheld."""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    error: Text | None
    bytes_base64: Annotated[str, AfterValidator(_base64)]
    """What may be kept of it; empty where no secret could be excluded with certainty."""

    def kept(self) -> bytes:
        return b64decode(self.bytes_base64)

    def to_json(self) -> bytes:
        return orjson.dumps(self.model_dump())
