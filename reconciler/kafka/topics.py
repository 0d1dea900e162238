"""What the cluster says of our topics, asked on connections of its own: the watch may not sleep when they do.

Topics are told apart by their ids: one that was deleted and made anew has the old name and another id.
aiokafka asks for metadata in versions that do not tell ids yet, so this one question is written here.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from aiokafka.protocol.api import RequestHeader_v2, ResponseHeader_v1
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from reconciler.core.batch import Place, TopicId
from reconciler.faults import TryAgainError

METADATA_KEY: Final = 3
METADATA_VERSION: Final = 10
TOPIC_ID_BYTES: Final = 16
REQUEST_TIMEOUT_MS: Final = 5_000
READ_COMMITTED: Final = 1
LATEST: Final = -1
NOBODY: Final = -1

LOST: Final = (KafkaError, OSError, TimeoutError, RuntimeError)
"""What a question to Kafka raises where there is no answer. The last one is uvloop's, of a connection that
closed just before it is written to."""


class TopicShape(NamedTuple):
    """`leaders` are by partition, -1 where there is none."""

    topic_id: TopicId
    leaders: tuple[int, ...]


Shapes = Mapping[str, TopicShape | None]
"""By topic: None where it does not exist, absent where nobody can say at the moment."""


class Cluster:
    """Connects when it is asked for the first time; one caller at a time."""

    def __init__(self, bootstrap: str, security: Mapping[str, object], topics: Sequence[str]) -> None:
        self._bootstrap = bootstrap
        self._security = security
        self._topics = topics
        self._client: AIOKafkaClient | None = None

    async def shapes(self) -> Shapes:
        """Raises `TryAgainError` where nobody answers."""
        try:
            client = await self._connected()
            return dict(await client.send(client.get_random_node(), _ShapeRequest(self._topics)))
        except LOST as error:
            raise await self._gone(error) from error

    async def topic_ids(self) -> Mapping[str, TopicId]:
        """Of every topic; none at all where the brokers know of no ids. Raises `TryAgainError`."""
        try:
            shapes = await self.shapes()
        except TooOldError:
            return {}
        found = {topic: shape.topic_id for topic, shape in shapes.items() if shape is not None}
        for topic in self._topics:
            if topic not in found:
                raise TryAgainError(f"Kafka does not tell which topic {topic} is")
        return found

    async def ends(self, shapes: Shapes) -> Mapping[Place, int]:
        """The next offset that a reader gets; a partition without a leader is absent."""
        found: dict[Place, int] = {}
        try:
            client = await self._connected()
            for leader, asked in _by_leader(shapes).items():
                answer = await client.send(leader, OffsetRequest(-1, READ_COMMITTED, list(asked.items())))
                for topic, partitions in answer.topics:
                    for partition, code, _timestamp, offset in partitions:
                        if not code:
                            found[Place(topic, partition)] = offset
        except LOST as error:
            raise await self._gone(error) from error
        return found

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connected(self) -> AIOKafkaClient:
        if self._client is None:
            self._client = client = AIOKafkaClient(
                bootstrap_servers=self._bootstrap,
                client_id="profile-reconciler-watch",
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                **self._security,
            )
            client.set_topics(self._topics)
            async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
                await client.bootstrap()
        return self._client

    async def _gone(self, error: Exception) -> TryAgainError:
        await self.close()
        return TryAgainError(f"Kafka does not answer ({type(error).__name__})")


def _by_leader(shapes: Shapes) -> Mapping[int, Mapping[str, list[tuple[int, int]]]]:
    """For each broker, by topic, its partitions and which offset of them is asked for."""
    asked: dict[int, dict[str, list[tuple[int, int]]]] = {}
    for topic, shape in shapes.items():
        for partition, leader in enumerate(shape.leaders if shape is not None else ()):
            if leader != NOBODY:
                asked.setdefault(leader, {}).setdefault(topic, []).append((partition, LATEST))
    return asked


class _TopicIdBytes:
    """The protocol's UUID, as aiokafka's types are used."""

    @staticmethod
    def encode(value: bytes) -> bytes:
        return value

    @staticmethod
    def decode(data: BytesIO) -> bytes:
        return data.read(TOPIC_ID_BYTES)


_ASKED: Final = Schema(
    (
        "topics",
        CompactArray(("topic_id", _TopicIdBytes), ("name", CompactString("utf-8")), ("tags", TaggedFields)),
    ),
    ("allow_auto_topic_creation", Boolean),
    ("cluster_authorized_operations", Boolean),
    ("topic_authorized_operations", Boolean),
    ("tags", TaggedFields),
)
_TOLD: Final = Schema(
    ("throttle_time_ms", Int32),
    (
        "brokers",
        CompactArray(
            ("node_id", Int32),
            ("host", CompactString("utf-8")),
            ("port", Int32),
            ("rack", CompactString("utf-8")),
            ("tags", TaggedFields),
        ),
    ),
    ("cluster_id", CompactString("utf-8")),
    ("controller_id", Int32),
    (
        "topics",
        CompactArray(
            ("error_code", Int16),
            ("name", CompactString("utf-8")),
            ("topic_id", _TopicIdBytes),
            ("is_internal", Boolean),
            (
                "partitions",
                CompactArray(
                    ("error_code", Int16),
                    ("partition", Int32),
                    ("leader", Int32),
                    ("leader_epoch", Int32),
                    ("replicas", CompactArray(Int32)),
                    ("in_sync", CompactArray(Int32)),
                    ("offline", CompactArray(Int32)),
                    ("tags", TaggedFields),
                ),
            ),
            ("authorized_operations", Int32),
            ("tags", TaggedFields),
        ),
    ),
    ("cluster_authorized_operations", Int32),
    ("tags", TaggedFields),
)


def _text(topic_id: bytes) -> TopicId:
    return TopicId(base64.urlsafe_b64encode(topic_id).decode().rstrip("="))


class TooOldError(TryAgainError):
    """The brokers know of no topic ids."""


class _Shapes:
    """The answer, as aiokafka's responses are used."""

    @staticmethod
    def decode(data: BytesIO) -> Shapes:
        found: dict[str, TopicShape | None] = {}
        for code, name, topic_id, _, partitions, *_ in _TOLD.decode(data)[4]:
            if code == UnknownTopicOrPartitionError.errno:
                found[name] = None
            elif not code:
                leaders = {partition: leader for _, partition, leader, *_ in partitions}
                found[name] = TopicShape(
                    _text(topic_id), tuple(leaders[number] for number in sorted(leaders))
                )
        return found


class _ShapeRequest:
    """The question, as aiokafka's requests are used: it is a builder and its own struct."""

    API_KEY = METADATA_KEY
    API_VERSION = METADATA_VERSION
    RESPONSE_TYPE = _Shapes

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> "_ShapeRequest":
        least, most = versions.get(METADATA_KEY, (0, 0))
        if not least <= METADATA_VERSION <= most:
            raise TooOldError("the brokers are older than Kafka 2.8, and know of no topic ids")
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> RequestHeader_v2:
        return RequestHeader_v2(self, correlation_id=correlation_id, client_id=client_id)

    def encode(self) -> bytes:
        asked: Sequence[tuple[bytes, str, Mapping[int, bytes]]] = [
            (bytes(TOPIC_ID_BYTES), topic, {}) for topic in self._topics
        ]
        encoded: bytes = _ASKED.encode((asked, False, False, False, {}))
        return encoded

    def parse_response_header(self, data: BytesIO) -> ResponseHeader_v1:
        return ResponseHeader_v1.decode(data)
