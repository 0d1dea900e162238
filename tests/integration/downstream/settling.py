"""Waiting for jobs to get where they should."""

from tests.integration.downstream.conftest import Downstream
from tests.support.polling import eventually


async def settled_as(downstream: Downstream, *states: str) -> None:
    async def there() -> bool:
        return await downstream.states() == list(states)

    try:
        await eventually(there, within_s=30)
    except AssertionError as error:
        told = [(row["state"], row["reason"]) for row in await downstream.jobs()]
        raise AssertionError(f"{told}") from error
