"""What differs between the processes of a stack, as `deploy.local.supervisor` needs it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from deploy.local import java, kafka, postgres
from deploy.local.home import Home, State

Say = Callable[[str], None]


class KafkaService:
    """Broker `number` of as many as the home's state says."""

    stop_signal = kafka.STOP_SIGNAL
    stop_patience_s = kafka.STOP_PATIENCE_S

    def __init__(self, home: Home, number: int, say: Say, *, quick: bool) -> None:
        self.name = kafka.service(number)
        self.mark = kafka.mark(home, number)
        self._home = home
        self._number = number
        self._say = say
        self._quick = quick

    @property
    def ports_needed(self) -> int:
        return kafka.OWN_PORTS + len(self._state.detours)

    def has_data(self) -> bool:
        return kafka.has_data(self._home, self._number)

    def prepare(self, ports: Sequence[int]) -> None:
        self._configure(ports)
        kafka.format_data(self._home, self._number, self._cluster, *self._parts, self._say)

    def launch(self, ports: Sequence[int]) -> int:
        self._configure(ports)
        return kafka.start(self._home, self._number, *self._parts, quick=self._quick)

    def _configure(self, ports: Sequence[int]) -> None:
        detours = {
            name: (own, advertised[self._number - 1])
            for own, (name, advertised) in zip(
                ports[kafka.OWN_PORTS :], self._state.detours.items(), strict=True
            )
        }
        kafka.configure(self._home, self._number, ports, detours, self._cluster)

    @property
    def _state(self) -> State:
        state = self._home.read()
        assert state is not None
        return state

    @property
    def _cluster(self) -> kafka.Cluster:
        """Known once all brokers have their ports."""
        members = [self._state.member(kafka.service(number + 1)) for number in range(self._state.brokers)]
        return kafka.Cluster(
            self._state.cluster_id, tuple(member.ports[1] for member in members if member is not None)
        )

    @cached_property
    def _parts(self) -> tuple[Path, Path]:
        """Java and the folder of the jars; installed when first needed."""
        return java.java(self._say), java.kafka_jars(self._say)

    def ready(self, ports: Sequence[int]) -> bool:
        return kafka.ready(ports[0], self._number, self._state.cluster_id)

    def complaint(self) -> str:
        return kafka.complaint(self._home.log(self.name))

    def will_pass(self, complaint: str) -> bool:  # noqa: ARG002  none of Kafka's does
        return False


class PostgresService:
    name = postgres.SERVICE
    ports_needed = 1
    stop_signal = postgres.STOP_SIGNAL
    stop_patience_s = postgres.STOP_PATIENCE_S

    def __init__(self, home: Home, say: Say) -> None:
        self.mark = postgres.mark(home)
        self._home = home
        self._say = say

    def has_data(self) -> bool:
        return postgres.has_data(self._home)

    def prepare(self, ports: Sequence[int]) -> None:  # noqa: ARG002  its data knows no port
        postgres.initialise(self._home, postgres.find_installation(), self._say)

    def launch(self, ports: Sequence[int]) -> int:
        return postgres.start(self._home, postgres.find_installation(), ports[0], self._say)

    def ready(self, ports: Sequence[int]) -> bool:
        return postgres.ready(self._home, ports[0])

    def complaint(self) -> str:
        return postgres.complaint(self._home.log(self.name))

    def will_pass(self, complaint: str) -> bool:
        return "shared memory block" in complaint
