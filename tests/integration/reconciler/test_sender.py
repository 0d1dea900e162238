"""The producer of commands and of the sweep: whenever it is told to end, it leaves nothing open."""

import asyncio
import gc
import warnings

import pytest

from deploy.local.stack import Stack
from reconciler.kafka.sender import sender


@pytest.mark.parametrize("after_s", [0.0, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064])
async def test_one_that_is_cut_off_while_it_starts_closes_its_connection(
    stack: Stack, after_s: float
) -> None:
    async def hold() -> None:
        async with sender(stack.bootstrap, {}):
            await asyncio.Event().wait()

    holding = asyncio.ensure_future(hold())
    await asyncio.sleep(after_s)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        holding.cancel()
        await asyncio.wait({holding})
        assert holding.cancelled()
        del holding
        gc.collect()
    assert [str(each.message) for each in told] == []
