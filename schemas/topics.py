"""The topics of interfaces.md 4: their names, and the settings that our promises need."""

from dataclasses import dataclass
from typing import Final

_DAY_MS: Final = 24 * 60 * 60 * 1000
MESSAGE_BYTES_MAX: Final = 1_048_588
"""Kafka's own default: a callback of the largest accepted body fits with room to spare."""


class Topics:
    """The names of our topics, with the prefix."""

    __slots__ = ("anchors", "events", "operations", "prefix", "quarantine", "requests", "state")

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.events = f"{prefix}profile.events.v1"
        self.requests = f"{prefix}profile.requests.v1"
        self.quarantine = f"{prefix}profile.quarantine.v1"
        self.operations = f"{prefix}profile.operations.v1"
        self.state = f"{prefix}profile.state.v1"
        self.anchors = f"{prefix}profile.anchors.v1"

    def __repr__(self) -> str:
        return f"Topics({self.prefix!r})"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic must be like. Retention is in milliseconds; -1 keeps for ever."""

    name: str
    """Without the prefix."""
    cleanup_policy: str
    retention_ms: int
    partitions: int = 12
    replication: int = 3
    min_insync_replicas: int = 2
    unclean_leader_election: bool = False
    message_bytes_max: int = MESSAGE_BYTES_MAX

    def config(self) -> dict[str, str]:
        """The topic's settings by Kafka's names; size limits (`retention.bytes`) stay off."""
        return {
            "cleanup.policy": self.cleanup_policy,
            "retention.ms": str(self.retention_ms),
            "retention.bytes": "-1",
            "min.insync.replicas": str(self.min_insync_replicas),
            "unclean.leader.election.enable": str(self.unclean_leader_election).lower(),
            "max.message.bytes": str(self.message_bytes_max),
        }


TOPIC_SPECS: Final = (
    TopicSpec("profile.events.v1", "delete", 30 * _DAY_MS),
    TopicSpec("profile.requests.v1", "delete", 30 * _DAY_MS),
    TopicSpec("profile.quarantine.v1", "delete", 90 * _DAY_MS),
    TopicSpec("profile.operations.v1", "delete", 30 * _DAY_MS),
    TopicSpec("profile.state.v1", "compact", -1),
    TopicSpec("profile.anchors.v1", "delete", -1),
)
