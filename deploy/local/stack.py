"""The private stack of one home: a Kafka (one broker or several) and a PostgreSQL of its own.

For tests as well as for the command. Every method blocks, and may be called from a thread that runs a loop; a
test that must keep its loop alive meanwhile wraps the call in `asyncio.to_thread`.
"""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.local import kafka, postgres
from deploy.local.faults import MisuseError, StackError
from deploy.local.home import Home, State
from deploy.local.ports import HOST, answers
from deploy.local.services import KafkaService, PostgresService
from deploy.local.supervisor import Service, Supervisor
from deploy.local.topics import leader_of, make_topics

Part = Literal["kafka", "postgres"] | int
"""A number is a broker's; "kafka" is the first."""
Condition = Literal["running", "silent", "stopped"]

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


@dataclass(frozen=True, slots=True)
class Detour:
    """Ports by broker, the first broker's first: where a proxy has to listen, and where it leads."""

    advertised: tuple[int, ...]
    own: tuple[int, ...]


class Stack:
    """`quick`: start Kafka with the quick compiler alone; False for benchmarks.

    `brokers` and `detours` (see `deploy.local.kafka`) count when the home is new; None: as it is, or one.
    """

    def __init__(
        self,
        home: Path,
        *,
        brokers: int | None = None,
        detours: Mapping[str, Sequence[int]] | None = None,
        say: Say = lambda _: None,
        quick: bool = True,
    ) -> None:
        self.home = Home(home)
        self._brokers = brokers
        self._detours = {name: tuple(ports) for name, ports in (detours or {}).items()}
        self._say = say
        self._quick = quick
        self._supervisor = Supervisor(self.home, say)
        self._services: dict[str, Service] = {}

    def up(self) -> tuple[Report, ...]:
        """Starts what does not run, on the ports it had before; fine to call at any time."""
        self.home.create()
        with self.home.locked(self._say):
            self._settle_state()
            started = self._supervisor.ensure(self._service("postgres"))
            started |= self._supervisor.ensure(*(self._service(number) for number in self.brokers))
            if made := make_topics(self.bootstrap):
                self._say(f"kafka: made {made} topics")
            self.home.write_env(self.settings())
            return self._reports(started)

    def _settle_state(self) -> None:
        state = self.home.read()
        if state is None:
            if self.home.has_data():
                raise StackError(
                    f"{self.home} holds data but no state.json: `profile-stack down --erase` removes it."
                )
            state = State(
                cluster_id=kafka.new_cluster_id(), brokers=self._brokers or 1, detours=self._detours
            )
            self.home.write(state)
        if self._brokers not in (None, state.brokers):
            raise MisuseError(
                f"{self.home} was made with {state.brokers} of Kafka's brokers. That number stays: name "
                "another --home, or give this one up with `profile-stack down --erase`."
            )

    def status(self) -> tuple[Report, ...]:
        self.home.expect()
        return self._reports(frozenset())

    def down(self, *, erase: bool = False) -> tuple[str, ...]:
        """Stops what this home started, and nothing else; the names of what it stopped."""
        self.home.expect()
        with self.home.locked(self._say):
            stopped = self._supervisor.stop(*(self._service(number) for number in self.brokers))
            stopped += self._supervisor.stop(self._service("postgres"))
            if erase:
                self._say(f"erasing {self.home}")
                self.home.erase()
        return stopped

    def start(self, part: Part) -> None:
        """Returns when it answers again, on the port it had."""
        with self.home.locked(self._say):
            self._supervisor.ensure(self._service(part))

    def stop(self, part: Part) -> None:
        """An orderly stop."""
        with self.home.locked(self._say):
            self._supervisor.stop(self._service(part))

    def kill(self, part: Part) -> None:
        """`kill -9`: no goodbye, nothing flushed, pid file left behind. Returns when the process is gone."""
        self._supervisor.kill(self._service(part))

    @contextmanager
    def frozen(self, part: Part) -> Iterator[None]:
        """Within the block the process stands still (SIGSTOP): its port accepts, and nobody answers."""
        self.freeze(part)
        try:
            yield
        finally:
            self.thaw(part)

    def freeze(self, part: Part) -> None:
        """For those who cannot keep to a block; whoever freezes thaws."""
        self._supervisor.send(self._service(part), signal.SIGSTOP)

    def thaw(self, part: Part) -> None:
        self._supervisor.send(self._service(part), signal.SIGCONT)

    def pid(self, part: Part) -> int | None:
        return self._supervisor.pid(self._service(part))

    @property
    def brokers(self) -> tuple[int, ...]:
        """Their numbers, from 1."""
        state = self.home.read()
        return tuple(range(1, (state.brokers if state else 1) + 1))

    @property
    def parts(self) -> tuple[Part, ...]:
        return ("postgres", *self.brokers)

    @property
    def bootstrap(self) -> str:
        """For `PROFILE_KAFKA_BOOTSTRAP`."""
        return ",".join(f"{HOST}:{self._ports(number)[0]}" for number in self.brokers)

    def detour(self, name: str) -> Detour:
        """How the way to the brokers that has this name runs."""
        state = self._supervisor.state()
        place = kafka.OWN_PORTS + list(state.detours).index(name)
        own = [self._ports(number)[place] for number in self.brokers]
        return Detour(advertised=state.detours[name], own=tuple(own))

    def leader_of(self, topic: str, partition: int) -> int:
        """The number of the broker that leads the partition, -1 while none does."""
        return leader_of(self.bootstrap, topic, partition)

    def dsn(self, role: str = postgres.SUPERUSER, database: str = postgres.DATABASE) -> str:
        """A libpq URL; loopback is trusted, so any role that exists will do."""
        return f"postgresql://{role}@{HOST}:{self._ports('postgres')[0]}/{database}"

    def settings(self) -> dict[str, str]:
        """What `DIR/env` holds."""
        return {
            "PROFILE_KAFKA_BOOTSTRAP": self.bootstrap,
            "PROFILE_POSTGRES_DSN": self.dsn("profile_writer"),
            "MIGRATE_POSTGRES_DSN": self.dsn(),
            "AUDIT_POSTGRES_DSN": self.dsn("profile_auditor"),
            "DOWNSTREAM_POSTGRES_DSN": self.dsn("profile_downstream"),
        }

    def _service(self, part: Part) -> Service:
        number = 1 if part == "kafka" else part
        name = number if isinstance(number, str) else kafka.service(number)
        if name not in self._services:
            self._services[name] = (
                PostgresService(self.home, self._say)
                if isinstance(number, str)
                else KafkaService(self.home, number, self._say, quick=self._quick)
            )
        return self._services[name]

    def _ports(self, part: Part) -> tuple[int, ...]:
        name = self._service(part).name
        member = self._supervisor.state().member(name)
        if member is None:
            raise StackError(f"{name} has not been started in {self.home} yet.")
        return member.ports

    def _reports(self, started: frozenset[str]) -> tuple[Report, ...]:
        names = {part: self._service(part).name for part in self.parts}
        return tuple(self._report(part, name, name in started) for part, name in names.items())

    def _report(self, part: Part, name: str, started: bool) -> Report:
        state = self.home.read()
        member = state.member(name) if state else None
        pid = self.pid(part)
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
