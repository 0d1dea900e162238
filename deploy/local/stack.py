"""The private stack of one home: a Kafka and a PostgreSQL of its own.

For tests as well as for the command. Every method blocks, and may be called from a thread that runs a loop; a
test that must keep its loop alive meanwhile wraps the call in `asyncio.to_thread`.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from deploy.local import java, kafka, postgres
from deploy.local.faults import StackError
from deploy.local.home import Home, State
from deploy.local.ports import HOST, answers
from deploy.local.supervisor import Service, Supervisor
from deploy.local.topics import make_topics

Name = Literal["kafka", "postgres"]
Condition = Literal["running", "silent", "stopped"]
NODE = 1

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Report:
    """`silent`: the process lives, its port does not answer. `started`: by this very call."""

    name: str
    condition: Condition
    address: str | None
    pid: int | None
    log: Path
    started: bool = False


class KafkaService:
    name = kafka.service(NODE)
    ports_needed = 2
    stop_signal = kafka.STOP_SIGNAL
    stop_patience_s = kafka.STOP_PATIENCE_S

    def __init__(self, home: Home, say: Say, *, quick: bool) -> None:
        self.mark = kafka.mark(home, NODE)
        self._home = home
        self._say = say
        self._quick = quick

    def has_data(self) -> bool:
        return kafka.has_data(self._home, NODE)

    def prepare(self, ports: Sequence[int]) -> None:
        kafka.configure(self._home, NODE, ports)
        kafka.format_data(self._home, NODE, self._cluster_id, *self._parts, self._say)

    def launch(self, ports: Sequence[int]) -> int:
        kafka.configure(self._home, NODE, ports)
        return kafka.start(self._home, NODE, *self._parts, quick=self._quick)

    @property
    def _cluster_id(self) -> str:
        state = self._home.read()
        assert state is not None
        return state.cluster_id

    @cached_property
    def _parts(self) -> tuple[Path, Path]:
        """Java and the folder of the jars; installed when first needed."""
        return java.java(self._say), java.kafka_jars(self._say)

    def ready(self, ports: Sequence[int]) -> bool:
        return kafka.ready(ports[0], self._cluster_id)

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


class Stack:
    """`quick`: start Kafka with the quick compiler alone; False for benchmarks."""

    def __init__(self, home: Path, *, say: Say = lambda _: None, quick: bool = True) -> None:
        self.home = Home(home)
        self._say = say
        self._supervisor = Supervisor(self.home, say)
        self._services: dict[Name, Service] = {
            "postgres": PostgresService(self.home, say),
            "kafka": KafkaService(self.home, say, quick=quick),
        }

    def up(self) -> tuple[Report, ...]:
        """Starts what does not run, on the ports it had before; fine to call at any time."""
        self.home.create()
        with self.home.locked(self._say):
            if self.home.read() is None:
                if self.home.has_data():
                    raise StackError(
                        f"{self.home} holds data but no state.json: `profile-stack down --erase` removes it."
                    )
                self.home.write(State(cluster_id=kafka.new_cluster_id()))
            started = {name for name, service in self._services.items() if self._supervisor.ensure(service)}
            if made := make_topics(self.bootstrap):
                self._say(f"kafka: made {made} topics")
            self.home.write_env(self.settings())
            return self._reports(started)

    def status(self) -> tuple[Report, ...]:
        self.home.expect()
        return self._reports(set())

    def down(self, *, erase: bool = False) -> tuple[str, ...]:
        """Stops what this home started, and nothing else; the names of what it stopped."""
        self.home.expect()
        with self.home.locked(self._say):
            services = reversed(self._services.values())
            stopped = tuple(service.name for service in services if self._supervisor.stop(service))
            if erase:
                self._say(f"erasing {self.home}")
                self.home.erase()
        return stopped

    def start(self, name: Name) -> None:
        """Returns when it answers again, on the port it had."""
        with self.home.locked(self._say):
            self._supervisor.ensure(self._services[name])

    def stop(self, name: Name) -> None:
        """An orderly stop."""
        with self.home.locked(self._say):
            self._supervisor.stop(self._services[name])

    def kill(self, name: Name) -> None:
        """`kill -9`: no goodbye, nothing flushed, pid file left behind. Returns when the process is gone."""
        service = self._services[name]
        self._supervisor.kill(service)

    @contextmanager
    def frozen(self, name: Name) -> Iterator[None]:
        """Within the block the process stands still (SIGSTOP): its port accepts, and nobody answers."""
        self._supervisor.send(self._services[name], signal.SIGSTOP)
        try:
            yield
        finally:
            self._supervisor.send(self._services[name], signal.SIGCONT)

    def pid(self, name: Name) -> int | None:
        return self._supervisor.pid(self._services[name])

    @property
    def bootstrap(self) -> str:
        """For `PROFILE_KAFKA_BOOTSTRAP`."""
        return f"{HOST}:{self._port('kafka')}"

    def dsn(self, role: str = postgres.SUPERUSER, database: str = postgres.DATABASE) -> str:
        """A libpq URL; loopback is trusted, so any role that exists will do."""
        return f"postgresql://{role}@{HOST}:{self._port('postgres')}/{database}"

    def settings(self) -> dict[str, str]:
        """What `DIR/env` holds."""
        return {
            "PROFILE_KAFKA_BOOTSTRAP": self.bootstrap,
            "PROFILE_POSTGRES_DSN": self.dsn("profile_writer"),
            "MIGRATE_POSTGRES_DSN": self.dsn(),
            "AUDIT_POSTGRES_DSN": self.dsn("profile_auditor"),
        }

    def _port(self, name: Name) -> int:
        member = self._supervisor.state().member(name)
        if member is None:
            raise StackError(f"{name} has not been started in {self.home} yet.")
        return member.ports[0]

    def _reports(self, started: set[Name]) -> tuple[Report, ...]:
        return tuple(self._report(name, name in started) for name in self._services)

    def _report(self, name: Name, started: bool) -> Report:
        state = self.home.read()
        member = state.member(name) if state else None
        pid = self.pid(name)
        condition: Condition = "stopped"
        if pid is not None:
            condition = "running" if member and answers(member.ports[0]) else "silent"
        return Report(
            name=name,
            condition=condition,
            address=f"{HOST}:{member.ports[0]}" if member else None,
            pid=pid,
            log=self.home.log(name),
            started=started,
        )
