"""From the path of a request to the account and service it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from receiver.auth import Account, path_opens
from receiver.metrics import Metrics, Tally

PREFIX = "/v1/callbacks/"


@dataclass(frozen=True, slots=True)
class Route:
    """A configured account and service, with its counters."""

    account: Account
    service: str
    tally: Tally


class Routes:
    def __init__(self, accounts: Mapping[str, Account], metrics: Metrics) -> None:
        self._named: dict[tuple[bytes, bytes], Route] = {}
        self._plain: dict[str, Route] = {}
        for account in accounts.values():
            tally = metrics.tally(account.name)
            for service in account.services:
                route = Route(account, service, tally)
                self._named[account.name.encode(), service.encode()] = route
                if account.path_secret is None:
                    self._plain[f"{PREFIX}{account.name}/{service}"] = route

    def at(self, path: str) -> Route | None:
        """The usual spelling, for one look-up; None says nothing yet. Paths with a secret are never here."""
        return self._plain.get(path)

    def find(self, path: str) -> Route | None:
        """Any spelling of a raw path without query; None also where the path secret is missing or wrong."""
        if not path.startswith(PREFIX):
            return None
        parts = [
            unquote_to_bytes(part.encode("utf-8", "surrogateescape"))
            for part in path.removeprefix(PREFIX).split("/")
        ]
        if len(parts) > 2 and parts[-1] == b"":
            parts.pop()
        if not 2 <= len(parts) <= 3:
            return None
        account, service, *rest = parts
        route = self._named.get((account, service))
        if route is None or not path_opens(route.account, rest[0] if rest else None):
            return None
        return route
