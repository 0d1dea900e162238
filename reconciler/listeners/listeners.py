"""Who ThingSpace calls for an account, against whom it should call. Pure, but for asking."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.callback_url import SERVICES
from reconciler.thingspace.talk import Listener
from schemas.ids import AccountName

CARRIES_RESULTS: Final = "DeviceProfileService"
"""The service that ThingSpace sends the results of profile actions to."""

Verdict = Literal["right", "missing", "elsewhere", "other_credentials", "foreign"]

WORDS: Final[dict[Verdict, str]] = {
    "right": "calls us",
    "missing": "nobody is called: ThingSpace drops what it would say",
    "elsewhere": "calls somewhere else",
    "other_credentials": "calls us with a username or password that is not the one of the accounts file",
    "foreign": "not one of ours; left alone",
}


class Registrations(Protocol):
    """`reconciler.thingspace.client.ThingSpace`, as far as registrations are read."""

    async def listeners(self, account: AccountName) -> Sequence[Listener]: ...


@dataclass(frozen=True, slots=True)
class Check:
    """One service of one account. The URLs may hold a path secret: mask them before anybody sees them."""

    account: AccountName
    service: str
    verdict: Verdict
    url: str
    """As registered; as it should be, where nothing is."""
    username: str | None

    @property
    def wrong(self) -> bool:
        return self.verdict not in ("right", "foreign")


async def registered(registrations: Registrations, account: AccountName) -> bool:
    """Whether results of the account's requests are sent to anybody; raises what asking raises.

    Without a listener ThingSpace drops them: whoever submits asks this first.
    """
    return any(one.service == CARRIES_RESULTS and one.url for one in await registrations.listeners(account))


def checked(account: ThingSpaceAccount, found: Sequence[Listener]) -> tuple[Check, ...]:
    """Our services first, then what else is registered."""
    ours = (_check(account, service, found) for service in SERVICES)
    others = (
        Check(account.name, one.service, "foreign", one.url, one.username)
        for one in found
        if one.service not in SERVICES
    )
    return (*ours, *others)


def _check(account: ThingSpaceAccount, service: str, found: Iterable[Listener]) -> Check:
    wanted = account.listener_url(service)
    named = [one for one in found if one.service == service]
    if not named:
        return Check(account.name, service, "missing", wanted, None)
    worst = next((one for one in named if one.url != wanted), named[0])
    return Check(account.name, service, _verdict(account, wanted, worst), worst.url, worst.username)


def _verdict(account: ThingSpaceAccount, wanted: str, one: Listener) -> Verdict:
    if one.url != wanted:
        return "elsewhere"
    other_name = (one.username or None) != account.callback_username
    return "other_credentials" if other_name or one.password_fits is False else "right"
