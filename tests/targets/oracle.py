"""A stand-in for Oracle's customer care: what its one deletion does, by its own rule of precedence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import encode_basic_auth, web

Operation = Literal["cancelAllTemporaryAllows", "unregisterDevices", "reset"]
PRECEDENCE: tuple[Operation, ...] = ("cancelAllTemporaryAllows", "unregisterDevices", "reset")


@dataclass
class Faults:
    unknown_as: Literal["empty", "status_response", "text"] = "status_response"
    status_false: int = 0
    response_code: str = "0"
    login_page: int = 0
    errors: list[int] = field(default_factory=list)
    hang_ups_after_effect: int = 0


@dataclass
class Care:
    """`devices`: by customer, what is registered."""

    username: str
    password: str
    devices: dict[str, set[str]]
    context: str = "/risk-cc"
    faults: Faults = field(default_factory=Faults)
    calls: list[str] = field(default_factory=list)
    ran: list[tuple[str, Operation]] = field(default_factory=list)
    watch: Callable[[str], None] = lambda _: None
    """Told each call as it arrives."""


def application(state: Care) -> web.Application:
    handlers = _Handlers(state)
    app = web.Application()
    app.router.add_delete(f"{state.context}/customercare/v1/{{customer}}/provision", handlers.delete)
    return app


class _Handlers:
    def __init__(self, state: Care) -> None:
        self._state = state

    async def delete(self, request: web.Request) -> web.StreamResponse:
        state, faults = self._state, self._state.faults
        state.calls.append(f"{request.method} {request.raw_path}")
        state.watch(state.calls[-1])
        if request.headers.get("Authorization") != encode_basic_auth(state.username, state.password):
            return web.Response(status=401)
        if faults.login_page:
            faults.login_page -= 1
            return web.Response(text="<html>log in</html>", content_type="text/html")
        if faults.errors:
            return web.Response(status=faults.errors.pop(0))
        if any(value not in ("true", "false") for value in request.query.values()):
            return web.Response(status=400)
        wanted = next((name for name in PRECEDENCE if request.query.get(name) == "true"), None)
        if wanted is None:
            return web.Response(status=400)
        customer = request.match_info["customer"]
        if customer not in state.devices:
            return self._unknown()
        self._run(customer, wanted)
        if faults.hang_ups_after_effect:
            faults.hang_ups_after_effect -= 1
            assert request.transport is not None
            request.transport.abort()
            raise web.HTTPServiceUnavailable
        return self._status_response(request)

    def _run(self, customer: str, wanted: Operation) -> None:
        self._state.ran.append((customer, wanted))
        if wanted != "cancelAllTemporaryAllows":
            self._state.devices[customer].clear()

    def _unknown(self) -> web.Response:
        match self._state.faults.unknown_as:
            case "empty":
                return web.Response(status=404)
            case "text":
                return web.Response(status=404, text="customer not found")
            case _:
                return web.json_response({"responseCode": "1", "status": False}, status=404)

    def _status_response(self, request: web.Request) -> web.Response:
        faults = self._state.faults
        done = faults.status_false == 0
        faults.status_false = max(0, faults.status_false - 1)
        if request.headers.get("Accept") == "application/xml":
            return web.Response(
                text=f"<StatusResponse><responseCode>{faults.response_code}</responseCode>"
                f"<responseMessage></responseMessage><status>{str(done).lower()}</status></StatusResponse>",
                content_type="application/xml",
            )
        return web.json_response(
            {"responseCode": faults.response_code, "responseMessage": "", "status": done}
        )
