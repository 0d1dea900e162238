"""Which path is which endpoint. Double slashes, a missing `/api` and a missing `/m2m` are put up with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from tests.simulator.server.orders import REQUIRED
from tests.simulator.server.settings import Group

Needs = Literal["nothing", "token", "session"]
Endpoint = Literal[
    "oauth2/token",
    "oauth2/revoke",
    "session/login",
    "session/logout",
    "callbacks register",
    "callbacks list",
    "callbacks deregister",
    "actions",
    "status v2",
    "status v1",
    "devices v1",
    "devices v2",
    "history v2",
]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    endpoint: Endpoint
    group: Group
    needs: Needs = "session"


@dataclass(frozen=True, slots=True)
class Found:
    """A route and what its path names."""

    route: Route
    names: dict[str, str]

    @property
    def label(self) -> str:
        """The endpoint as the log counts it; an action with its name."""
        action = self.names.get("action")
        return f"{self.route.endpoint} {action}" if action else self.route.endpoint


def _route(method: str, path: str, endpoint: Endpoint, group: Group, needs: Needs = "session") -> Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(method, re.compile(pattern), endpoint, group, needs)


ROUTES: Sequence[Route] = (
    _route("POST", "/ts/v1/oauth2/token", "oauth2/token", "auth", "nothing"),
    _route("POST", "/ts/v1/oauth2/revoke", "oauth2/revoke", "auth", "nothing"),
    _route("POST", "/m2m/v1/session/login", "session/login", "auth", "token"),
    _route("POST", "/m2m/v1/session/logout", "session/logout", "auth"),
    _route("POST", "/m2m/v1/callbacks/{account}", "callbacks register", "callbacks"),
    _route("GET", "/m2m/v1/callbacks/{account}", "callbacks list", "callbacks"),
    _route("DELETE", "/m2m/v1/callbacks/{account}/name/{service}", "callbacks deregister", "callbacks"),
    _route("POST", "/m2m/v1/devices/profile/actions/{action}", "actions", "actions"),
    _route("GET", "/m2m/v2/accounts/{account}/requests/{id}/status", "status v2", "status"),
    _route("GET", "/m2m/v1/accounts/{account}/requests/{id}/status", "status v1", "status"),
    _route("POST", "/m2m/v1/devices/actions/list", "devices v1", "devices"),
    _route("POST", "/m2m/v2/devices/actions/list", "devices v2", "devices"),
    _route("POST", "/m2m/v2/devices/history/actions/list", "history v2", "devices"),
)


def find(method: str, path: str) -> Found | None:
    """The endpoint a path means, or None where the gateway knows none."""
    path = re.sub(r"/{2,}", "/", path).rstrip("/")
    path = path.removeprefix("/api")
    if path.startswith("/v1/devices/"):
        path = "/m2m" + path
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is not None and route.method == method:
            names = {name: unquote(value) for name, value in match.groupdict().items()}
            known = names.get("action") is None or names["action"] in REQUIRED
            return Found(route, names) if known else None
    return None
