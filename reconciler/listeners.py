"""Who ThingSpace calls for an account, against whom it should call. Pure, but for asking."""

from collections.abc import Sequence
from typing import Protocol

from reconciler.thingspace.talk import Listener
from schemas.ids import AccountName

CARRIES_RESULTS = "DeviceProfileService"
"""The service that ThingSpace sends the results of profile actions to."""


class Registrations(Protocol):
    """`reconciler.thingspace.client.ThingSpace`, as far as registrations are read."""

    async def listeners(self, account: AccountName) -> Sequence[Listener]: ...


async def registered(registrations: Registrations, account: AccountName) -> bool:
    """Whether results of the account's requests are sent to anybody; raises what asking raises.

    Without a listener ThingSpace drops them: whoever submits asks this first.
    """
    return any(one.service == CARRIES_RESULTS and one.url for one in await registrations.listeners(account))
