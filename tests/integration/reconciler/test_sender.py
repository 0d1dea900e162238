"""The producer of commands and of the sweep: whenever it is told to end, it leaves nothing open."""

import asyncio
import gc
import warnings

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest

from deploy.local.stack import Stack
from reconciler.kafka.sender import sender


async def test_one_that_is_cut_off_while_it_starts_closes_its_connection(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()
    send = AIOKafkaConnection.send

    def sending(connection: AIOKafkaConnection, request: object) -> "asyncio.Future[object]":
        if isinstance(request, MetadataRequest):
            asked.set()
        answer: asyncio.Future[object] = send(connection, request)
        return answer

    async def hold() -> None:
        async with sender(stack.bootstrap, {}):
            await asyncio.Event().wait()

    monkeypatch.setattr(AIOKafkaConnection, "send", sending)
    holding = asyncio.ensure_future(hold())
    await asked.wait()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        holding.cancel()
        await asyncio.wait({holding})
        assert holding.cancelled()
        del holding
        gc.collect()
    assert [str(each.message) for each in told] == []
