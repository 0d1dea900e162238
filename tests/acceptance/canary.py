"""A password with awkward characters, put into every place where a callback can hide one.

What the receiver promises: no configured secret, and nothing under a name like password, leaves it. The
places below are bodies, headers and paths; `forms` are the shapes that a leak could have.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

REQUEST_ID = "0c0ffee0-0000-4000-8000-{number:012d}"


@dataclass(frozen=True, slots=True)
class Post:
    """One request; `path` is what follows the account's callback URL."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = ""


@dataclass(frozen=True, slots=True)
class Canary:
    """`line` stands for the password of the device's line: unknown to the receiver, hidden by name alone."""

    username: str
    password: str
    line: str


Place = Callable[[Canary, str], Post]


def envelope(canary: Canary, request_id: str, **members: object) -> dict[str, object]:
    """A good callback with right credentials and more members."""
    return {
        "username": canary.username,
        "password": canary.password,
        "requestId": request_id,
        "deviceIds": [{"id": "89049032000000000000000000000163", "kind": "eid"}],
        "status": "Success",
        "callbackCount": 1,
        "maxCallbackThreshold": 4,
        **members,
    }


def text(canary: Canary, request_id: str, **members: object) -> str:
    return json.dumps(envelope(canary, request_id, **members), ensure_ascii=False)


def said(**members: object) -> Place:
    """A callback whose members hold `{p}` (the password) or `{l}` (the line's) in their text."""

    def made(canary: Canary, request_id: str) -> Post:
        return Post(
            text(
                canary, request_id, **{name: _filled(value, canary) for name, value in members.items()}
            ).encode()
        )

    return made


def _filled(value: object, canary: Canary) -> object:
    if isinstance(value, str):
        return value.replace("{p}", canary.password).replace("{l}", canary.line)
    if isinstance(value, dict):
        return {str(_filled(name, canary)): _filled(member, canary) for name, member in value.items()}
    if isinstance(value, list):
        return [_filled(item, canary) for item in value]
    return value


def profile(**members: object) -> dict[str, object]:
    return {
        "deviceProfileResponse": {"profileStatus": "enable", "euiccStatus": "EXECUTED_SUCCESS", **members}
    }


def nested(value: object, depth: int) -> object:
    for _ in range(depth):
        value = {"deeper": value}
    return value


def raw(shape: str, encoding: str = "utf-8") -> Place:
    """A body that is no JSON: `{p}`, `{e}` and `{x}` (escaped), `{u}`, `{r}`, `{l}` filled in."""

    def made(canary: Canary, request_id: str) -> Post:
        values = {
            "{p}": canary.password,
            "{e}": json.dumps(canary.password)[1:-1],
            "{x}": escaped(canary.password),
            "{u}": canary.username,
            "{r}": request_id,
            "{l}": json.dumps(canary.line)[1:-1],
        }
        body = shape
        for name, value in values.items():
            body = body.replace(name, value)
        return Post(body.encode(encoding))

    return made


def escaped(secret: str) -> str:
    """Every character as a \\u escape."""
    units = secret.encode("utf-16-be")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02X}" for place in range(0, len(units), 2))


def json_in_a_string(canary: Canary, request_id: str) -> Post:
    inner = json.dumps({"password": canary.password, "more": json.dumps([canary.password])})
    return Post(text(canary, request_id, echo=inner).encode())


def all_escaped(canary: Canary, request_id: str) -> Post:
    body = text(canary, request_id, note="NOTE").replace("NOTE", escaped(f"it was {canary.password}!"))
    return Post(body.encode())


def slashes_escaped(canary: Canary, request_id: str) -> Post:
    body = json.dumps(envelope(canary, request_id, note=f"it was {canary.password}!"))
    return Post(body.replace("/", "\\/").encode())


def twice(canary: Canary, request_id: str) -> Post:
    """Two passwords in one object: no one can say which counts."""
    body = text(canary, request_id)
    return Post((body[:-1] + ',"password":' + json.dumps(canary.password) + "}").encode())


def not_utf8(canary: Canary, request_id: str) -> Post:
    return Post(b"\xff" + text(canary, request_id, note=f"it was {canary.password}").encode())


def compressed(canary: Canary, request_id: str) -> Post:
    body = gzip.compress(text(canary, request_id, note=f"it was {canary.password}").encode())
    return Post(body, {"Content-Encoding": "gzip"})


def half_compressed(canary: Canary, request_id: str) -> Post:
    """Stored, not deflated, so that the password stands in clear in what cannot be decoded."""
    whole = gzip.compress(text(canary, request_id, note=canary.password * 3).encode(), compresslevel=0)
    return Post(whole[:-12], {"Content-Encoding": "gzip"})


def plain_called_gzip(canary: Canary, request_id: str) -> Post:
    return Post(text(canary, request_id).encode(), {"Content-Encoding": "gzip"})


def in_headers(canary: Canary, request_id: str) -> Post:
    secret = quote(canary.password)
    headers = {
        "Authorization": f"Basic {secret}",
        "Cookie": f"session={secret}",
        "User-Agent": f"agent {secret}",
        "X-Forwarded-For": secret,
        "Content-Type": f"application/json; charset={secret}",
    }
    return Post(text(canary, request_id).encode(), headers)


