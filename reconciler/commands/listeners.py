"""`profile-reconciler listeners list`, `register`, `repair` and `remove`

`register` only fills gaps. `repair` also replaces what calls elsewhere or with other credentials, `remove`
ends what works. While a registration that works is replaced, ThingSpace drops what it would say in that
second, so both look first whether anybody waits for a callback.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from reconciler.access import writer_access
from reconciler.audit.as_json import text
from reconciler.audit.for_people import show as show_to_people
from reconciler.listeners.change import Change, Changed
from reconciler.listeners.ledger import waiting
from reconciler.listeners.listeners import Check, checked
from reconciler.listeners.view import ROTATION, RULES, changed_document, check_document, checks_table
from reconciler.postgres.admin import DatabaseError
from reconciler.program import DONE, FAILED, MISUSED, Command, put, warn
from reconciler.readable import ReadableError
from reconciler.settings import ReconcilerSettings
from reconciler.thingspace.accounts import SETTING, ThingSpaceAccount
from reconciler.thingspace.callback_url import SERVICES
from reconciler.thingspace.client import ThingSpace
from reconciler.thingspace.talk import ThingSpaceError
from reconciler.thingspace.wiring import open_thingspace
from schemas.ids import AccountName
from schemas.logline import Log
from schemas.settings import SettingsError, load

EVERY: Final = "all"


class Desk(NamedTuple):
    settings: ReconcilerSettings
    space: ThingSpace
    accounts: Sequence[ThingSpaceAccount]

    async def checks(self, account: ThingSpaceAccount) -> tuple[Check, ...]:
        return checked(account, await self.space.listeners(account.name))


@asynccontextmanager
async def _desk(arguments: Namespace) -> AsyncIterator[Desk]:
    settings = load(ReconcilerSettings)
    async with open_thingspace(settings, Log("profile-reconciler")) as space:
        if space is None:
            raise SettingsError([f"{SETTING}: is not set, so there is no account to ask for; set it"])
        wanted = list(space.accounts.values())
        if arguments.account != EVERY:
            wanted = [account for account in wanted if account.name == arguments.account]
        if not wanted:
            known = ", ".join(space.accounts)
            raise SettingsError([f"{SETTING}: has no account {arguments.account!r}; use one of {known}"])
        yield Desk(settings, space, wanted)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--account", default=EVERY, help=f"one of {SETTING} (default: all)")
    parser.add_argument("--json", action="store_true", help="JSON instead, one document a line")


def _force_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--force", action="store_true", help="also while operations of the account wait for their callbacks"
    )


async def list_all(arguments: Namespace) -> int:
    """Exit code 1 where a service does not call us, or an account could not be asked."""
    checks: list[Check] = []
    code = DONE
    async with _desk(arguments) as desk:
        for account in desk.accounts:
            try:
                checks += await desk.checks(account)
            except ThingSpaceError as error:
                code = _failed(arguments, account.name, error)
        if arguments.json:
            for check in checks:
                put(text(check_document(check, desk.space.shown)))
        elif checks:
            show_to_people(sys.stdout, checks_table(checks, desk.space.shown))
    return FAILED if any(check.wrong for check in checks) else code


async def register(arguments: Namespace) -> int:
    """Exit code 1 where something stands in the way, which `repair` would replace."""
    code = DONE
    async with _desk(arguments) as desk:
        for account in desk.accounts:
            try:
                checks = await desk.checks(account)
            except ThingSpaceError as error:
                code = _failed(arguments, account.name, error)
                continue
            for check in checks:
                if check.verdict != "foreign":
                    code = max(code, _told(arguments, await _filled(desk, account, check)))
    return code


async def _filled(desk: Desk, account: ThingSpaceAccount, check: Check) -> Changed:
    if check.verdict == "missing":
        return await Change(desk.space, account).establish(check.service, replaces=False)
    if check.verdict == "right":
        return Changed(account.name, check.service, done=True, says="stands already, and calls us")
    at = f"{desk.space.shown(check.url)} as {desk.space.shown(check.username or 'nobody')}"
    says = f"another registration stands there ({at}); `listeners repair` replaces it"
    return Changed(account.name, check.service, done=False, says=says)


def repair_arguments(parser: ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument(
        "--anew",
        action="store_true",
        help="also what looks right: after a change of the password where ThingSpace does not show it",
    )
    _force_argument(parser)


async def repair(arguments: Namespace) -> int:
    """Exit code 1 where something is not right in the end."""
    code, rotated = DONE, False
    async with _desk(arguments) as desk:
        for account in desk.accounts:
            try:
                checks = [check for check in await desk.checks(account) if check.verdict != "foreign"]
                wanted = [check for check in checks if check.wrong or arguments.anew]
                obstacle = await _obstacle(arguments, desk, account, wanted)
            except (ThingSpaceError, DatabaseError) as error:
                code = _failed(arguments, account.name, error)
                continue
            for check in checks:
                code = max(
                    code, _told(arguments, await _mended(desk, account, check, check in wanted, obstacle))
                )
            rotated = rotated or (obstacle is None and any(map(_calls_us, wanted)))
    if rotated:
        warn(ROTATION)
    return code


async def _mended(
    desk: Desk, account: ThingSpaceAccount, check: Check, wanted: bool, obstacle: str | None
) -> Changed:
    if not wanted:
        return Changed(account.name, check.service, done=True, says="calls us; left as it is")
    if obstacle is not None and _calls_us(check):
        return Changed(account.name, check.service, done=False, says=obstacle)
    return await Change(desk.space, account).establish(check.service, replaces=check.verdict != "missing")


def _calls_us(check: Check) -> bool:
    """Whether replacing it costs the callbacks of a moment; one that calls elsewhere costs them all."""
    return check.verdict in ("right", "other_credentials")


async def _obstacle(
    arguments: Namespace, desk: Desk, account: ThingSpaceAccount, wanted: Iterable[Check]
) -> str | None:
    """Why what works should not be replaced just now."""
    if arguments.force or not any(map(_calls_us, wanted)):
        return None
    count = await waiting(writer_access(desk.settings), account.name)
    if count == 0:
        return None
    return (
        f"not touched: {count} operations asked for in the last day wait for their callbacks, and ThingSpace "
        "drops one that falls between removing and registering. Wait until they settled, or say --force: "
        "then the sweep finds by polling what gets lost."
    )


def remove_arguments(parser: ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument(
        "--service", choices=SERVICES, action="append", help="only this one (default: both of ours)"
    )
    _force_argument(parser)


async def remove(arguments: Namespace) -> int:
    """Only what points to us, and only for an account that is named."""
    if arguments.account == EVERY:
        warn("profile-reconciler: name the account whose listeners are to be removed, with --account")
        return MISUSED
    code = DONE
    async with _desk(arguments) as desk:
        for account in desk.accounts:
            services = arguments.service or SERVICES
            checks = [check for check in await desk.checks(account) if check.service in services]
            obstacle = await _obstacle(arguments, desk, account, checks)
            for check in checks:
                code = max(code, _told(arguments, await _removed(desk, account, check, obstacle)))
    return code


async def _removed(desk: Desk, account: ThingSpaceAccount, check: Check, obstacle: str | None) -> Changed:
    if check.verdict == "missing":
        return Changed(account.name, check.service, done=True, says="was not registered")
    if check.verdict == "elsewhere":
        says = f"calls {desk.space.shown(check.url)}, which is not ours to remove; see `listeners repair`"
        return Changed(account.name, check.service, done=False, says=says)
    if obstacle is not None:
        return Changed(account.name, check.service, done=False, says=obstacle)
    return await Change(desk.space, account).remove(check.service)


def _told(arguments: Namespace, changed: Changed) -> int:
    if arguments.json:
        put(text(changed_document(changed)))
    else:
        put(f"account {changed.account}, {changed.service}: {changed.says}")
    return DONE if changed.done else FAILED


def _failed(arguments: Namespace, account: AccountName, error: ReadableError) -> int:
    if arguments.json:
        put(text({"account": account, "done": False, "says": str(error)}))
    else:
        warn(f"profile-reconciler: account {account}: {error}")
    return FAILED


LIST = Command("listeners list", f"who ThingSpace calls, and whether it is us. {RULES}", _arguments, list_all)
REGISTER = Command("listeners register", "register what is missing, and nothing else", _arguments, register)
REPAIR = Command(
    "listeners repair", "register what is missing, replace what is wrong", repair_arguments, repair
)
REMOVE = Command("listeners remove", "end our registrations for one account", remove_arguments, remove)
