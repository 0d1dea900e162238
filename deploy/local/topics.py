"""The product's topics on the stack, made as `profile-reconciler topics create` makes them."""

from deploy.local.apart import apart
from deploy.local.faults import StackError
from reconciler.kafka_admin import ClusterError
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
