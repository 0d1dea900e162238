"""The Kafka adapter of `topics create` and `topics check`: what a cluster has, in our words.

Every aiokafka error leaves this module as `ClusterError`, whose text is fit for people: what happened, and
what to do. Nothing here decides; `reconciler.topics` does.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from reconciler.readable import ReadableError

REQUEST_TIMEOUT_MS = 15_000
VISIBLE_PAUSE_S = 0.05
VISIBLE_WITHIN_TRIES = 300


class ClusterError(ReadableError):
    """The cluster cannot be reached or refused; the text says what to do."""


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    partition: int
    leader: int  # -1 while there is none
    replicas: int
    in_sync: int


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """`settings` holds the effective values by Kafka's own names, defaults of the cluster included."""

    name: str
    partitions: tuple[PartitionFacts, ...]
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicToCreate:
    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]


class ClusterAdmin:
    """Borrowed from `cluster_admin`; one caller at a time."""

    def __init__(self, client: AIOKafkaAdminClient) -> None:
        self._client = client

    async def brokers(self) -> tuple[int, ...]:
        """Ids of the brokers that are alive now."""
        cluster = await self._client.describe_cluster()
        return tuple(sorted(broker["node_id"] for broker in cluster["brokers"]))

    async def broker_settings(self) -> Mapping[str, str]:
        """Of one broker, taken to stand for all: they are meant to be configured alike."""
        broker = (await self.brokers())[0]
        return (await self._settings(ConfigResourceType.BROKER, [str(broker)]))[str(broker)]

    async def topics(self, names: Sequence[str]) -> Mapping[str, TopicFacts]:
        """Those of `names` that exist; the others are absent from the answer, and not created by asking.

        Several brokers may answer, and one that has not heard of a topic yet makes it absent.
        """
        present = set(await self._client.list_topics()) & set(names)
        if not present:
            return {}
        settings = await self._settings(ConfigResourceType.TOPIC, sorted(present))
        described = await self._client.describe_topics(sorted(present))
        return {
            topic["topic"]: TopicFacts(
                name=topic["topic"],
                partitions=_partitions(topic["partitions"]),
                settings=settings[topic["topic"]],
            )
            for topic in described
            if topic["topic"] in settings and topic["partitions"]
        }

    async def create(self, topics: Sequence[TopicToCreate]) -> frozenset[str]:
        """Creates them, for `visible` to wait for; gives back the names that were there already."""
        requests = [
            NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=dict(topic.settings))
            for topic in topics
        ]
        answer = await self._client.create_topics(requests)
        present = set()
        for name, code, message, *_ in answer.topic_errors:
            if code == TopicAlreadyExistsError.errno:
                present.add(name)
            elif code:
                raise ClusterError(
                    f"Kafka refused to create {name}: {message or for_code(code).description}. Topics made "
                    "before it stay; put this right and run the command again."
                )
        return frozenset(present)

    async def visible(self, names: Sequence[str]) -> Mapping[str, TopicFacts]:
        """All of `names`, each with its leaders: brokers learn of a new topic a moment after it was made."""
        for _ in range(VISIBLE_WITHIN_TRIES):
            known = await self.topics(names)
            if len(known) == len(set(names)) and all(map(_is_led, known.values())):
                return known
            await asyncio.sleep(VISIBLE_PAUSE_S)
        raise TimeoutError("some topics have no leaders yet")

    async def _settings(
        self, kind: ConfigResourceType, names: Sequence[str]
    ) -> Mapping[str, Mapping[str, str]]:
        answers = await self._client.describe_configs([ConfigResource(kind, name) for name in names])
        found: dict[str, Mapping[str, str]] = {}
        for answer in answers:
            for code, message, _, name, entries in answer.resources:
                if code == UnknownTopicOrPartitionError.errno:
                    continue
                if code:
                    raise ClusterError(
                        f"Kafka does not show the settings of {name}: "
                        f"{message or for_code(code).description}. Give this client the right to describe "
                        "configurations."
                    )
                found[name] = {entry[0]: entry[1] or "" for entry in entries}
        return found


@asynccontextmanager
async def cluster_admin(bootstrap: str, options: Mapping[str, object]) -> AsyncIterator[ClusterAdmin]:
    """A connection for the length of the block; `options` are aiokafka's security arguments."""
    client = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS, **options
    )
    try:
        await client.start()
        yield ClusterAdmin(client)
    except (KafkaError, OSError, TimeoutError) as error:
        raise ClusterError(cluster_words(bootstrap, error)) from error
    finally:
        await client.close()


def cluster_words(bootstrap: str, error: Exception) -> str:
    """One of aiokafka's errors as a sentence for people."""
    return (
        f"Kafka at {bootstrap} cannot be used ({_cause(error)}). What was done before stays. Check that the "
        "brokers run and that PROFILE_KAFKA_BOOTSTRAP and the security settings PROFILE_KAFKA_… fit them, "
        "then run the command again."
    )


def _cause(error: Exception) -> str:
    if isinstance(error, KafkaConnectionError):
        return "no broker answers there"
    return str(error) or type(error).__name__


def _is_led(topic: TopicFacts) -> bool:
    return all(part.leader >= 0 for part in topic.partitions)


def _partitions(described: Sequence[Mapping[str, object]]) -> tuple[PartitionFacts, ...]:
    facts = [
        PartitionFacts(
            partition=_number(part["partition"]),
            leader=_number(part["leader"]),
            replicas=_length(part["replicas"]),
            in_sync=_length(part["isr"]),
        )
        for part in described
    ]
    return tuple(sorted(facts, key=lambda part: part.partition))


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _length(value: object) -> int:
    assert isinstance(value, list | tuple)
    return len(value)
