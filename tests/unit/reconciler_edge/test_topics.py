"""What `topics check` finds: each setting that endangers a promise, and nothing where all is well."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from reconciler.kafka.admin import PartitionFacts, TopicFacts
from reconciler.topics import broker_findings, topic_findings
from schemas.topics import TOPIC_SPECS, TopicSpec

EVENTS = TOPIC_SPECS[0]
HEALTHY = tuple(PartitionFacts(number, leader=1, replicas=3, in_sync=3) for number in range(12))


def facts_of(spec: TopicSpec, **settings: str) -> TopicFacts:
    named = {name.replace("_", "."): value for name, value in settings.items()}
    return TopicFacts("p." + spec.name, HEALTHY, spec.config() | named)


def found(spec: TopicSpec, facts: TopicFacts | None) -> Mapping[str, str]:
    return {finding.setting: finding.found for finding in topic_findings(spec, "p.", facts)}


@pytest.mark.parametrize("spec", TOPIC_SPECS, ids=lambda spec: spec.name)
def test_a_topic_made_as_specified_is_fine(spec: TopicSpec) -> None:
    assert found(spec, facts_of(spec)) == {}


def test_settings_that_are_safer_than_needed_are_fine() -> None:
    safer = facts_of(EVENTS, retention_ms="-1", max_message_bytes="9000000")
    assert found(EVENTS, safer) == {}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("min.insync.replicas", "1"),
        ("unclean.leader.election.enable", "true"),
        ("cleanup.policy", "compact"),
        ("retention.ms", "604800000"),
        ("retention.bytes", "1073741824"),
        ("max.message.bytes", "65536"),
    ],
)
def test_each_dangerous_setting_is_named_with_its_value(setting: str, value: str) -> None:
    facts = replace(facts_of(EVENTS), settings=EVENTS.config() | {setting: value})
    assert found(EVENTS, facts) == {setting: value}


def test_a_topic_kept_for_ever_may_not_be_kept_for_a_while_only() -> None:
    anchors = next(spec for spec in TOPIC_SPECS if spec.name == "profile.anchors.v1")
    assert "retention.ms" in found(anchors, facts_of(anchors, retention_ms="7776000000"))


def test_too_few_copies_of_one_partition_are_found() -> None:
    partitions = (*HEALTHY[:-1], PartitionFacts(11, leader=1, replicas=2, in_sync=2))
    assert found(EVENTS, replace(facts_of(EVENTS), partitions=partitions)) == {"replication": "2"}


def test_partitions_that_take_no_records_now_are_named() -> None:
    partitions = (*HEALTHY[:-1], PartitionFacts(11, leader=2, replicas=3, in_sync=1))
    (finding,) = topic_findings(EVENTS, "p.", replace(facts_of(EVENTS), partitions=partitions))
    assert finding.setting == "in-sync replicas"
    assert "partition 11 " in finding.danger


def test_a_missing_topic_is_one_finding() -> None:
    assert found(EVENTS, None) == {"topic": "missing"}


def test_topics_made_by_a_slip_of_the_pen_are_a_danger_of_the_broker() -> None:
    assert [f.setting for f in broker_findings({"auto.create.topics.enable": "true"})] == [
        "auto.create.topics.enable"
    ]
    assert list(broker_findings({"auto.create.topics.enable": "false"})) == []
