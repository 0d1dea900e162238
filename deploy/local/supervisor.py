"""Starting, stopping and finding the processes of one home.

A service keeps its ports for life once it has answered on them. Before that a clash costs nothing: its data
folder is made anew with other ports.
"""

import signal
import time
from collections.abc import Callable, Sequence
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
    ports_needed: int
    stop_signal: signal.Signals
    stop_patience_s: float

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

    def ensure(self, service: Service) -> bool:
        """Returns when the service does its work; True when it had to be started for that."""
        member = self.state().member(service.name)
        pid = self.pid(service)
        if pid is not None and member is not None:
            self._await(service, member, pid)
            return False
        if member is not None and member.started:
            self._start_again(service, member)
        else:
            self._end_orphan(service)
            self._start_first(service)
        return True

    def stop(self, service: Service) -> bool:
        """True when there was something of ours to stop."""
        pid = self.pid(service)
        if pid is not None:
            self._say(f"{service.name}: stopping process {pid}")
            if not stop(pid, service.mark, by=service.stop_signal, patience_s=service.stop_patience_s):
                self._say(
                    f"{service.name}: did not stop within {service.stop_patience_s:.0f} s and was killed"
                )
        elif self._home.read_pid(service.name) is not None:
            self._say(f"{service.name}: its pid file names no process of this stack; left that alone")
        self._forget(service)
        return pid is not None

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
        """One whose home was removed under it: it still bears our mark, and works on files that are gone."""
        pid = self.pid(service)
        if pid is not None:
            self._say(f"{service.name}: process {pid} outlived its data; stopping it")
            stop(pid, service.mark, by=service.stop_signal, patience_s=service.stop_patience_s)

    def _start_again(self, service: Service, member: Member) -> None:
        self._wait_for_ports(service, member.ports)
        if not service.has_data():
            self._say(f"{service.name}: its data is gone; making a new data folder")
            service.prepare(member.ports)
        self._say(f"{service.name}: was not running; starting it again on {HOST}:{member.ports[0]}")
        end = time.monotonic() + PASSING_S
        while not self._runs(service, member, until=end):
            time.sleep(LOOK_EVERY_S)

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

    def _runs(self, service: Service, member: Member, *, until: float) -> bool:
        """False when it ended for a reason that will pass, and it is not yet `until` (monotonic time)."""
        try:
            self._run(service, member)
        except StackError:
            if time.monotonic() > until or not service.will_pass(service.complaint()):
                raise
            return False
        return True

    def _start_first(self, service: Service) -> None:
        for last in [False] * (FIRST_STARTS_MAX - 1) + [True]:
            ports = free_ports(service.ports_needed)
            member = Member(name=service.name, ports=ports)
            self._remember(member)
            service.prepare(ports)
            self._say(f"{service.name}: starting on {HOST}:{ports[0]}")
            try:
                self._run(service, member)
            except StackError:
                if last or all(is_free(port) for port in ports):
                    raise
                self._say(f"{service.name}: somebody else was faster on a port; trying others")
            else:
                return

    def _run(self, service: Service, member: Member) -> None:
        began = time.monotonic()
        self._await(service, member, service.launch(member.ports))
        self._say(f"{service.name}: answers after {time.monotonic() - began:.1f} s")

    def _await(self, service: Service, member: Member, pid: int) -> None:
        self._remember(member.model_copy(update={"pid": pid}))
        self._wait(service, pid, member.ports)
        self._remember(member.model_copy(update={"pid": pid, "started": True}))

    def _wait(self, service: Service, pid: int, ports: Sequence[int]) -> None:
        end = time.monotonic() + START_WITHIN_S
        log = self._home.log(service.name)
        while not service.ready(ports) or not bears(pid, service.mark):
            if not bears(pid, service.mark):
                raise StackError(f"{service.name} ended: {service.complaint()}. More in {log}.")
            if time.monotonic() > end:
                raise StackError(f"{service.name} does not answer after {START_WITHIN_S:.0f} s; see {log}.")
            time.sleep(LOOK_EVERY_S)

    def _remember(self, member: Member) -> None:
        self._home.write(self.state().with_member(member))
        self._home.write_pid(member.name, member.pid)

    def _forget(self, service: Service) -> None:
        self._home.write_pid(service.name, None)
        state = self._home.read()
        member = state.member(service.name) if state else None
        if member is not None:
            self._remember(member.model_copy(update={"pid": None}))
