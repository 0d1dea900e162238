"""A message ThingSpace has to deliver, and the listener it was registered for."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

from tests.simulator import content

Credentials = Literal["right", "wrong", "previous", "absent", "empty", "printed"]


@dataclass(frozen=True, slots=True)
class Listener:
    """What was registered with ThingSpace: where callbacks of one account go and what they carry.

    A URL without a path gets the product's (`/v1/callbacks/{account}/{service}`); one with a path is taken as
    it is, `{account}` and `{service}` filled in. Several URLs stand for one name with several addresses.
    """

    account: str
    urls: tuple[str, ...]
    username: str = ""
    password: str = ""
    previous_password: str | None = None
    path_secret: str | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be seen behind the listener."""
        return tuple(one for one in (self.password, self.previous_password, self.path_secret) if one)

    def url(self, place: int, service: str) -> str:
        """The URL for the `place`-th thing sent; places go round the URLs."""
        base = self.urls[place % len(self.urls)]
        names = {"account": quote(self.account, safe=""), "service": quote(service, safe="")}
        if urlsplit(base).path.strip("/"):
            return base.replace("{account}", names["account"]).replace("{service}", names["service"])
        secret = "" if self.path_secret is None else "/" + quote(self.path_secret, safe="")
        return f"{base.rstrip('/')}/v1/callbacks/{names['account']}/{names['service']}{secret}"

    def shown(self, url: str) -> str:
        """The URL without the path secret, for journals and screens."""
        return url if self.path_secret is None else url.replace(quote(self.path_secret, safe=""), "***")

    def credentials(self, which: Credentials) -> tuple[str | None, str | None]:
        """User name and password a callback carries; None leaves the member out."""
        match which:
            case "right":
                return self.username, self.password
            case "previous":
                return self.username, self.previous_password or self.password
            case "wrong":
                return self.username, self.password[::-1] + "-not"
            case "absent":
                return None, None
            case "empty" | "printed":
                return "", ""


@dataclass(frozen=True, slots=True)
class Message:
    """One callback to be delivered, with what a checker needs to know of it."""

    label: str
    body: bytes
    request_id: str | None
    service: str = "DeviceProfileService"
    credentials: Credentials = "right"
    first_attempt: int = 1
    gzipped: bool = False
    answer: int = 200

    def bytes_at(self, attempt: int) -> bytes:
        """The bytes of one attempt. The first ones are the body, untouched."""
        body = self.body if attempt == self.first_attempt else content.with_attempt(self.body, attempt)
        return gzip.compress(body, mtime=0) if self.gzipped else body
