"""uvloop has an error of its own for a connection that closes just before it is written to: Kafka is away."""

import io
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from reconciler.dispatch.kafka import TransactionalSender
from reconciler.downstream.kafka import OperationsSource
from reconciler.faults import BrokenError, TryAgainError
from reconciler.kafka.admin import ClusterError
from reconciler.relay.kafka import RequestSource
from schemas.logline import Log


class Closing:
    """Of every question."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    async def _lost(self, *_: object, **__: object) -> None:
        raise self._errors.pop(0) if self._errors else RuntimeError("the handler is closed")

    getmany = commit = begin_transaction = end_offsets = beginning_offsets = _lost

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({TopicPartition("operations", 0)})


def consumer(*errors: Exception) -> AIOKafkaConsumer:
    return cast(AIOKafkaConsumer, Closing(*errors))


async def test_the_relay_begins_anew() -> None:
    source = RequestSource(consumer(), "127.0.0.1:1")
    with pytest.raises(ClusterError):
        await source.fetch()
    with pytest.raises(ClusterError):
        await source.commit()


async def test_the_dispatch_tries_again() -> None:
    with pytest.raises(TryAgainError):
        await TransactionalSender(cast(AIOKafkaProducer, Closing())).send([])


async def test_the_connectors_go_on_waiting() -> None:
    place = TopicPartition("operations", 0)
    gone = [OffsetOutOfRangeError({place: 5}), KafkaConnectionError()]
    for errors in ((), gone):
        log = io.StringIO()
        source = OperationsSource(consumer(*errors), "operations", Log("test", stream=log))
        assert await source.fetch() == ()
        assert '"waiting"' in log.getvalue()
    with pytest.raises(BrokenError):
        await OperationsSource(consumer(), "operations", Log("test")).begin({})
