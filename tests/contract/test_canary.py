"""A canary password, put wherever a body can hide one, is nowhere in what leaves the receiver.

Whoever hides it may nest, escape, respell and break the body; what is written is searched plainly, with its
escapes undone, and with its base64 undone.
"""

import json
from base64 import b64decode
from collections.abc import Callable
from html import escape, unescape
from urllib.parse import quote, unquote

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.callback import Callback, Secrets, Unreadable, parse
from schemas.record import Record, Topics, callback_record, quarantine_record
from tests.contract.golden import ACCOUNT, NOW

CANARIES = ("Canary-7531", 'Can"ary\\7/5<3>1', "Kanärie&%41 7531", "4711815002")
SECRETS = Secrets(CANARIES)


def escaped_wholly(canary: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in canary)


HIDINGS: list[Callable[[str], str]] = [
    str,
    json.dumps,
    escaped_wholly,
    lambda canary: json.dumps(json.dumps({"password": canary})),
    lambda canary: quote(canary, safe=""),
    lambda canary: quote(quote(canary)),
    escape,
    lambda canary: json.dumps({"note": {"password": canary}}),
]

NAMES = [
    *(
        "username",
        "password",
        "PassWord",
        " password ",
        "pass\u017fword",
        "pa\u017f\u017fword",
        "deviceCredential",
        "DEVICECREDENTIAL",
    ),
    *(
        "requestId",
        "deviceIds",
        "status",
        "profileStatus",
        "note",
        "id",
        "kind",
        "callbackCount",
        "faultResponse",
    ),
]

leaf = st.sampled_from(CANARIES).flatmap(
    lambda canary: st.sampled_from(
        [
            canary,
            f"x{canary}y",
            escaped_wholly(canary),
            json.dumps({"password": canary}),
            quote(canary, safe=""),
            escape(canary),
        ]
    )
)
names = st.sampled_from(NAMES) | leaf
values = st.recursive(
    leaf | st.just(4711815002) | st.just(-47118150021.5) | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
bodies = st.dictionaries(names, values, min_size=1, max_size=5)


def as_ascii(body: object) -> bytes:
    return json.dumps(body).encode()


def wholly_escaped(body: object) -> bytes:
    """Every letter of every text as an escape: no plain text is left to search in."""
    return "".join(
        f"\\u{ord(character):04x}" if character.isalnum() and inside else character
        for character, inside in zip(
            json.dumps(body, ensure_ascii=False),
            inside_texts(json.dumps(body, ensure_ascii=False)),
            strict=True,
        )
    ).encode()


def inside_texts(text: str) -> list[bool]:
    inside, escaping, marks = False, False, []
    for character in text:
        marks.append(inside and not escaping and character not in '"\\')
        if escaping:
            escaping = False
        elif character == "\\" and inside:
            escaping = True
        elif character == '"':
            inside = not inside
    return marks


WRITINGS: list[Callable[[dict[str, object]], bytes]] = [
    as_ascii,
    wholly_escaped,
    lambda body: json.dumps(body, ensure_ascii=False).encode(),
    lambda body: json.dumps(body, indent=1).replace("\n}", ",\n}").encode(),
    lambda body: b"\xef\xbb\xbf" + as_ascii(body),
    lambda body: as_ascii(body)[:-1],
    lambda body: as_ascii(body) + b"}",
    lambda body: as_ascii(body)[:-1] + b',"status":1,"status":2}',
    lambda body: b'{"deep":' + b"[" * 200 + as_ascii(body) + b"]" * 200 + b"}",
    lambda body: b"[" + as_ascii(body) + b"]",
    lambda body: as_ascii(body)[:-1] + b',"n":1e999}',
    lambda body: as_ascii(body)[:-1] + b',"n":0.1}',
    lambda body: as_ascii(body) + b"\xff",
    lambda body: as_ascii(body).replace(b'"', b"'"),
    lambda body: json.dumps(body).encode("utf-16"),
    lambda body: json.dumps(body).encode("utf-16-le"),
    lambda body: json.dumps(body).encode("utf-32"),
    lambda body: json.dumps(body, ensure_ascii=False).encode("latin-1", "replace"),
    lambda body: "&".join(f"{name}={quote(str(value))}" for name, value in body.items()).encode(),
    lambda body: "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in body.items()).encode(),
    lambda body: json.dumps(json.dumps(body)).encode(),
]


def leaving(raw: bytes) -> Record:
    """What the receiver would send for these bytes."""
    parsed = parse(raw, SECRETS)
    if isinstance(parsed, Callback):
        return callback_record(
            Topics(), parsed, account=ACCOUNT, service="s", source_ip=None, observed_at=NOW, producer="p"
        )
    assert isinstance(parsed, Unreadable)
    return quarantine_record(
        Topics(),
        reason=parsed.reason,
        account=ACCOUNT,
        request_id=parsed.request_id,
        source_ip=None,
        observed_at=NOW,
        producer="p",
        kept=parsed.scrubbed,
        length=len(raw),
    )


def unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def looks(text: str) -> list[str]:
    """The text as various readers would see it."""
    return [
        text,
        unescaped(text),
        unescaped(unescaped(text)),
        unquote(text),
        unescape(text),
        text.replace('\\"', '"'),
    ]


def texts_in(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts_in(part)]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    return [str(value)]


def assert_clean(record: Record) -> None:
    assert record.value is not None
    written = [record.value, record.key, *(value for _, value in record.headers)]
    value = json.loads(record.value)
    if "bytes_base64" in value:
        written.append(b64decode(value["bytes_base64"]))
    texts = [part.decode() for part in written] + texts_in(value)
    for text in texts:
        for look in looks(text):
            for canary in CANARIES:
                assert canary not in look


@settings(max_examples=300, deadline=None)
@given(bodies, st.sampled_from(WRITINGS))
@example({"password": CANARIES[0], "requestId": CANARIES[0]}, WRITINGS[0])
def test_no_canary_leaves_in_any_event_or_quarantine_record(
    body: dict[str, object], write: Callable[[dict[str, object]], bytes]
) -> None:
    assert_clean(leaving(write(body)))


def test_every_way_of_writing_and_of_hiding_is_clean() -> None:
    for canary in CANARIES:
        for hide in HIDINGS:
            hidden = hide(canary)
            body = {
                "note": hidden,
                "x": [{"status": {hidden: [hidden]}}],
                hidden: hidden,
                "requestId": hidden,
            }
            for write in WRITINGS:
                assert_clean(leaving(write({**body, "Password": hidden, "deviceIds": [{"kind": hidden}]})))


@settings(max_examples=100, deadline=None)
@given(bodies, st.integers(0, 400))
def test_a_body_cut_anywhere_is_clean(body: dict[str, object], at: int) -> None:
    assert_clean(leaving(as_ascii(body)[:at]))
    assert_clean(leaving(as_ascii(body)[at:]))
