"""A stand-in for IMIconnect's Profile API: profiles, transactions, and everything it is known to answer.

It serves the two shapes of a deletion that take all of a customer's profiles as well, so that a test can
prove that nobody ever asks for them.
"""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Literal
from urllib.parse import unquote

from aiohttp import web

Ids = tuple[str, str, str]

RECORDS_MAX = 100


@dataclass
class Faults:
    """Counts are of answers to come; a mode stays until it is changed."""

    envelope: Literal["old", "new"] = "new"
    queued_code: str = "1000"
    queued_status: int = 202
    error_status: int = 200
    missing_in_results: bool = True
    """Whether "not found" comes in the transaction, or at once."""
    finishes_at_once: bool = False
    done_after_s: float = 0.0
    results_lost: bool = False
    numbers: bool = False
    internal_errors: int = 0
    rate_limited: int = 0
    over_quota: bool = False
    html_502: int = 0
    hang_ups_after_effect: int = 0
    deletes_nothing: bool = False


@dataclass
class Profiles:
    """The state: by app, customer and device, the attributes."""

    key: str
    apps: set[str]
    faults: Faults = field(default_factory=Faults)
    profiles: dict[Ids, dict[str, str]] = field(default_factory=dict)
    transactions: dict[str, tuple[float, list[dict[str, str]]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    deletions: Counter[Ids] = field(default_factory=Counter)
    wide_deletions: int = 0
    watch: Callable[[str], None] = lambda _: None
    """Told each call as it arrives, and again, with a full stop behind it, when it has had its effect."""

    def link(self, ids: Ids, at: datetime) -> None:
        """The customer's app has registered the device."""
        self.profiles[ids] = {"createdOn": at.astimezone(UTC).isoformat(), "deviceId": ids[2]}


def application(state: Profiles) -> web.Application:
    handlers = _Handlers(state)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handlers.any)
    return app


class _Handlers:
    def __init__(self, state: Profiles) -> None:
        self._state = state
        self._numbers = itertools.count(86911)

    async def any(self, request: web.Request) -> web.StreamResponse:
        call = f"{request.method} {request.raw_path}"
        self._state.calls.append(call)
        self._state.watch(call)
        response = await self._answered(request)
        self._state.watch(call + ".")
        return response

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        state = self._state
        refused = self._refused(request)
        if refused is not None:
            return refused
        path = request.raw_path.partition("?")[0].removeprefix("/resources/v2/").split("/")
        segments = [unquote(segment) for segment in path]
        match (request.method, *segments):
            case ("GET", "profile", "status", transaction):
                return self._status(transaction)
            case ("DELETE", "customerappprofile", app, holder, device) if device:
                return await self._delete(request, (app, holder, device))
            case ("DELETE", "customerappprofile", *_):
                state.wide_deletions += 1
                return self._queued([{"code": "1000", "description": "QUEUED"}])
            case ("GET", "customerappprofile", app, holder):
                return self._get(app, holder)
            case ("POST" | "PUT", "customerappprofile", app):
                return await self._put(request, app)
            case ("PUT", "customerprofiles", app):
                return await self._put(request, app)
        return web.Response(status=404, text="<html>not here</html>", content_type="text/html")

    def _refused(self, request: web.Request) -> web.Response | None:
        faults = self._state.faults
        if faults.html_502:
            faults.html_502 -= 1
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        if "key" not in request.headers:
            return self._said("7002", "Service Key Missing")
        if request.headers["key"] != self._state.key:
            return self._said("7001", "Authentication failed")
        if faults.over_quota:
            return self._said("7020", "You have reached maximum transaction limit (quota)")
        if faults.rate_limited:
            faults.rate_limited -= 1
            return self._said("7020", "You have reached maximum transaction limit (rate).")
        return None

    def _said(self, code: str, description: str) -> web.Response:
        body = {"code": code, "description": description}
        wrapped = {"response": body} if self._state.faults.envelope == "old" else body
        return web.json_response(wrapped, status=self._state.faults.error_status)

    async def _delete(self, request: web.Request, ids: Ids) -> web.StreamResponse:
        state, faults = self._state, self._state.faults
        if ids[0] not in state.apps:
            return self._said("7018", "Invalid app profile")
        state.deletions[ids] += 1
        if faults.internal_errors:
            faults.internal_errors -= 1
            return self._said("7006", "Internal error occurred")
        if ids not in state.profiles and not faults.missing_in_results:
            return self._said("7014", "app profile not found")
        known = ids in state.profiles
        if not faults.deletes_nothing:
            state.profiles.pop(ids, None)
        if faults.hang_ups_after_effect:
            faults.hang_ups_after_effect -= 1
            assert request.transport is not None
            request.transport.abort()
            raise web.HTTPServiceUnavailable
        return self._queued([self._record(ids[1], known=known)])

    @staticmethod
    def _record(holder: str, *, known: bool) -> dict[str, str]:
        if known:
            return {"customerId": holder, "code": "1000", "description": "SUCCESS"}
        return {"customerId": holder, "code": "7014", "description": "app profile not found"}

    def _queued(self, results: list[dict[str, str]]) -> web.Response:
        state, faults = self._state, self._state.faults
        transaction = str(uuid.uuid4())
        state.transactions[transaction] = (monotonic() + faults.done_after_s, results)
        if faults.finishes_at_once:
            return web.json_response(self._outcome(transaction, results))
        body: dict[str, object] = {
            "code": faults.queued_code,
            "description": "Queued" if faults.envelope == "old" else "QUEUED",
            "transid": transaction,
        }
        if faults.envelope == "old":
            return web.json_response({"response": body})
        counts = {"TotalCount": len(results), "SuccessCount": len(results), "FailureCount": 1}
        queued = [{**record, "code": "1000", "description": "QUEUED"} for record in results]
        return web.json_response({**counts, **body, "Results": queued}, status=faults.queued_status)

    def _status(self, transaction: str) -> web.Response:
        ready_at, results = self._state.transactions.get(transaction, (float("inf"), []))
        if self._state.faults.results_lost or monotonic() < ready_at:
            return self._said("7600", "No result found")
        return web.json_response(self._outcome(transaction, results))

    @staticmethod
    def _outcome(transaction: str, results: list[dict[str, str]]) -> dict[str, object]:
        failed = sum(record["code"] != "1000" for record in results)
        whole = ("1002", "Partial success") if failed else ("1000", "SUCCESS")
        return {
            "TotalCount": len(results),
            "FailureCount": failed,
            "SuccessCount": len(results) - failed,
            "code": whole[0],
            "description": whole[1],
            "Results": results,
            "transid": transaction,
        }

    def _get(self, app: str, holder: str) -> web.Response:
        found = [(ids, kept) for ids, kept in self._state.profiles.items() if ids[:2] == (app, holder)]
        records = [{"Attributes": self._attributes(ids, kept), "OutwardLinks": []} for ids, kept in found]
        return web.json_response({"Status": 0, "Description": "success", "code": "1000", "Records": records})

    def _attributes(self, ids: Ids, kept: dict[str, str]) -> list[dict[str, object]]:
        values = {"customerId": ids[1], **kept}
        as_numbers = self._state.faults.numbers
        return [
            {
                "Name": name,
                "Value": int(value) if as_numbers and value.isdecimal() else value,
                "ID": next(self._numbers),
            }
            for name, value in values.items()
        ]

    async def _put(self, request: web.Request, app: str) -> web.Response:
        try:
            body = await request.json()
        except ValueError:
            return self._said("7000", "Invalid JSON")
        records = body.get("Records") if isinstance(body, dict) else None
        if not isinstance(records, list) or not records:
            return self._said("7003", "Mandatory parameters missing")
        if len(records) > RECORDS_MAX:
            return self._said("7012", "Batch size limit(100) exceeded")
        if app not in self._state.apps:
            return self._said("7018", "Invalid app profile")
        return self._queued([self._kept(app, record, request.method) for record in records])

    def _kept(self, app: str, record: dict[str, object], method: str) -> dict[str, str]:
        attributes = record.get("Attributes")
        holder = str(record.get("customerId", ""))
        if not isinstance(attributes, dict) or not holder:
            return {"customerId": holder, "code": "7003", "description": "Mandatory parameters missing"}
        ids = (app, holder, str(attributes.get("deviceId", "")))
        there = ids in self._state.profiles
        if method == "POST" and there:
            return {"customerId": holder, "code": "7015", "description": "customer already exists"}
        if method == "PUT" and not there:
            return self._record(holder, known=False)
        self.profile(ids).update({str(name): str(value) for name, value in attributes.items()})
        return self._record(holder, known=True)

    def profile(self, ids: Ids) -> dict[str, str]:
        if ids not in self._state.profiles:
            self._state.link(ids, datetime.now(UTC))
        return self._state.profiles[ids]
