"""The endpoints: each takes what was asked and gives the answer as a value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from aiohttp import BasicAuth, web

from tests.simulator.content import Json
from tests.simulator.server import status
from tests.simulator.server.calls import Ask
from tests.simulator.server.fleet import Line
from tests.simulator.server.listeners import Registration
from tests.simulator.server.orders import read_object, read_order
from tests.simulator.server.parts import Parts
from tests.simulator.server.reply import FORBIDDEN_XML, NO_TOKEN, Reply, answer, error
from tests.simulator.server.requests import Request
from tests.simulator.server.routes import Endpoint, Found
from tests.simulator.server.work import Work


@dataclass(frozen=True, slots=True)
class Asked:
    """One call, read."""

    found: Found
    headers: Mapping[str, str]
    body: bytes

    def name(self, which: str) -> str:
        return self.found.names[which]


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply, None to close the connection without one; and the request that was accepted, if any."""

    reply: Reply | None
    request: Request | None = None


class Api:
    def __init__(self, parts: Parts, work: Work) -> None:
        self._settings, self._clock, self._door = parts.settings, parts.clock, parts.door
        self._listeners, self._fleet, self._calls = parts.listeners, parts.fleet, parts.calls
        self._work = work
        self._accounts = {one.name for one in parts.settings.account}

    def answer(self, asked: Asked) -> Answered:
        """Past the gateway and the session, then the endpoint itself."""
        refused = self._refused(asked)
        if refused is not None:
            return Answered(refused)
        account = asked.found.names.get("account")
        if account is not None and account not in self._accounts:
            return Answered(error("REQUEST_FAILED.AccountNotFound", "The account could not be found"))
        if asked.found.route.endpoint == "actions":
            return self._act(asked)
        return Answered(ENDPOINTS[asked.found.route.endpoint](self, asked))

    def _refused(self, asked: Asked) -> Reply | None:
        """Why the caller may not ask: the gateway's reason first, then the service's."""
        needs, now = asked.found.route.needs, self._clock.now()
        if needs == "nothing":
            return None
        scheme, _, bearer = asked.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return NO_TOKEN
        if scheme.casefold() != "bearer":
            return FORBIDDEN_XML
        refused = self._door.refused_token(bearer.strip(), now)
        if refused is not None or needs == "token":
            return refused
        return self._door.refused_session(asked.headers.get("VZ-M2M-Token"), now)

    def token(self, asked: Asked) -> Reply:
        grant = _form(asked.body).get("grant_type")
        return self._door.token(_client(asked.headers), grant, self._clock.now())

    def revoke(self, asked: Asked) -> Reply:
        return self._door.revoke(_client(asked.headers), _form(asked.body).get("token", ""))

    def login(self, asked: Asked) -> Reply:
        found = read_json(asked.body)
        if isinstance(found, Reply):
            return found
        return self._door.login(_text(found, "username"), _text(found, "password"), self._clock.now())

    def logout(self, asked: Asked) -> Reply:
        return self._door.logout(asked.headers.get("VZ-M2M-Token", ""))

    def register(self, asked: Asked) -> Reply:
        found = read_json(asked.body)
        if isinstance(found, Reply):
            return found
        name, url, username, password = (_text(found, one) for one in ("name", "url", "username", "password"))
        return self._listeners.register(
            Registration(asked.name("account"), name, url, username, password), self._clock.now()
        )

    def listed(self, asked: Asked) -> Reply:
        return self._listeners.listed(asked.name("account"))

    def deregister(self, asked: Asked) -> Reply:
        return self._listeners.deregister(asked.name("account"), asked.name("service"))

    def status_v2(self, asked: Asked) -> Reply:
        request_id, account = asked.name("id"), asked.name("account")
        request, now = self._work.requests.get(request_id), self._clock.now()
        return status.status_v2(request_id, request, account, self._settings.status, now)

    def status_v1(self, asked: Asked) -> Reply:
        request = self._work.requests.get(asked.name("id"))
        return status.status_v1(request, asked.name("account"), self._settings.status, self._clock.now())

    def devices_v1(self, asked: Asked) -> Reply:
        found = read_object(asked.body)
        if isinstance(found, Reply):
            return found
        lines = self._chosen(found)
        return lines if isinstance(lines, Reply) else status.devices_v1(lines, self._clock.now())

    def devices_v2(self, asked: Asked) -> Reply:
        """Accepted at once; the data comes as a callback."""
        found = read_object(asked.body)
        if isinstance(found, Reply):
            return found
        account = self._account(found)
        if isinstance(account, Reply):
            return account
        data = status.devices_v2(self._fleet.of_account(account))
        member = "deviceListResponse" if asked.found.route.endpoint == "devices v2" else "historyResponse"
        return answer({"requestId": self._work.report(account, {member: data})})

    def _chosen(self, found: Mapping[str, Json]) -> list[Line] | Reply:
        wanted = found.get("deviceId")
        if isinstance(wanted, dict):
            kind, value = _text(wanted, "kind").casefold(), _text(wanted, "id")
            line = self._fleet.find_by(kind, value)
            return [line] if line else error("REQUEST_FAILED.DeviceNotFound", "The device could not be found")
        account = self._account(found)
        return account if isinstance(account, Reply) else self._fleet.of_account(account)

    def _account(self, found: Mapping[str, Json]) -> str | Reply:
        account = _text(found, "accountName")
        if not account:
            return error("INPUT_INVALID.Account.NotDefined", "accountName is required")
        if account not in self._accounts:
            return error("REQUEST_FAILED.AccountNotFound", "The account could not be found")
        return account

    def _act(self, asked: Asked) -> Answered:
        order = read_order(asked.name("action"), asked.body, self._settings.limits.devices_max)
        if isinstance(order, Reply):
            return Answered(order)
        if order.account not in self._accounts:
            return Answered(error("REQUEST_FAILED.AccountNotFound", "The account could not be found"))
        if self._settings.callbacks.required and not self._heard(order.account, order.action):
            return Answered(error("REQUEST_FAILED.UnexpectedError", "No callback listener is registered"))
        request = self._work.accept(order)
        if isinstance(request, Reply):
            return Answered(request)
        for part in request.parts:
            self._calls.accepted(Ask(order.account, order.action, part.eid, part.iccid))
        return Answered(answer({"requestId": request.request_id}), request)

    def _heard(self, account: str, action: str) -> bool:
        return self._listeners.find(account, self._work.service(action)) is not None


