"""Changing a registration: delete, register, verify, each with a fresh session.

Whether registering over a registration replaces it is documented nowhere, so the old one is deleted first.
From there until the new one stands, ThingSpace drops what it would say. So a change that has begun is
finished, whatever interrupts it, and one that cannot be finished is told as loudly as a command can.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from reconciler.listeners.listeners import WORDS, Check, checked
from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.talk import Listener, ThingSpaceError, Unclear
from schemas.ids import AccountName

PAUSES_S: Final = (0.5, 2.0, 5.0)
"""Between tries; one more try than pauses."""


class Registry(Protocol):
    """`reconciler.thingspace.client.ThingSpace`, as far as registrations are concerned."""

    async def listeners(self, account: AccountName) -> Sequence[Listener]: ...

    async def register(
        self, account: AccountName, service: str, url: str, username: str, password: str
    ) -> None: ...

    async def deregister(self, account: AccountName, service: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of one service. `done` only after ThingSpace's own list has shown it."""

    account: AccountName
    service: str
    done: bool
    says: str


class Change:
    """For one account. `pause` is `asyncio.sleep`."""

    def __init__(
        self,
        registry: Registry,
        account: ThingSpaceAccount,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._registry = registry
        self._account = account
        self._pause = pause

    async def establish(self, service: str, *, replaces: bool) -> Changed:
        """Registers the service, after deleting what stands there. Not interrupted once begun."""
        return await _whole(self._established(service, replaces=replaces))

    async def remove(self, service: str) -> Changed:
        try:
            await self._registry.deregister(self._account.name, service)
            still = any(one.service == service for one in await self._listed())
        except ThingSpaceError as error:
            return self._told(service, done=False, says=f"not known to be removed: {error}")
        if still:
            return self._told(
                service, done=False, says="ThingSpace said yes, and lists it still; remove it again"
            )
        return self._told(service, done=True, says="removed; ThingSpace drops what it would say there")

    async def _established(self, service: str, *, replaces: bool) -> Changed:
        if replaces:
            try:
                await self._registry.deregister(self._account.name, service)
            except Unclear:
                pass  # it may be gone: what follows finds out, and puts it back
            except ThingSpaceError as error:
                return self._told(service, done=False, says=f"nothing was changed: {error}")
        why, standing = "", False
        for pause_s in (*PAUSES_S, None):
            why = await self._tried(service, standing=standing)
            check = await self._seen(service)
            if check is not None and not check.wrong:
                return self._told(service, done=True, says="registered, and listed by ThingSpace")
            standing = check is not None and check.verdict != "missing"
            why = why or (f"It {WORDS[check.verdict]}." if check is not None else "It is not known.")
            if pause_s is not None:
                await self._pause(pause_s)
        return self._shouted(service, why)

    async def _tried(self, service: str, *, standing: bool) -> str:
        """What went wrong, if anything did."""
        try:
            if standing:
                await self._registry.deregister(self._account.name, service)
            await self._register(service)
        except ThingSpaceError as error:
            return str(error)
        return ""

    async def _register(self, service: str) -> None:
        account = self._account
        password = account.callback_password
        await self._registry.register(
            account.name,
            service,
            account.listener_url(service),
            account.callback_username or "",
            "" if password is None else password.get_secret_value(),
        )

    async def _seen(self, service: str) -> Check | None:
        """As ThingSpace lists it; None where the list cannot be had. After an unclear answer it may stand."""
        try:
            found = checked(self._account, await self._listed())
        except ThingSpaceError:
            return None
        return next(check for check in found if check.service == service)

    async def _listed(self) -> Sequence[Listener]:
        return await self._registry.listeners(self._account.name)

    def _shouted(self, service: str, why: str) -> Changed:
        name = self._account.name
        return self._told(
            service,
            done=False,
            says=(
                "NOT KNOWN TO BE REGISTERED. As long as it is not, ThingSpace drops every callback of "
                f"{service} for account {name}. {why} Run `profile-reconciler listeners repair --account "
                f"{name}` until it succeeds; meanwhile the sweep settles by polling what gets lost."
            ),
        )

    def _told(self, service: str, *, done: bool, says: str) -> Changed:
        return Changed(self._account.name, service, done, says)


async def _whole(work: Awaitable[Changed]) -> Changed:
    """To its end, also where whoever waits is cancelled meanwhile; the cancellation comes after it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
