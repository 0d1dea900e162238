"""The topics on a cluster: making them, and judging whether their settings keep our promises.

What a topic must be like stands in `schemas.topics`; which setting endangers what, in `RULES` below. A
cluster with fewer brokers than the promise needs (one on a desk, two in a test) gets what it can carry, and
`topics check` goes on saying what is missing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.kafka.admin import TopicFacts, TopicToCreate, cluster_admin
from schemas.topics import TOPIC_SPECS, Topics, TopicSpec

Options = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class TopicReport:
    """`created` is False where the topic was there before: its settings are then left as they are."""

    topic: str
    created: bool
    partitions: int
    replication: int
    min_insync_replicas: int
    remark: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One setting that endangers a promise. `topic` is None where the broker itself is meant."""

    topic: str | None
    setting: str
    found: str
    needed: str
    danger: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`holds` gets the value found and the value that the topic's specification asks for."""

    setting: str
    holds: Callable[[str, str], bool]
    needed: str
    danger: str


def _equal(found: str, wanted: str) -> bool:
    return found == wanted


def _at_least(found: str, wanted: str) -> bool:
    return int(found) >= int(wanted)


def _keeps(found: str, wanted: str) -> bool:
    """-1 keeps for ever."""
    return int(found) == -1 or (int(wanted) != -1 and int(found) >= int(wanted))


RULES = (
    Rule(
        "min.insync.replicas",
        _at_least,
        "at least {}",
        "a record that was acknowledged, and its callback answered 200, is lost with one broker",
    ),
    Rule(
        "unclean.leader.election.enable",
        _equal,
        "{}",
        "a replica that lags may become leader and cut off acknowledged records",
    ),
    Rule("cleanup.policy", _equal, "{}", "records vanish, or stay, against what their readers count on"),
    Rule(
        "retention.ms",
        _keeps,
        "at least {} (-1: for ever)",
        "records may be deleted before everyone has read them",
    ),
    Rule(
        "retention.bytes",
        _keeps,
        "{} (no limit)",
        "a burst pushes out records that nobody has read yet",
    ),
    Rule(
        "max.message.bytes",
        _at_least,
        "at least {}",
        "a large callback can never be stored in Kafka and ends in the receiver's dead table",
    ),
)


async def create_topics(
    bootstrap: str,
    topics: Topics,
    *,
    partitions: int | None = None,
    replication: int | None = None,
    options: Options | None = None,
) -> list[TopicReport]:
    """Creates those that are missing, with what the cluster can carry; leaves the others alone.

    `options` are aiokafka's security arguments. Raises `ClusterError`.
    """
    async with cluster_admin(bootstrap, options or {}) as admin:
        brokers = len(await admin.brokers())
        wanted = [_to_create(spec, topics.prefix, brokers, partitions, replication) for spec in TOPIC_SPECS]
        before = await admin.topics([topic.name for topic in wanted])
        missing = [topic for topic in wanted if topic.name not in before]
        present = await admin.create(missing) if missing else frozenset()
        after = await admin.visible([topic.name for topic in wanted]) if missing else before
    made = {topic.name for topic in missing} - present
    return [
        _report(after[topics.prefix + spec.name], spec, topics.prefix + spec.name in made)
        for spec in TOPIC_SPECS
    ]


def _to_create(
    spec: TopicSpec, prefix: str, brokers: int, partitions: int | None, replication: int | None
) -> TopicToCreate:
    copies = min(replication or spec.replication, brokers)
    settings = spec.config() | {"min.insync.replicas": str(min(spec.min_insync_replicas, copies))}
    return TopicToCreate(prefix + spec.name, partitions or spec.partitions, copies, settings)


def _report(facts: TopicFacts, spec: TopicSpec, created: bool) -> TopicReport:
    copies = min(part.replicas for part in facts.partitions)
    few = copies < spec.replication
    return TopicReport(
        topic=facts.name,
        created=created,
        partitions=len(facts.partitions),
        replication=copies,
        min_insync_replicas=int(facts.settings["min.insync.replicas"]),
        remark=f"{_copies(copies)} instead of {spec.replication}: fit for trying out only" if few else None,
    )


def _copies(number: int) -> str:
    return "1 copy" if number == 1 else f"{number} copies"


async def check_topics(bootstrap: str, topics: Topics, *, options: Options | None = None) -> list[Finding]:
    """Every setting that endangers a promise, topic by topic. Raises `ClusterError`."""
    async with cluster_admin(bootstrap, options or {}) as admin:
        broker = await admin.broker_settings()
        facts = await admin.topics([topics.prefix + spec.name for spec in TOPIC_SPECS])
    found = [
        finding
        for spec in TOPIC_SPECS
        for finding in topic_findings(spec, topics.prefix, facts.get(topics.prefix + spec.name))
    ]
    return [*found, *broker_findings(broker)]


def topic_findings(spec: TopicSpec, prefix: str, facts: TopicFacts | None) -> Iterator[Finding]:
    """`facts` is None where the topic does not exist."""
    name = prefix + spec.name
    if facts is None:
        yield Finding(name, "topic", "missing", "created", "nothing can be stored in it: run `topics create`")
        return
    yield from _replication(spec, facts)
    for rule in RULES:
        found, wanted = facts.settings[rule.setting], spec.config()[rule.setting]
        if not rule.holds(found, wanted):
            yield Finding(name, rule.setting, found, rule.needed.format(wanted), rule.danger)
    yield from _in_sync(facts)


def _replication(spec: TopicSpec, facts: TopicFacts) -> Iterator[Finding]:
    copies = min(part.replicas for part in facts.partitions)
    if copies < spec.replication:
        yield Finding(
            facts.name,
            "replication",
            str(copies),
            f"at least {spec.replication}",
            "one broken disk loses acknowledged callbacks, or one stopped broker stops all writing",
        )


def _in_sync(facts: TopicFacts) -> Iterator[Finding]:
    needed = int(facts.settings["min.insync.replicas"])
    short = [part for part in facts.partitions if part.leader < 0 or part.in_sync < needed]
    if short:
        yield Finding(
            facts.name,
            "in-sync replicas",
            _numbers([part.in_sync for part in short]),
            f"at least {needed} (min.insync.replicas)",
            f"partition {_numbers([part.partition for part in short])} takes no records now",
        )


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def broker_findings(settings: Mapping[str, str]) -> Iterator[Finding]:
    if settings.get("auto.create.topics.enable") == "true":
        yield Finding(
            None,
            "auto.create.topics.enable",
            "true",
            "false",
            "a mistyped PROFILE_TOPIC_PREFIX makes topics of its own, with one copy, and nobody reads them",
        )
