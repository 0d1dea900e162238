"""A receiver as a process, on the stack's Kafka and topics of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.receiver.served import Served
from tests.support.program import Programs


@pytest.fixture
def served(stack: Stack, topics: Topics, tmp_path: Path) -> Iterator[Served]:
    """Nothing is started yet; what is, ends with the test."""
    programs = Programs(
        {"PROFILE_KAFKA_BOOTSTRAP": stack.bootstrap, "PROFILE_TOPIC_PREFIX": topics.prefix}, tmp_path
    )
    try:
        yield Served(programs, tmp_path)
    finally:
        programs.close()
