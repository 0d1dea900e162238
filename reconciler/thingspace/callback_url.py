"""Where ThingSpace is told to call: the URL of a listener, and the rules that ThingSpace has for one."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from schemas.setting_types import Address

SERVICES: Final = ("DeviceProfileService", "CarrierService")
"""Nobody documents which of the two carries what, so both are registered, each with a path of its own."""

PORTS_ALLOWED: Final = frozenset({80, 443, *range(9001, 9007), *range(50551, 50560), *range(28200, 28221)})
PORTS_WRITTEN: Final = "80, 443, 9001-9006, 50551-50559 or 28200-28220"
CREDENTIAL_CHARS_MAX: Final = 40
URL_CHARS_MAX: Final = 1024
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ACCOUNT: Final = "{account}"
_SERVICE: Final = "{service}"
_SECRET: Final = "{secret}"  # noqa: S105 - a place
_PLACE: Final = re.compile(r"\{account\}|\{service\}|\{secret\}")


def listener_url(template: str, account: str, service: str, path_secret: str | None = None) -> str:
    """The receiver's URL for one service; a template without a path means the receiver's own path."""
    parts = urlsplit(template)
    if parts.path in ("", "/") and not parts.query:
        template = f"{template.rstrip('/')}/v1/callbacks/{_ACCOUNT}/{_SERVICE}"
        template += f"/{_SECRET}" if path_secret is not None else ""
    said = {_ACCOUNT: account, _SERVICE: service, _SECRET: path_secret or ""}
    return _PLACE.sub(lambda place: quote(said[place[0]], safe=""), template)


def template_faults(template: str) -> Iterator[str]:
    """What ThingSpace would not take, or what would show credentials on the way; each with its remedy."""
    parts = _parts_of(template)
    try:
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        port = None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        yield "callback_url is no http address; write it like https://callbacks.example.com"
    elif "@" in parts.netloc:
        yield "callback_url names a user or password; use callback_username and callback_password_file"
    elif port not in PORTS_ALLOWED and not _is_loopback(parts.hostname):
        yield f"callback_url has a port that ThingSpace does not call; use {PORTS_WRITTEN}"
    if parts.fragment:
        yield "callback_url has a fragment (#…), which is never sent; remove it"
    if len(template) > URL_CHARS_MAX:
        yield f"callback_url is longer than {URL_CHARS_MAX} characters; shorten it"


def _parts_of(template: str) -> SplitResult:
    """With names in its places; nothing at all of what is no address to anybody."""
    try:
        return urlsplit(
            template.replace(_ACCOUNT, "account").replace(_SERVICE, "service").replace(_SECRET, "secret")
        )
    except ValueError:
        return urlsplit("")


def is_plain_http(template: str) -> bool:
    """Whether the callbacks, their password among them, would travel over a network unencrypted."""
    parts = _parts_of(template)
    return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    """Only a simulator on this machine calls there."""
    return Address(host, 0).is_loopback
