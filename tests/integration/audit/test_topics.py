"""Topics on a real Kafka: made once, left alone afterwards, and judged as they are."""

import json
import uuid
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.local.apart import apart
from deploy.local.stack import Stack
from reconciler.kafka.admin import ClusterError
from reconciler.topics import check_topics, create_topics
from schemas.topics import TOPIC_SPECS, Topics
from tests.integration.audit.conftest import Ledger
from tests.support.kafka import delete_topics
from tests.support.polling import eventually
from tests.support.typed import Typist

NOBODY = "127.0.0.1:1"


@pytest.fixture
def free(stack: Stack) -> Iterator[Topics]:
    """Names that no topic has yet."""
    names = Topics(f"t{uuid.uuid4().hex[:10]}.")
    yield names
    apart(delete_topics(stack.bootstrap, [names.prefix + spec.name for spec in TOPIC_SPECS]))


async def test_a_cluster_of_one_broker_gets_what_it_can_carry_and_is_told(stack: Stack, free: Topics) -> None:
    first = await create_topics(stack.bootstrap, free, partitions=2)
    assert {report.topic for report in first} == {free.prefix + spec.name for spec in TOPIC_SPECS}
    for report in first:
        assert (report.created, report.partitions, report.replication) == (True, 2, 1)
        assert report.remark is not None
        assert "1 copy instead of 3" in report.remark
    second = await create_topics(stack.bootstrap, free)
    assert [(report.created, report.partitions) for report in second] == [(False, 2)] * len(second)


async def test_the_check_names_what_the_cluster_lacks_and_nothing_else(stack: Stack, free: Topics) -> None:
    await create_topics(stack.bootstrap, free, partitions=1)
    found = await check_topics(stack.bootstrap, free)
    assert {finding.setting for finding in found} == {"replication", "min.insync.replicas"}
    assert {finding.topic for finding in found} == {free.prefix + spec.name for spec in TOPIC_SPECS}


async def test_the_check_names_what_somebody_changed(stack: Stack, free: Topics) -> None:
    await create_topics(stack.bootstrap, free, partitions=1)
    changed = {"retention.ms": "3600000", "retention.bytes": "1000000", "max.message.bytes": "1000"}
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, free.events, changed)])
    finally:
        await admin.close()
    told: dict[str, str] = {}

    async def all_named() -> bool:
        """A broker may hear of a change a moment after it was accepted."""
        found = await check_topics(stack.bootstrap, free)
        told.update({finding.setting: finding.found for finding in found if finding.topic == free.events})
        return told.items() >= changed.items()

    await eventually(all_named)


async def test_missing_topics_are_found_and_not_made_by_looking(stack: Stack, free: Topics) -> None:
    for _ in range(2):
        found = await check_topics(stack.bootstrap, free)
        assert [finding.found for finding in found] == ["missing"] * len(TOPIC_SPECS)


async def test_no_broker_is_one_sentence(free: Topics) -> None:
    with pytest.raises(
        ClusterError, match=r"Kafka at 127\.0\.0\.1:1 cannot be used \(no broker answers there\)"
    ):
        await create_topics(NOBODY, free)


async def test_the_commands_print_a_line_or_a_document(ledger: Ledger, typist: Typist) -> None:
    environment, topics = ledger.programs.environment, ledger.topics
    created = await typist.type("profile-reconciler", "topics", "create", "--json", environment=environment)
    assert created.exit_code == 0
    reports = json.loads(created.stdout)["topics"]
    assert all(report["created"] is False for report in reports)
    checked = await typist.type("profile-reconciler", "topics", "check", "--json", environment=environment)
    assert checked.exit_code == 1
    assert json.loads(checked.stdout)["ok"] is False
    readable = await typist.type("profile-reconciler", "topics", "check", environment=environment)
    assert f"{topics.events}: replication is 1, needed is at least 3" in readable.stdout
