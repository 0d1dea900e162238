"""The product's topics on the stack: made as `profile-reconciler topics create` does, and who leads them."""

from deploy.local.apart import apart
from deploy.local.faults import StackError
from reconciler.kafka.admin import ClusterError, PartitionFacts, cluster_admin
from reconciler.topics import create_topics
from schemas.topics import Topics


def make_topics(bootstrap: str, *, prefix: str = "", partitions: int | None = None) -> int:
    """Makes those that are missing, with as many partitions as specified unless told; how many it made.

    Returns when all have leaders.
    """
    try:
        reports = apart(create_topics(bootstrap, Topics(prefix), partitions=partitions))
    except ClusterError as error:
        raise StackError(str(error)) from error
    return sum(report.created for report in reports)


def leader_of(bootstrap: str, topic: str, partition: int) -> int:
    """The id of the broker that leads the partition, -1 while none does."""
    return partitions_of(bootstrap, topic)[partition].leader


def partitions_of(bootstrap: str, topic: str) -> tuple[PartitionFacts, ...]:
    """By number; StackError where the cluster does not answer or has no such topic."""
    try:
        found = apart(_partitions_of(bootstrap, topic))
    except ClusterError as error:
        raise StackError(str(error)) from error
    if not found:
        raise StackError(f"Kafka at {bootstrap} has no topic {topic}.")
    return found


async def _partitions_of(bootstrap: str, topic: str) -> tuple[PartitionFacts, ...]:
    async with cluster_admin(bootstrap, {}) as admin:
        known = await admin.topics([topic])
    return known[topic].partitions if topic in known else ()
