"""Whom to believe. Pure: what is known goes in, the verdict comes out; the time of day is told, not asked.

Two questions are put before the body is read (does the path open, may this source speak at all) and one after
it, because ThingSpace puts its credentials into the body. Every comparison with a secret takes the same time
whether the first or the last byte differs, and all of them are made even when one has already failed.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Literal

AllowMode = Literal["flag", "enforce"]
Source = Literal["listed", "unlisted", "refused"]


@dataclass(frozen=True, slots=True)
class Account:
    """One ThingSpace account and what its callbacks must bring. Secrets are UTF-8 and stay out of `repr`.

    No `username` and `password` means: the listener was registered without credentials, so the list of
    sources is enforced and `path_secret` is set.
    """

    name: str
    services: frozenset[str]
    username: bytes | None = field(default=None, repr=False)
    password: bytes | None = field(default=None, repr=False)
    previous_password: bytes | None = field(default=None, repr=False)
    previous_until: datetime | None = None
    path_secret: bytes | None = field(default=None, repr=False)

    def secrets(self) -> tuple[str, ...]:
        """What must never leave the receiver."""
        held = (self.password, self.previous_password, self.path_secret)
        return tuple(secret.decode() for secret in held if secret)


def path_opens(account: Account, segment: bytes | None) -> bool:
    """`segment` is the last part of the path, percent-decoded; None where the path ends at the service."""
    if account.path_secret is None:
        return segment is None
    return compare_digest(segment or b"", account.path_secret)


def source_verdict(account: Account, *, listed: bool, mode: AllowMode) -> Source:
    """Unlisted is let through and flagged, unless the mode or missing credentials make the list a wall."""
    if listed:
        return "listed"
    return "refused" if mode == "enforce" or account.password is None else "unlisted"


def credentials_right(account: Account, username: str | None, password: str | None, now: datetime) -> bool:
    """An account without credentials takes any: its path and source have spoken for it."""
    if account.username is None or account.password is None:
        return True
    user = (username or "").encode("utf-8", "surrogatepass")
    word = (password or "").encode("utf-8", "surrogatepass")
    right = compare_digest(user, account.username)
    current = compare_digest(word, account.password)
    previous = compare_digest(word, account.previous_password or account.password)
    if account.previous_until is not None and now >= account.previous_until:
        previous = False
    return right & (current | previous)
