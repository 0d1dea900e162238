"""How ThingSpace spells the members of a callback, and which of them may not leave the receiver.

Vendor samples mix camelCase with PascalCase and know several names for one thing (`Device`, `Identifier`), so
a member is recognised by its folded name. `ORDINARY` holds the spellings that need no thought: an object with
no other member is taken as it stands.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

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


_all_spelled = SPELLED.issuperset
_SHAPES_CACHED: Final = 256


def canonical_name(key: str) -> str:
    """The documented spelling of a member, or the key itself where nobody documented it."""
    return _CANONICAL.get(key.strip().casefold(), key)


class Shape(NamedTuple):
    """What the names of an object's members tell, whatever their values are."""

    dropped: tuple[str, ...]
    """The members that may not be kept, as they are spelled here."""
    respelled: dict[str, str]
    """From the spelling here to the documented one, where they differ."""
    pascal_case: bool
    unknown_member: bool
    decides_twice: bool
    """A deciding member stands there more than once, under different spellings."""
    identifies: bool
    """Whether the object names an identifier: it has a kind."""


def shape_of(node: JsonObject) -> Shape:
    """Senders use few shapes, so each is thought about once."""
    return _shape_of(tuple(node))


@lru_cache(maxsize=_SHAPES_CACHED)
def _shape_of(keys: tuple[str, ...]) -> Shape:
    names = [canonical_name(key) for key in keys]
    respelled = {key: name for key, name in zip(keys, names, strict=True) if key != name}
    return Shape(
        dropped=tuple(key for key, name in zip(keys, names, strict=True) if name in DROPPED),
        respelled=respelled,
        pascal_case=any(key.strip()[0].isupper() for key in respelled),
        unknown_member=not _all_spelled(names),
        decides_twice=decides_twice(keys),
        identifies="kind" in names,
    )


def spelled(node: JsonObject) -> JsonObject:
    """The object under documented names; of two spellings of one name the later wins."""
    if _all_spelled(node):
        return node
    respelled = shape_of(node).respelled
    return {respelled.get(key, key): value for key, value in node.items()} if respelled else node


def decides_twice(keys: Iterable[str]) -> bool:
    """Whether a deciding member stands there more than once, under whatever spellings."""
    deciding = [name for key in keys if (name := canonical_name(key)) in DECIDING]
    return len(deciding) != len(set(deciding))
