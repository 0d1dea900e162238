"""The types that settings have in common: how each is written, and what is said when it is not.

Every message reads "what is wrong; what to do", because `schemas.settings.load` puts the setting's name
before it.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import BeforeValidator, PlainSerializer, SecretStr, WithJsonSchema

Network = IPv4Network | IPv6Network

PORT_MAX: Final = 65_535
_BYTES: Final = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate(("b", "kb", "mb", "gb", "tb"))},
    **{unit: 1024**power for power, unit in enumerate(("b", "kib", "mib", "gib", "tib"))},
}
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES_WRITTEN = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)")
_DURATION_WRITTEN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)")


class Address(NamedTuple):
    """Where to listen or connect; port 0 means any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def address(text: object) -> Address:
    """`host:port`, an IPv6 host in brackets."""
    if isinstance(text, Address):
        return text
    host, colon, port = str(text).strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not colon or not host or (":" in host and not bracketed):
        raise ValueError(f"{text!r} is no address; write host:port, an IPv6 host in brackets")
    if not (port.isascii() and port.isdigit() and int(port) <= PORT_MAX):
        raise ValueError(f"{port!r} is no port; write a number from 0 to {PORT_MAX}")
    return Address(host, int(port))


def addresses(text: object) -> tuple[Address, ...]:
    """Addresses, comma separated; at least one."""
    if isinstance(text, tuple | list):
        return tuple(map(address, text))
    found = tuple(address(part) for part in _parts(str(text)))
    if not found:
        raise ValueError("names no address; write host:port, several with commas between")
    return found


def byte_size(text: object) -> int:
    """A number of bytes: `65536`, `64 KiB`, `1 GB`."""
    written = _BYTES_WRITTEN.fullmatch(str(text).strip().lower())
    if written is None or written[2] not in _BYTES:
        raise ValueError(f"{text!r} is no size; write bytes, or a number with KiB, MiB, GiB, kB, MB or GB")
    return (
        int(float(written[1]) * _BYTES[written[2]])
        if "." in written[1]
        else int(written[1]) * _BYTES[written[2]]
    )


def duration(text: object) -> timedelta:
    """A length of time with its unit: `250ms`, `5s`, `15m`, `1h`, `30d`."""
    if isinstance(text, timedelta):
        return text
    written = _DURATION_WRITTEN.fullmatch(str(text).strip().lower())
    if written is None or written[2] not in _SECONDS:
        raise ValueError(f"{text!r} is no length of time; write a number with ms, s, m, h or d")
    return timedelta(seconds=float(written[1]) * _SECONDS[written[2]])


def durations(text: object) -> tuple[timedelta, ...]:
    """Lengths of time, comma separated; at least one."""
    if isinstance(text, tuple | list):
        return tuple(map(duration, text))
    found = tuple(duration(part) for part in _parts(str(text)))
    if not found:
        raise ValueError("names no length of time; write for example 5m,15m,1h")
    return found


def networks(text: object, presets: Mapping[str, tuple[str, ...]] | None = None) -> tuple[Network, ...]:
    """Networks in CIDR notation, comma separated; a bare address is a network of one.

    A name in `presets` stands for its networks.
    """
    if isinstance(text, tuple | list):
        text = ",".join(map(str, text))
    found: list[Network] = []
    for part in _parts(str(text)):
        for written in (presets or {}).get(part.lower(), (part,)):
            try:
                found.append(ip_network(written))
            except ValueError as error:
                raise ValueError(
                    f"{written!r} is no network ({error}); write CIDR like 192.0.2.0/24, commas between"
                ) from None
    return tuple(found)


def existing_file(text: object) -> Path:
    """A file that can be read."""
    path = Path(str(text)).expanduser()
    try:
        with path.open("rb"):
            return path
    except (OSError, ValueError) as error:  # the latter of a NUL in the name
        why = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"{str(path)!r} cannot be read ({why}); name a readable file") from None


def secret_file(text: object) -> SecretStr:
    """The content of a file, without the line end behind it."""
    if isinstance(text, SecretStr):
        return text
    path = existing_file(text)
    try:
        content = path.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{str(path)!r} is not UTF-8; write the secret as plain text") from None
    if not content:
        raise ValueError(f"{str(path)!r} is empty; write the secret into it")
    return SecretStr(content)


def topic_prefix(text: object) -> str:
    """What Kafka takes in a topic's name."""
    prefix = str(text)
    if not re.fullmatch(r"[a-zA-Z0-9._-]{0,100}", prefix):
        raise ValueError(f"{prefix!r} cannot begin a topic; use up to 100 letters, digits, dots, hyphens")
    return prefix


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_AS_TEXT: Final = (PlainSerializer(str), WithJsonSchema({"type": "string"}))

ListenAddress = Annotated[Address, BeforeValidator(address), *_AS_TEXT]
AddressList = Annotated[tuple[Address, ...], BeforeValidator(addresses)]
Bytes = Annotated[int, BeforeValidator(byte_size)]
Duration = Annotated[timedelta, BeforeValidator(duration)]
Durations = Annotated[tuple[timedelta, ...], BeforeValidator(durations)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(networks)]
ReadableFile = Annotated[Path, BeforeValidator(existing_file)]
SecretInFile = Annotated[SecretStr, BeforeValidator(secret_file)]
TopicPrefix = Annotated[str, BeforeValidator(topic_prefix)]
