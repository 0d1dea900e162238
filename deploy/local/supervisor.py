"""Starting, stopping and finding the processes of one home.

A service keeps its ports for life once it has answered on them. Before that a clash costs nothing: its data
folder is made anew with other ports. Services that cannot work without each other, as the brokers of one
cluster, are started together: all get their ports, then all are launched, and only then is waited.
"""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from deploy.local.faults import StackError
from deploy.local.home import Home, Member, State
from deploy.local.ports import HOST, free_ports, is_free
from deploy.local.process import KILL_WITHIN_S, bears, find, gone, send, stop

START_WITHIN_S = 90.0
LOOK_EVERY_S = 0.05
PASSING_S = 20.0
PORTS_FREE_WITHIN_S = 3.0
FIRST_STARTS_MAX = 5

Say = Callable[[str], None]


class Service(Protocol):
    """What differs between Kafka and PostgreSQL. `ports[0]` is where clients connect."""

    name: str
    mark: str
    stop_signal: signal.Signals
    stop_patience_s: float

    @property
    def ports_needed(self) -> int: ...

    def has_data(self) -> bool:
        """Whether its data folder was made."""

    def prepare(self, ports: Sequence[int]) -> None:
        """Makes the data folder, from nothing."""

    def launch(self, ports: Sequence[int]) -> int:
        """Starts it on the data that is there; its process id."""

    def ready(self, ports: Sequence[int]) -> bool:
        """Whether it does its work."""

    def complaint(self) -> str:
        """Why it ended, in its own words."""

    def will_pass(self, complaint: str) -> bool:
        """Whether this ends by itself soon, as when the children of a killed server are still going."""


@dataclass(frozen=True, slots=True)
class _Launch:
    service: Service
    at: float


