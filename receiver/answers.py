"""What the callback endpoint can say: one row per situation, and its bytes on the wire.

Every answer has an empty body: ThingSpace looks at the status alone, and who is refused learns nothing.
"""

from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """`outcome`, unique, is a label of `receiver_callbacks_total`; `closing` ends the connection."""

    status: HTTPStatus
    outcome: str
    closing: bool = False
    header: str = ""


STORED = Answer(HTTPStatus.OK, "stored")
UNREADABLE = Answer(HTTPStatus.OK, "unreadable")
MALFORMED = Answer(HTTPStatus.BAD_REQUEST, "malformed", closing=True)
EMPTY = Answer(HTTPStatus.BAD_REQUEST, "empty")
UNAUTHENTICATED = Answer(HTTPStatus.FORBIDDEN, "unauthenticated")
SOURCE_REFUSED = Answer(HTTPStatus.FORBIDDEN, "source_refused")
UNKNOWN_PATH = Answer(HTTPStatus.NOT_FOUND, "unknown_path")
WRONG_METHOD = Answer(HTTPStatus.METHOD_NOT_ALLOWED, "wrong_method", header="Allow: POST")
TOO_SLOW = Answer(HTTPStatus.REQUEST_TIMEOUT, "too_slow", closing=True)
TOO_LARGE = Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", closing=True)
WRONG_ENCODING = Answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "wrong_encoding")
NOT_STORED = Answer(HTTPStatus.SERVICE_UNAVAILABLE, "not_stored", header=f"Retry-After: {RETRY_AFTER_S}")
GONE = Answer(HTTPStatus.BAD_REQUEST, "gone", closing=True)
"""The sender left in the middle; nobody reads this one."""

ROWS = (
    STORED,
    UNREADABLE,
    MALFORMED,
    EMPTY,
    UNAUTHENTICATED,
    SOURCE_REFUSED,
    UNKNOWN_PATH,
    WRONG_METHOD,
    TOO_SLOW,
    TOO_LARGE,
    WRONG_ENCODING,
    NOT_STORED,
    GONE,
)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Renderer:
    """Answers as bytes, made once a second because of the Date in them."""

    def __init__(self) -> None:
        self._second = 0
        self._made: dict[tuple[str, str], bytes] = {}

    def render(self, answer: Answer, connection: str, now_s: int) -> bytes:
        """`connection` is the value of that header, empty for none; `now_s` is in seconds since the epoch."""
        if now_s != self._second:
            self._second = now_s
            self._made.clear()
        made = self._made.get((answer.outcome, connection))
        if made is None:
            made = self._made[answer.outcome, connection] = _wire(answer, connection, now_s)
        return made


def _wire(answer: Answer, connection: str, now_s: int) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        "Content-Length: 0",
        f"Date: {formatdate(now_s, usegmt=True)}",
        answer.header,
        f"Connection: {connection}" if connection else "",
    ]
    return ("\r\n".join(line for line in lines if line) + "\r\n\r\n").encode("ascii")
