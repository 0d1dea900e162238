"""One client for a whole process, from its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reconciler.metrics_thingspace import ThingSpaceMetrics
from reconciler.settings import ReconcilerSettings
from reconciler.thingspace.accounts import SETTING, AccountsError, load_accounts
from reconciler.thingspace.client import ThingSpace
from reconciler.thingspace.veil import Veil
from schemas.ids import AccountName
from schemas.logline import Log


@asynccontextmanager
async def open_thingspace(
    settings: ReconcilerSettings, log: Log, metrics: ThingSpaceMetrics | None = None
) -> AsyncIterator[ThingSpace | None]:
    """For the length of the block; None, said once, where no accounts file is set. Raises `AccountsError`.

    The log conceals every credential from here on.
    """
    path = settings.thingspace_accounts_file
    if path is None:
        log.emit(
            "thingspace_unused",
            setting=SETTING,
            reason="it is not set, so ThingSpace is not asked; what is overdue is only marked",
        )
        yield None
        return
    accounts = load_accounts(path)
    notices = _Notices(log, metrics)
    for account in accounts:
        notices.known(account)
    async with ThingSpace(accounts, settings.thingspace_base_url, notices, Veil(log.conceal)) as space:
        yield space


def reload_accounts(settings: ReconcilerSettings, space: ThingSpace | None, log: Log) -> None:
    """A person has looked: reads the file again, clears every latch. A file with faults changes nothing."""
    path = settings.thingspace_accounts_file
    if path is None or space is None:
        return
    try:
        accounts = load_accounts(path)
    except AccountsError as error:
        for fault in error.faults:
            log.emit(
                "accounts_not_reloaded",
                level="error",
                fault=fault,
                remedy="the accounts of before stay in use; correct the file, then send SIGHUP again",
            )
        return
    space.configure(accounts)
    log.emit("accounts_reloaded", count=len(accounts))


@dataclass(frozen=True, slots=True)
class _Notices:
    """What is said of ThingSpace in the log and the metrics."""

    log: Log
    metrics: ThingSpaceMetrics | None

    def known(self, account: AccountName) -> None:
        if self.metrics is not None:
            self.metrics.latched(account, latched=False)
            self.metrics.away(account, away=False)

    def asked(self, account: AccountName, call: str, outcome: str) -> None:
        if self.metrics is not None:
            self.metrics.asked(account, call, outcome)

    def login_refused(self, account: AccountName, why: str) -> None:
        self.log.emit("thingspace_login_refused", level="warning", account=account, reason=why)
        if self.metrics is not None:
            self.metrics.login_refused(account)

    def latched(self, account: AccountName, why: str) -> None:
        self.log.emit(
            "thingspace_latched",
            level="error",
            account=account,
            reason=why,
            remedy=f"nothing is sent for it; correct its credentials in {SETTING}, then send SIGHUP",
        )
        if self.metrics is not None:
            self.metrics.latched(account, latched=True)

    def latch_cleared(self, account: AccountName) -> None:
        self.log.emit("thingspace_latch_cleared", account=account)
        if self.metrics is not None:
            self.metrics.latched(account, latched=False)

    def breaker_moved(self, account: AccountName, why: str | None) -> None:
        if why is None:
            self.log.emit("thingspace_back", account=account)
        else:
            self.log.emit("thingspace_away", level="warning", account=account, reason=why)
        if self.metrics is not None:
            self.metrics.away(account, away=why is not None)
