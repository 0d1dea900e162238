"""What may be kept of a body that could not be read: its text, without anything that may be a secret.

Nothing here trusts the body's structure, because it has none that we understand. The text is made plainer
first (escapes of printable characters undone), then every configured secret is replaced, then whatever
follows a name like password. If a configured secret could still be brought back by undoing escapes, nothing
is kept.
"""

import re
from typing import Final

from schemas.ids import REQUEST_ID_CHARS_MAX, RequestId
from schemas.scrub import MASK, Secrets

_PLAIN_SHARE_MIN: Final = 0.9

_ESCAPED_PRINTABLE = re.compile(r"(?<!\\)\\++u00([2-7][0-9a-fA-F])")
_UNPRINTABLE_AGAIN: Final = frozenset('"\\\x7f')

_STRING: Final = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
_NAMED = re.compile(
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|token|credential|authorization|api[-_ ]?key)[\w.\- ]*+"
    rf"(?:(?P<sign>\\*[\"']?\s*+[:=>]++\s*+)(?:(?P<open>[\[{{])|{_STRING}|\\*'[^']*+'?|[^\r\n,;&}}\]<]++)?)?",
    re.IGNORECASE | re.DOTALL,
)
_BRACKETS = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_REQUEST_ID = re.compile(
    rf"request_?id\\*[\"']?\s*+[:=>]\s*+\\*[\"']?(?P<id>[\w.:\-]{{1,{REQUEST_ID_CHARS_MAX}}}+)(?![\w.:\-])",
    re.IGNORECASE | re.ASCII,
)


def redacted(raw: bytes, secrets: Secrets) -> bytes:
    """The kept bytes; empty where no secret could be excluded with certainty."""
    text = _text_of(raw, secrets)
    if text is None:
        return b""
    masked = _without_named(secrets.masked_escaped(_plainer(text)))
    return b"" if secrets.show_in(masked) else masked.encode()


def request_id_in(raw: bytes, secrets: Secrets) -> RequestId | None:
    """The one request id that the body names, if it names exactly one."""
    text = raw.decode("utf-8", "replace")
    found = {match["id"] for match in _REQUEST_ID.finditer(text)}
    if len(found) != 1:
        return None
    request_id = found.pop()
    return None if secrets.show_in(request_id) else RequestId(request_id)


def _text_of(raw: bytes, secrets: Secrets) -> str | None:
    """The text, if its encoding is known well enough to find a secret in it.

    NUL bytes mean UTF-16 or worse. A few bytes that are no UTF-8 in a text that otherwise is plain are let
    through, unless a secret has letters that another encoding would write differently.
    """
    if b"\x00" in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        printable = sum(0x20 <= byte < 0x7F or byte in b"\t\r\n" for byte in raw)
        if not secrets.ascii or printable < _PLAIN_SHARE_MIN * len(raw):
            return None
        return raw.decode("utf-8", "replace")


def _plainer(text: str) -> str:
    return _ESCAPED_PRINTABLE.sub(_printable, text) if "\\" in text else text


def _printable(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return match[0] if character in _UNPRINTABLE_AGAIN else character


def _without_named(text: str) -> str:
    """Masks what follows a name like password and a sign like `:`; an object or array is masked whole."""
    pieces, at = [], 0
    while (match := _NAMED.search(text, at)) is not None:
        sign_end = match.end("sign")
        if sign_end == -1 or sign_end == match.end():
            pieces.append(text[at : match.end()])
            at = match.end()
            continue
        quote = '"' if text[sign_end] == '"' else ""
        pieces.append(f"{text[at:sign_end]}{quote}{MASK}{quote}")
        at = _end_of_brackets(text, sign_end) if match["open"] else match.end()
    return "".join(pieces) + text[at:]


def _end_of_brackets(text: str, start: int) -> int:
    """Behind the bracket that closes the one at `start`; the end of the text where none does."""
    depth = 0
    for token in _BRACKETS.finditer(text, start):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
            if depth == 0:
                return token.end()
    return len(text)