class Supervisor:
    """Changes nothing unless its caller holds the home's lock."""

    def __init__(self, home: Home, say: Say) -> None:
        self._home = home
        self._say = say

    def state(self) -> State:
        state = self._home.read()
        if state is None:
            raise StackError(f"{self._home} has no state: run `profile-stack up` first.")
        return state

    def pid(self, service: Service) -> int | None:
        """The living process of this service and this home, whatever the pid file says."""
        state = self._home.read()
        member = state.member(service.name) if state else None
        for pid in (member.pid if member else None, self._home.read_pid(service.name)):
            if pid is not None and bears(pid, service.mark):
                return pid
        return find(service.mark)

    def ensure(self, *services: Service) -> frozenset[str]:
        """Returns when all do their work; the names of those that had to be started for that."""
        dead = [service for service in services if not self._runs_already(service)]
        if dead and not any(self._has_started(service) for service in services):
            self._start_first(services)
            return frozenset(service.name for service in services)
        launched = [self._launch_again(service) for service in dead]
        for service in services:
            if service not in dead:
                self._await(service)
        for launch in launched:
            self._await_again(launch)
        return frozenset(service.name for service in dead)

    def _runs_already(self, service: Service) -> bool:
        return self.pid(service) is not None and self.state().member(service.name) is not None

    def _has_started(self, service: Service) -> bool:
        member = self.state().member(service.name)
        return member is not None and member.started

    def stop(self, *services: Service) -> tuple[str, ...]:
        """All at once, for the last broker of a cluster would wait for the others; the names of what ran."""
        pids = {service.name: self.pid(service) for service in services}
        for service in services:
            pid = pids[service.name]
            if pid is not None:
                self._say(f"{service.name}: stopping process {pid}")
                send(pid, service.mark, service.stop_signal)
        for service in services:
            pid = pids[service.name]
            if pid is not None:
                self._await_end(service, pid)
            elif self._home.read_pid(service.name) is not None:
                self._say(f"{service.name}: its pid file names no process of this stack; left that alone")
            self._forget(service)
        return tuple(name for name, pid in pids.items() if pid is not None)

    def _await_end(self, service: Service, pid: int) -> None:
        if not stop(pid, service.mark, by=service.stop_signal, patience_s=service.stop_patience_s):
            self._say(f"{service.name}: did not stop within {service.stop_patience_s:.0f} s and was killed")

    def kill(self, service: Service) -> None:
        pid = self.send(service, signal.SIGKILL)
        if not gone(pid, service.mark, within_s=KILL_WITHIN_S):
            raise StackError(f"{service.name} (process {pid}) does not end, not even when killed.")

    def send(self, service: Service, number: signal.Signals) -> int:
        """The process id that got the signal."""
        pid = self.pid(service)
        if pid is None or not send(pid, service.mark, number):
            raise StackError(f"{service.name} does not run in {self._home}.")
        return pid

    def _end_orphan(self, service: Service) -> None:
        """One whose home was removed under it, or whose first start was interrupted: it bears our mark."""
        pid = self.pid(service)
        if pid is not None:
            self._say(f"{service.name}: process {pid} outlived its start; stopping it")
            stop(pid, service.mark, by=service.stop_signal, patience_s=service.stop_patience_s)

    def _launch_again(self, service: Service) -> _Launch:
        member = self._member(service)
        self._wait_for_ports(service, member.ports)
        if not service.has_data():
            self._say(f"{service.name}: its data is gone; making a new data folder")
            service.prepare(member.ports)
        self._say(f"{service.name}: was not running; starting it again on {HOST}:{member.ports[0]}")
        return self._launch(service)

    def _await_again(self, launch: _Launch) -> None:
        """Launches it once more where it ended for a reason that passes."""
        end = time.monotonic() + PASSING_S
        while not self._answers(launch, until=end):
            time.sleep(LOOK_EVERY_S)
            launch = self._launch(launch.service)

    def _answers(self, launch: _Launch, *, until: float) -> bool:
        """False when it ended for a reason that will pass, and it is not yet `until` (monotonic time)."""
        try:
            self._await_launched(launch)
        except StackError:
            if time.monotonic() > until or not launch.service.will_pass(launch.service.complaint()):
                raise
            return False
        return True

    def _wait_for_ports(self, service: Service, ports: Sequence[int]) -> None:
        """A killed process closes its ports a moment after it is gone."""
        end = time.monotonic() + PORTS_FREE_WITHIN_S
        while taken := [port for port in ports if not is_free(port)]:
            if time.monotonic() > end:
                raise StackError(
                    f"Port {taken[0]}, which {service.name} of this stack keeps, is taken by another "
                    "process. Free it, or give the stack up with `profile-stack down --erase`."
                )
            time.sleep(LOOK_EVERY_S)

    def _start_first(self, services: Sequence[Service]) -> None:
        for last in [False] * (FIRST_STARTS_MAX - 1) + [True]:
            for service in services:
                self._end_orphan(service)
            ports = self._choose_ports(services)
            for service in services:
                service.prepare(self._member(service).ports)
            try:
                for launch in [self._launch_first(service) for service in services]:
                    self._await_launched(launch)
            except StackError:
                if last or all(is_free(port) for port in ports if not self._is_ours(port, services)):
                    raise
                self._say(f"{services[0].name}: somebody else was faster on a port; trying others")
            else:
                return

    def _choose_ports(self, services: Sequence[Service]) -> Sequence[int]:
        """Remembers them for all before anything is prepared: brokers must know each other's."""
        ports = iter(chosen := free_ports(sum(service.ports_needed for service in services)))
        for service in services:
            own = tuple(next(ports) for _ in range(service.ports_needed))
            self._remember(Member(name=service.name, ports=own))
        return chosen

    def _is_ours(self, port: int, services: Sequence[Service]) -> bool:
        """Whether one of these, alive, was to have the port."""
        return any(
            port in self._member(service).ports and self.pid(service) is not None for service in services
        )

    def _launch_first(self, service: Service) -> _Launch:
        self._say(f"{service.name}: starting on {HOST}:{self._member(service).ports[0]}")
        return self._launch(service)

    def _launch(self, service: Service) -> _Launch:
        member = self._member(service)
        launch = _Launch(service, time.monotonic())
        self._remember(member.model_copy(update={"pid": service.launch(member.ports)}))
        return launch

    def _await_launched(self, launch: _Launch) -> None:
        self._await(launch.service)
        self._say(f"{launch.service.name}: answers after {time.monotonic() - launch.at:.1f} s")

    def _await(self, service: Service) -> None:
        pid = self.pid(service)
        if pid is None:
            raise StackError(self._ended(service))
        member = self._member(service).model_copy(update={"pid": pid})
        self._remember(member)
        self._wait(service, pid, member.ports)
        self._remember(member.model_copy(update={"started": True}))

    def _wait(self, service: Service, pid: int, ports: Sequence[int]) -> None:
        end = time.monotonic() + START_WITHIN_S
        while not service.ready(ports) or not bears(pid, service.mark):
            if not bears(pid, service.mark):
                raise StackError(self._ended(service))
            if time.monotonic() > end:
                raise StackError(
                    f"{service.name} does not answer after {START_WITHIN_S:.0f} s; see "
                    f"{self._home.log(service.name)}."
                )
            time.sleep(LOOK_EVERY_S)

    def _ended(self, service: Service) -> str:
        return f"{service.name} ended: {service.complaint()}. More in {self._home.log(service.name)}."

    def _member(self, service: Service) -> Member:
        member = self.state().member(service.name)
        assert member is not None, f"{service.name} has no ports yet"
        return member

    def _remember(self, member: Member) -> None:
        self._home.write(self.state().with_member(member))
        self._home.write_pid(member.name, member.pid)

    def _forget(self, service: Service) -> None:
        self._home.write_pid(service.name, None)
        state = self._home.read()
        member = state.member(service.name) if state else None
        if member is not None:
            self._remember(member.model_copy(update={"pid": None}))
