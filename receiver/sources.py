"""Where a request comes from, and whether that address is one we expect.

The transport's address counts, unless it belongs to a trusted proxy: then the right-most address in
`X-Forwarded-For` that is not a trusted proxy itself. What stands further left, anybody can write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Published by Verizon for callbacks of the M2M services.
VERIZON = (
    "137.117.33.109",
    "168.62.173.153",
    "3.87.163.45",
    "3.91.119.203",
    "54.197.62.209",
    "35.165.205.14",
    "54.200.43.232",
    "34.216.81.234",
)
FORWARDED_HOPS_MAX = 32


@dataclass(frozen=True, slots=True)
class Networks:
    """A set of addresses; `everything` where the setting said `any`."""

    members: tuple[Network, ...] = ()
    everything: bool = False

    def __contains__(self, address: Address) -> bool:
        return self.everything or any(address in network for network in self.members)


@dataclass(frozen=True, slots=True)
class Peer:
    """The sender of a request. Limits of connections count by `share`: an IPv6 host owns its /64."""

    text: str
    listed: bool
    share: str


NOBODY = Peer(text="unknown", listed=False, share="unknown")


def networks(text: str) -> Networks:
    """A list of CIDRs, addresses, `verizon` and `any`, by commas. Raises ValueError naming the bad word."""
    words = [word for word in text.replace(",", " ").split() if word]
    members: list[Network] = []
    for word in words:
        try:
            members.extend(ip_network(each) for each in _expanded(word))
        except ValueError as error:
            raise ValueError(
                f"{error}; write addresses, CIDRs, verizon or any, with commas between"
            ) from None
    return Networks(tuple(members), everything="any" in (word.lower() for word in words))


def _expanded(word: str) -> tuple[str, ...]:
    match word.lower():
        case "any":
            return ()
        case "verizon":
            return VERIZON
        case _:
            return (word,)


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom we expect, and through whom."""

    allowed: Networks
    proxies: Networks = Networks()

    def connected(self, host: str) -> Peer:
        """The peer of a connection. A trusted proxy carries listed callers, so it counts as one."""
        address = _address(host)
        if address is None:
            return NOBODY
        return Peer(str(address), address in self.allowed or address in self.proxies, _share(address))

    def is_proxy(self, host: str) -> bool:
        address = _address(host)
        return address is not None and address in self.proxies

    def speaker(self, host: str, forwarded: Iterable[str]) -> Peer:
        """The peer of a request: `host` is the transport's, `forwarded` the `X-Forwarded-For` lines."""
        address = _address(host)
        if address is None:
            return NOBODY
        for hop in reversed(_hops(forwarded)):
            if address not in self.proxies:
                break
            nearer = _address(hop)
            if nearer is None:
                break
            address = nearer
        return Peer(str(address), address in self.allowed, _share(address))


def _hops(lines: Iterable[str]) -> Sequence[str]:
    return [hop for line in lines for hop in line.split(",")][-FORWARDED_HOPS_MAX:]


def _address(text: str) -> Address | None:
    """Also with brackets, a port (some proxies add one), a zone; IPv4 in IPv6 clothes is IPv4."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _share(address: Address) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address)
