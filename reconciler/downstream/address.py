"""The only two addresses that anything is ever deleted at, built so that they cannot become another.

At IMIconnect one path segment decides between one device and every device of a customer: what is empty, or is
normalised away by somebody on the road, turns the first into the second, and nothing brings them back. So
nothing is believed: each id is checked, encoded on its own, and the finished address is taken apart again by
another parser and compared.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from yarl import URL

ID_CHARS_MAX: Final = 256
FORBIDDEN: Final = frozenset("/\\?#%;")
"""What some server, proxy or client on the road could take for the end of a segment or for an encoding."""
UNREGISTER: Final = "unregisterDevices=true"
"""The one query that Oracle is ever sent: where several are true it carries out another than this, and what
a false one does is not written anywhere."""


class UnsafeAddressError(Exception):
    """Nothing was sent. The text names the part and the remedy, never the id itself."""


def profile_address(base: URL, path: Sequence[str], app_id: str, holder_id: str, device_id: str) -> URL:
    """One app profile of one device: exactly three ids behind the path."""
    ids = {"appid": app_id, "customerid": holder_id, "deviceid": device_id}
    return _built(base, path, ids)


def provision_address(base: URL, path: Sequence[str], customer_id: str, last: Sequence[str]) -> URL:
    """A customer's registered devices; `last` closes the path, and the query is the only one there is."""
    address = _built(base, path, {"customerid": customer_id}, last=last, query=UNREGISTER)
    if address.raw_query_string != UNREGISTER:
        raise UnsafeAddressError("the query of the address did not survive; report this")
    return address


def _built(
    base: URL, path: Sequence[str], ids: dict[str, str], *, last: Sequence[str] = (), query: str = ""
) -> URL:
    for name, given in ids.items():
        _checked(name, given)
    segments = (*_segments(base.raw_path), *path, *(quote(given, safe="") for given in ids.values()), *last)
    text = f"{base.origin()}/{'/'.join(segments)}{'?' + query if query else ''}"
    address = URL(text, encoded=True)
    expected = [*_segments(base.raw_path), *path, *ids.values(), *last]
    _compared(text, base, expected, query)
    _compared(str(address), base, expected, query)
    if address.raw_path_qs != text.removeprefix(str(base.origin())):
        raise UnsafeAddressError("the client would send another address than the one built; report this")
    return address


def _segments(raw_path: str) -> list[str]:
    return [segment for segment in raw_path.split("/") if segment]


def _checked(name: str, given: str) -> None:
    """An id that could be anything but one path segment for anybody on the road."""
    if not given or not given.strip("."):
        raise UnsafeAddressError(f"{name} is empty or only dots; correct it in the mapping")
    if given != given.strip() or not given.isascii() or not given.isprintable():
        raise UnsafeAddressError(
            f"{name} has spaces around it, control characters or more than ASCII; correct it in the mapping"
        )
    if not FORBIDDEN.isdisjoint(given):
        raise UnsafeAddressError(
            f"{name} holds one of {' '.join(sorted(FORBIDDEN))}; correct it in the mapping"
        )
    if len(given) > ID_CHARS_MAX:
        raise UnsafeAddressError(
            f"{name} is longer than {ID_CHARS_MAX} characters; correct it in the mapping"
        )


def _compared(text: str, base: URL, expected: Sequence[str], query: str) -> None:
    """Whether another parser reads the same host, segments and query."""
    parts = urlsplit(text)
    try:
        read = [unquote(segment, errors="strict") for segment in parts.path.removeprefix("/").split("/")]
    except UnicodeDecodeError:
        raise UnsafeAddressError(
            "base_url holds %-signs that are no UTF-8 text; correct it in the targets file"
        ) from None
    same = (
        f"{parts.scheme}://{parts.netloc}" == str(base.origin())
        and read == list(expected)
        and all(read)
        and parts.query == query
        and not parts.fragment
    )
    if not same:
        raise UnsafeAddressError("the address does not read back as it was built; report this")
