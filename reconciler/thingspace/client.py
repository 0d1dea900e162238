"""ThingSpace for several accounts: every profile action, what became of it, and the callback listeners."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Self
from urllib.parse import quote

import orjson

from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.answers import json_of, listeners_of, request_id_of, status_of
from reconciler.thingspace.exchange import Answer, Call
from reconciler.thingspace.limits import Limits
from reconciler.thingspace.line import Line, Notices, World
from reconciler.thingspace.orders import order_body
from reconciler.thingspace.talk import Away, Listener, Order, Rejected, RequestStatus, Unclear, Unfit
from reconciler.thingspace.veil import Veil
from reconciler.thingspace.wire import Wire
from schemas.ids import AccountName, RequestId
from schemas.names import Json, JsonObject

V1_ACTIONS: Final = frozenset({"activate", "deactivate", "device_suspend", "device_resume"})
"""What the older status call is documented for. An action that nobody named may be one of them."""
V1_AFTER: Final = frozenset({400, 404, 406, 501})
"""Refusals of the newer status call that may mean: not this kind of request."""


class ThingSpace:
    """An async context manager, one per process. Every call raises only `ThingSpaceError`s."""

    def __init__(
        self,
        accounts: Mapping[AccountName, ThingSpaceAccount],
        base_url: str,
        notices: Notices,
        veil: Veil,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._base_url = base_url
        self._limits = limits or Limits()
        self._wire: Wire | None = None
        self._veil = veil
        self._world = World(self._exchanged, self._limits, veil, notices, clock, now, sleep)
        self._lines: dict[AccountName, Line] = {}
        self._retired: list[Line] = []
        self.configure(accounts)

    async def __aenter__(self) -> Self:
        self._wire = Wire(self._base_url, self._limits)
        return self

    async def __aexit__(self, *_: object) -> None:
        for line in (*self._lines.values(), *self._retired):
            await line.login.close()
        if self._wire is not None:
            await self._wire.close()

    @property
    def accounts(self) -> Mapping[AccountName, ThingSpaceAccount]:
        return {name: line.account for name, line in self._lines.items()}

    def configure(self, accounts: Mapping[AccountName, ThingSpaceAccount]) -> None:
        """From the next question on. A person has looked: latches, pauses and breakers start anew.

        A line whose account is unchanged goes on with its keys and its turn.
        """
        self._veil.configure(accounts.values())
        kept = {name: line for name, line in self._lines.items() if accounts.get(name) == line.account}
        self._retired += [line for name, line in self._lines.items() if name not in kept]
        for line in self._lines.values():
            line.clear()
        self._lines = {
            name: kept.get(name) or Line(account, self._world) for name, account in accounts.items()
        }

    def latched(self, account: AccountName) -> str | None:
        """Why nothing is sent for the account until a person has looked; None where all is well."""
        return self._line(account).login.latched

    def shown(self, text: str) -> str:
        """Bounded and without secrets: for what ThingSpace says of others, a foreign URL for example."""
        return self._veil.excerpt(text)

    async def submit(self, order: Order) -> RequestId:
        """Sent once. `Unclear` leaves open whether it was done; after any other error it was not."""
        line = self._line(order.account)
        call = _call("submit", "POST", f"/m2m/v1/devices/profile/actions/{order.action}", changes=True)
        answer = await line.ask(_with_body(call, order_body(order, line.account)))
        request_id = request_id_of(answer)
        if request_id is None:
            raise Unclear(
                f"ThingSpace took the order for account {order.account} (HTTP {answer.status}) and named no "
                "request id. It may be under way; do not simply ask again."
            )
        return request_id

    async def request_status(
        self, account: AccountName, request_id: RequestId, action: str | None = None
    ) -> RequestStatus:
        """By v2; by v1 where v2 refuses the request and v1 may know it. Where neither does: v2's error."""
        try:
            return await self._status("v2", account, request_id)
        except Rejected as refused:
            if refused.http_status not in V1_AFTER or (action is not None and action not in V1_ACTIONS):
                raise
            try:
                return await self._status("v1", account, request_id)
            except Rejected:
                raise refused from None

    async def device(self, account: AccountName, kind: str, identifier: str) -> Json:
        """What the device list says of one device, in ThingSpace's own words, without credentials."""
        call = _call("device", "POST", "/m2m/v1/devices/actions/list")
        body: JsonObject = {"accountName": account, "deviceId": {"kind": kind, "id": identifier}}
        answer = await self._line(account).ask(_with_body(call, body))
        return self._veil.secrets.masked_value(json_of(answer))

    async def listeners(self, account: AccountName) -> Sequence[Listener]:
        line = self._line(account)
        answer = await line.ask(_call("listeners", "GET", _listeners_path(account)))
        password = line.account.callback_password
        found = listeners_of(answer, None if password is None else password.get_secret_value())
        if found is None:
            raise Away(
                f"ThingSpace's list of the listeners of account {account} is no list. Nothing changed."
            )
        return found

    async def register(
        self, account: AccountName, service: str, url: str, username: str, password: str
    ) -> None:
        """With a session of its own: one that was minutes old has been refused between two changes."""
        body: JsonObject = {"name": service, "url": url}
        if username or password:
            body |= {"username": username, "password": password}
        line = self._line(account)
        line.login.forget_any_session()
        call = _call("register", "POST", _listeners_path(account), changes=True)
        await line.ask(_with_body(call, body))

    async def deregister(self, account: AccountName, service: str) -> None:
        """With a session of its own, as `register`."""
        line = self._line(account)
        line.login.forget_any_session()
        path = f"{_listeners_path(account)}/name/{quote(service, safe='')}"
        await line.ask(_call("deregister", "DELETE", path, changes=True))

    def _line(self, account: AccountName) -> Line:
        line = self._lines.get(account)
        if line is None:
            known = ", ".join(self._lines)
            raise Unfit(
                (f"account {account} is not in THINGSPACE_ACCOUNTS_FILE; add it, or use one of {known}",)
            )
        return line

    async def _status(self, version: str, account: AccountName, request_id: RequestId) -> RequestStatus:
        path = (
            f"/m2m/{version}/accounts/{quote(account, safe='')}/requests/{quote(request_id, safe='')}/status"
        )
        answer = await self._line(account).ask(_call(f"status_{version}", "GET", path))
        status = status_of(answer, version, request_id)
        if status is None:
            raise Away(
                f"ThingSpace's answer about request {request_id} of account {account} is no status of it. "
                "Nothing was learned."
            )
        body = self._veil.secrets.masked_value(status.body)
        return RequestStatus(status.endpoint, status.status, status.sub_requests, body)

    async def _exchanged(self, call: Call) -> Answer:
        assert self._wire is not None, "ThingSpace is used inside its `async with`"
        return await self._wire.exchange(call)


def _call(name: str, method: str, path: str, *, changes: bool = False) -> Call:
    return Call(name, method, path, changes=changes)


def _with_body(call: Call, body: JsonObject) -> Call:
    return Call(call.name, call.method, call.path, {}, orjson.dumps(body), call.changes)


def _listeners_path(account: AccountName) -> str:
    return f"/m2m/v1/callbacks/{quote(account, safe='')}"