def in_path(canary: Canary, request_id: str) -> Post:
    return Post(text(canary, request_id).encode(), path=f"/{quote(canary.password, safe='')}")


def in_query(canary: Canary, request_id: str) -> Post:
    return Post(text(canary, request_id).encode(), path=f"?password={quote(canary.password, safe='')}")


def wrong_user(canary: Canary, request_id: str) -> Post:
    return Post(text(canary, request_id, username="somebody else", note=f"{canary.password}").encode())


def as_user(canary: Canary, request_id: str) -> Post:
    """The password where the user name belongs, so refused."""
    return Post(text(canary, request_id, username=canary.password, password="unknown").encode())


PLACES: Mapping[str, Place] = {
    "where it belongs": said(),
    "a nested member": said(extra={"Password": "{p}", "list": [{"PASSWORD": "{l}", "userName": "{l}"}]}),
    "the line's credential": said(
        deviceResponse=profile(deviceCredential={"username": "{l}", "password": "{l}", "more": ["{l}"]})
    ),
    "the line's credential, another casing": said(
        deviceResponse=profile(DeviceCredential=["{l}", {"x": "{l}"}])
    ),
    "the line's credential as text": said(deviceResponse=profile(devicecredential="{l}")),
    "a description": said(deviceResponse=profile(euiccStatusDesc="refused {p}, really {p}")),
    "a code": said(
        deviceResponse=profile(euiccStatusCode="{p}", smsrOid="{p}", state="{p}", servicePlan="{p}")
    ),
    "the action": said(deviceResponse=profile(profileStatus="{p}")),
    "the status": said(status="{p}"),
    "the eUICC status": said(deviceResponse=profile(euiccStatus="{p}")),
    "a fault": said(faultResponse={"faultcode": "{p}", "faultstring": "user fleet, password {p}"}),
    "an identifier": said(deviceIds=[{"id": "{p}", "kind": "eid"}, {"id": "{p}", "kind": "iccid"}]),
    "a kind": said(deviceIds=[{"id": "89049032000000000000000000000163", "kind": "{p}"}]),
    "a member's name": said(extra={"{p}": 1, "x{p}y": {"{p}": 2}}),
    "the request id": said(requestId="{p}"),
    "the counter": said(callbackCount="{p}", maxCallbackThreshold="{p}"),
    "an unknown member": said(correlation=["{p}", {"deep": [["{p}"]]}]),
    "ninety deep": said(extra=nested("{p}", 90)),
    "too deep": said(extra=nested("{p}", 150)),
    "JSON in a string": json_in_a_string,
    "escapes": all_escaped,
    "escaped slashes": slashes_escaped,
    "twice": twice,
    "an array": raw('["{e}", {"password": "{e}"}]'),
    "a string": raw('"{e}"'),
    "a body cut off inside the password": raw('{"username":"{u}","requestId":"{r}","password":"{e}'),
    "a body cut off after it": raw('{"username":"{u}","password":"{e}","requestId":"{r}","deviceIds":[{'),
    "a body with escapes, cut off": raw('{"username":"{u}","password":"{x}","requestId":"{r}",'),
    "a line's credential, cut off": raw(
        '{"requestId":"{r}","deviceCredential":{"username":"{l}","password":"{l}'
    ),
    "a line's credential in a bad body": raw(
        '{"deviceCredential" : ["{l}", {"a":"{l}"}], "requestId":"{r}" oops}'
    ),
    "single quotes": raw("{'username': '{u}', 'password': '{p}', 'requestId': '{r}'}"),
    "no quotes": raw("password={p}&requestId={r}"),
    "a form": raw("username={u}&password={p}"),
    "XML": raw("<callback><password>{p}</password><requestId>{r}</requestId></callback>"),
    "plain text": raw("the password is {p}"),
    "UTF-16": raw('{"password":"{e}","requestId":"{r}"}', "utf-16"),
    "UTF-32": raw('{"password":"{e}","requestId":"{r}"}', "utf-32"),
    "Latin-1": raw('{"password":"{p}","requestId":"{r}"}', "latin-1"),
    "not UTF-8": not_utf8,
    "gzip": compressed,
    "gzip cut off": half_compressed,
    "called gzip": plain_called_gzip,
    "headers": in_headers,
    "the path": in_path,
    "the query": in_query,
    "a wrong user name": wrong_user,
    "the user name": as_user,
}


def posts(canary: Canary) -> list[tuple[str, Post]]:
    """All places by name, each with a request id of its own."""
    return [
        (name, place(canary, REQUEST_ID.format(number=number)))
        for number, (name, place) in enumerate(PLACES.items(), start=1)
    ]


ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "latin-1")


def forms(secret: str) -> list[bytes]:
    """The shapes in which a leaked secret could stand in text or bytes."""
    spelled = json.dumps(secret)[1:-1]
    texts = {
        secret,
        spelled,
        json.dumps(secret, ensure_ascii=False)[1:-1],
        spelled.replace("/", "\\/"),
        escaped(secret),
        escaped(secret).lower(),
        quote(secret),
        quote(secret, safe=""),
        repr(secret)[1:-1],
        secret.encode().hex(),
        json.dumps(spelled)[1:-1],
        json.dumps(json.dumps(spelled))[2:-2],
    }
    return sorted({text.encode(encoding) for text in texts for encoding in ENCODINGS})
