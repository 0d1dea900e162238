"""The names of things, as types: one string must not be taken for another."""

from typing import NewType

EventId = NewType("EventId", str)
"""64 lower-case hexadecimal digits: the SHA-256 of what the event says."""

AccountName = NewType("AccountName", str)
"""A ThingSpace billing account: opaque text, leading zeros included."""

RequestId = NewType("RequestId", str)
"""What ThingSpace calls a request; at most 256 characters."""

IntentId = NewType("IntentId", str)
"""What we call a request before ThingSpace has named it."""

Eid = NewType("Eid", str)
"""The eUICC's identifier as received: usually 32 digits, not always."""

Iccid = NewType("Iccid", str)
"""A profile's identifier as received."""

OperationId = NewType("OperationId", str)
"""The text of a UUID, derived from the operation's identity."""

REQUEST_ID_CHARS_MAX = 256
IDENTIFIER_CHARS_MAX = 128
