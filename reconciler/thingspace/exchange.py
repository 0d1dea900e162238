"""One question over HTTP and its answer, in plain values, and the two ways of getting none."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Call:
    """`path` follows the base URL, quoted already. Headers and body hold credentials and hide them."""

    name: str
    """A word for logs and metrics."""
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    changes: bool = False
    """Whether asking twice differs from asking once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` may hold credentials (tokens, the passwords of listeners), so it hides."""

    status: int
    body: bytes = field(repr=False)
    retry_after: str | None = None


class NotSentError(Exception):
    """No byte of the question left: no address, no connection, no trust in the certificate."""


class NoAnswerError(Exception):
    """The question, or a part of it, was written; no whole answer came."""
