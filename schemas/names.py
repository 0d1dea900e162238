"""How ThingSpace spells the members of a callback, and which of them may not leave the receiver.

Vendor samples mix camelCase with PascalCase and know several names for one thing (`Device`, `Identifier`), so
a member is recognised by its folded name. `ORDINARY` holds the spellings that need no thought: an object with
no other member is taken as it stands.
"""

from typing import Final

from pydantic import JsonValue

Json = JsonValue
JsonObject = dict[str, JsonValue]

DROPPED: Final = frozenset(
    {"username", "password", "deviceCredential", "callbackCount", "maxCallbackThreshold"}
)
"""Left out of the body at any depth: credentials, and what differs between copies of one callback."""

DECIDING: Final = frozenset(
    {
        "requestId",
        "status",
        "profileStatus",
        "euiccStatus",
        "faultResponse",
        "deviceIds",
        "username",
        "password",
    }
)
"""Members that settle something: twice in one object, nobody can say which one was meant."""

ORDINARY: Final = frozenset(
    {
        *("requestId", "deviceIds", "deviceResponse", "faultResponse", "status"),
        *("usageResponse", "deviceProfileResponse", "deviceIdentifierCollection"),
        *("ipAddress", "state", "servicePlan", "smsrOid"),
        *("profileStatus", "euiccStatus", "euiccStatusCode", "euiccStatusDesc"),
        *("id", "kind", "faultcode", "faultstring"),
        # published samples of the other services that share the envelope
        *("changeIdentifierResponse", "niddResponse", "niddMONotificationResponse", "accountName", "message"),
    }
)

SPELLED: Final = ORDINARY | DROPPED

_ALIASES: Final = {"device": "deviceIds", "devices": "deviceIds", "identifier": "id"}
_CANONICAL: Final = {**{name.casefold(): name for name in SPELLED}, **_ALIASES}


def canonical_name(key: str) -> str:
    """The documented spelling of a member, or the key itself where nobody documented it."""
    return _CANONICAL.get(key.strip().casefold(), key)


def spelled(node: JsonObject) -> JsonObject:
    """The object under documented names; of two spellings of one name the later wins."""
    if node.keys() <= SPELLED:
        return node
    return {canonical_name(key): value for key, value in node.items()}


def decides_twice(keys: list[str]) -> bool:
    """Whether a deciding member stands there more than once, under whatever spellings."""
    deciding = [name for key in keys if (name := canonical_name(key)) in DECIDING]
    return len(deciding) != len(set(deciding))
