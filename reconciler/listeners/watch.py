"""The watch inside `run`: does ThingSpace still call us, and does it still call at all?

A registration disappears without a word: another system of the same account takes it over, or a change was
cut off halfway. So it is looked for every few minutes, and what is wrong is said when it begins, again after
every hour that it lasts, and when it ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from reconciler.listeners.listeners import Check, checked
from reconciler.postgres.admin import DatabaseError
from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.talk import Listener, ThingSpaceError
from schemas.ids import AccountName
from schemas.logline import Log

AGAIN_AFTER: Final = timedelta(hours=1)
REMEDY: Final = "run `profile-reconciler listeners list`, then `listeners repair`"


class Space(Protocol):
    """`reconciler.thingspace.client.ThingSpace`, as far as it is watched."""

    @property
    def accounts(self) -> Mapping[AccountName, ThingSpaceAccount]: ...

    async def listeners(self, account: AccountName) -> Sequence[Listener]: ...

    def shown(self, text: str) -> str: ...


class Heard(Protocol):
    """`reconciler.listeners.ledger.LastCallbacks`; raises `DatabaseError`."""

    async def look(self, accounts: Set[AccountName]) -> Mapping[AccountName, datetime]: ...


class Gauges(Protocol):
    """`reconciler.metrics_thingspace.ThingSpaceMetrics`, as far as it is told here."""

    def listener_wrong(self, account: str, service: str, wrong: bool) -> None: ...

    def listeners_checked(self, account: str, at_s: float) -> None: ...

    def last_callback(self, account: str, at_s: float) -> None: ...


@dataclass
class Alarms:
    """What is wrong at the moment, and since when it was last said."""

    said_at: dict[tuple[str, ...], datetime] = field(default_factory=dict)

    def raised(self, alarm: tuple[str, ...], now: datetime) -> bool:
        """Whether to say it now."""
        said_at = self.said_at.get(alarm)
        if said_at is not None and now - said_at < AGAIN_AFTER:
            return False
        self.said_at[alarm] = now
        return True

    def ended(self, alarm: tuple[str, ...]) -> bool:
        """Whether it had been said."""
        return self.said_at.pop(alarm, None) is not None


class Watch:
    def __init__(
        self,
        space: Space,
        heard: Heard,
        gauges: Gauges,
        log: Log,
        silent_after: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._space = space
        self._heard = heard
        self._gauges = gauges
        self._log = log
        self._silent_after = silent_after
        self._now = now
        self._alarms = Alarms()

    async def run(self, every: timedelta, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """For ever. Who cannot be asked, an account or the database, has its turn the next time."""
        while True:
            await self.look()
            await pause(every.total_seconds())

    async def look(self) -> None:
        for account in tuple(self._space.accounts.values()):
            await self._registrations(account)
        await self._callbacks()

    async def _registrations(self, account: ThingSpaceAccount) -> None:
        """What was wrong stays so until ThingSpace has been seen to be right."""
        try:
            found = await self._space.listeners(account.name)
        except ThingSpaceError as error:
            if self._alarms.raised(("unseen", account.name), self._now()):
                self._log.emit("listeners_unseen", level="warning", account=account.name, reason=str(error))
            return
        self._alarms.ended(("unseen", account.name))
        self._gauges.listeners_checked(account.name, self._now().timestamp())
        for check in checked(account, found):
            if check.verdict != "foreign":
                self._registration(check)

    def _registration(self, check: Check) -> None:
        alarm = ("wrong", check.account, check.service)
        self._gauges.listener_wrong(check.account, check.service, check.wrong)
        if not check.wrong:
            if self._alarms.ended(alarm):
                self._log.emit("listener_right_again", account=check.account, service=check.service)
        elif self._alarms.raised(alarm, self._now()):
            self._log.emit(
                "listener_wrong",
                level="error",
                account=check.account,
                service=check.service,
                state=check.verdict,
                url=self._space.shown(check.url),
                remedy=REMEDY,
            )

    async def _callbacks(self) -> None:
        accounts = self._space.accounts.keys()
        try:
            heard = await self._heard.look(accounts)
        except DatabaseError as error:
            if self._alarms.raised(("unheard",), self._now()):
                self._log.emit("callbacks_unseen", level="warning", reason=str(error))
            return
        self._alarms.ended(("unheard",))
        for account, at in heard.items():
            if account in accounts:
                self._callback(account, at)

    def _callback(self, account: AccountName, at: datetime) -> None:
        """An account that never called has nothing to fall silent from."""
        now, alarm = self._now(), ("silent", account)
        self._gauges.last_callback(account, at.timestamp())
        if now - at < self._silent_after:
            if self._alarms.ended(alarm):
                self._log.emit("account_calls_again", account=account)
        elif self._alarms.raised(alarm, now):
            self._log.emit(
                "account_silent",
                level="error",
                account=account,
                seconds=(now - at).total_seconds(),
                remedy=f"if operations wait for callbacks, {REMEDY}, and see whether the receiver is reached",
            )
