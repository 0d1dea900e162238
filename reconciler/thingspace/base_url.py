"""Where ThingSpace is: over https always, over http only on this machine, where a simulator listens."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from schemas.setting_types import PORT_MAX, Address

VERIZON: Final = "https://thingspace.verizon.com/api"
HTTP_PORT: Final = 80


def base_url(text: object) -> str:
    """Without the slash at the end. Secrets go there, so nothing but a plain address is taken."""
    written = str(text).strip().rstrip("/")
    parts = urlsplit(written)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"has a port that is none; write a number up to {PORT_MAX}") from None
    if "@" in parts.netloc:
        raise ValueError("names a user or password; credentials belong into THINGSPACE_ACCOUNTS_FILE")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ValueError(f"{written!r} is no address of an API; write it like {VERIZON}")
    if parts.scheme == "http" and not Address(host, port or HTTP_PORT).is_loopback:
        raise ValueError("uses http, which would show the credentials on the way; write https")
    return written


BaseUrl = Annotated[str, BeforeValidator(base_url)]