ENDPOINTS: Mapping[Endpoint, Callable[[Api, Asked], Reply]] = {
    "oauth2/token": Api.token,
    "oauth2/revoke": Api.revoke,
    "session/login": Api.login,
    "session/logout": Api.logout,
    "callbacks register": Api.register,
    "callbacks list": Api.listed,
    "callbacks deregister": Api.deregister,
    "status v2": Api.status_v2,
    "status v1": Api.status_v1,
    "devices v1": Api.devices_v1,
    "devices v2": Api.devices_v2,
    "history v2": Api.devices_v2,
}


def read_json(body: bytes) -> dict[str, Json] | Reply:
    """An object in which any character may stand, as passwords hold them."""
    try:
        value: Json = json.loads(body)
    except ValueError:
        return error("DeserializationFailed", "The request could not be read")
    return value if isinstance(value, dict) else error("DeserializationFailed", "The request is no object")


def _client(headers: Mapping[str, str]) -> tuple[str, str] | None:
    try:
        found = BasicAuth.decode(headers.get("Authorization", ""), encoding="utf-8")
    except ValueError:
        return None
    return found.login, found.password


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _text(found: Mapping[str, Json], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def response(reply: Reply) -> web.Response:
    return web.Response(
        status=reply.status, body=reply.body, content_type=reply.content_type, headers=dict(reply.headers)
    )
