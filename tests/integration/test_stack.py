"""`profile-stack` as a user meets it: a home of its own, in a folder that is root's alone and has a space."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.local.process import bears
from deploy.local.stack import Stack
from tests.support.kafka import read_topic
from tests.support.polling import eventually

COMMAND = Path(sys.executable).parent / "profile-stack"


def profile_stack(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, arguments[0], "--home", home, *arguments[1:]],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def report(home: Path, *arguments: str) -> dict[str, dict[str, object]]:
    done = profile_stack(*arguments, "--json", home=home)
    shown: dict[str, dict[str, object]] = json.loads(done.stdout)
    return shown


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    closed = Path(tempfile.mkdtemp(prefix="profile-stack-home-"))
    folder = closed / "a home"
    try:
        assert profile_stack("up", home=folder).returncode == 0
        yield folder
    finally:
        profile_stack("down", "--erase", home=folder)
        shutil.rmtree(closed)


@pytest.fixture
def running(home: Path) -> Path:
    """The home with everything running, whatever the test before has left."""
    assert profile_stack("up", home=home).returncode == 0
    return home


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_up_a_second_time_says_what_runs_and_starts_nothing(running: Path) -> None:
    before = {name: (running / f"{name}.pid").read_text() for name in ("kafka", "postgres")}
    done = profile_stack("up", home=running)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("ran already") == 2
    assert before == {name: (running / f"{name}.pid").read_text() for name in before}


def sourced(env_file: Path) -> dict[str, str]:
    """What a shell makes of it."""
    shown = subprocess.run(
        ["/bin/sh", "-c", '. "$1" && env', "sh", env_file], capture_output=True, text=True, check=True, env={}
    )
    return dict(line.split("=", 1) for line in shown.stdout.splitlines())


async def test_the_env_file_is_shell_and_leads_to_both_services(running: Path) -> None:
    settings = sourced(running / "env")
    assert settings["PROFILE_POSTGRES_DSN"].startswith("postgresql://profile_writer@127.0.0.1:")
    assert settings["AUDIT_POSTGRES_DSN"].startswith("postgresql://profile_auditor@127.0.0.1:")
    connection = await asyncpg.connect(settings["MIGRATE_POSTGRES_DSN"], timeout=10)
    assert await connection.fetchval("select current_database()") == "profile_ledger"
    assert await connection.fetchval("show fsync") == "on"
    await connection.close()
    consumer = AIOKafkaConsumer(bootstrap_servers=settings["PROFILE_KAFKA_BOOTSTRAP"])
    await consumer.start()
    try:
        assert {"profile.events.v1", "profile.state.v1"} <= await consumer.topics()
    finally:
        await consumer.stop()


async def test_a_killed_broker_comes_back_on_its_port_with_all_it_acknowledged(running: Path) -> None:
    stack = Stack(running)
    before = stack.bootstrap
    async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap, acks="all") as producer:
        for number in range(50):
            await producer.send_and_wait("profile.requests.v1", b"%d" % number, key=b"%d" % number)
        os.kill(int((running / "kafka.pid").read_text()), signal.SIGKILL)
    after = await asyncio.to_thread(report, running, "up")
    assert (after["kafka"]["address"], after["kafka"]["started"]) == (before, True)
    assert after["postgres"]["started"] is False
    values = {record.value for record in await read_topic(before, "profile.requests.v1")}
    assert values >= {b"%d" % number for number in range(50)}


def test_a_killed_database_comes_back_on_its_port(running: Path) -> None:
    before = report(running, "status")["postgres"]
    os.kill(int((running / "postgres.pid").read_text()), signal.SIGKILL)
    assert report(running, "status")["postgres"]["state"] == "stopped"
    after = report(running, "up")["postgres"]
    assert after["address"] == before["address"]
    assert after["pid"] != before["pid"]


def leave_stale_pid(home: Path, stranger: subprocess.Popen[bytes]) -> None:
    """PostgreSQL dead, its process id taken over by somebody else: what a crash of the machine may leave."""
    Stack(home).kill("postgres")
    (home / "postgres.pid").write_text(f"{stranger.pid}\n")
    remembered = json.loads((home / "state.json").read_text())
    for member in remembered["members"]:
        if member["name"] == "postgres":
            member["pid"] = stranger.pid
    (home / "state.json").write_text(json.dumps(remembered))


def test_up_sees_through_a_stale_pid_file(running: Path, stranger: subprocess.Popen[bytes]) -> None:
    leave_stale_pid(running, stranger)
    assert report(running, "status")["postgres"]["state"] == "stopped"
    assert report(running, "up")["postgres"]["started"] is True
    assert stranger.poll() is None


def test_a_process_is_found_again_without_its_pid_file(running: Path) -> None:
    pid = int((running / "postgres.pid").read_text())
    (running / "postgres.pid").unlink()
    assert report(running, "up")["postgres"]["pid"] == pid
    assert int((running / "postgres.pid").read_text()) == pid


def test_a_taken_port_is_said_in_a_sentence(running: Path) -> None:
    stack = Stack(running)
    port = int(stack.dsn().rpartition(":")[2].partition("/")[0])
    stack.stop("postgres")
    with socket.create_server(("127.0.0.1", port)):
        done = profile_stack("up", home=running)
    assert done.returncode == 1
    assert f"Port {port}, which postgres of this stack keeps, is taken" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_frozen_broker_goes_on_where_it_stood(running: Path) -> None:
    stack = Stack(running)
    async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap, acks="all") as producer:
        await producer.send_and_wait("profile.requests.v1", b"before")
        with stack.frozen("kafka"):
            sending = await producer.send("profile.requests.v1", b"while frozen")
            assert not sending.done()
        await sending

    async def arrived() -> bool:
        records = await read_topic(stack.bootstrap, "profile.requests.v1")
        return b"while frozen" in {record.value for record in records}

    assert await eventually(arrived)


def test_logs_shows_the_end_of_one_log(running: Path) -> None:
    done = profile_stack("logs", "postgres", "--lines", "3", home=running)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == f"==> {running / 'logs' / 'postgres.log'} <=="
    assert len(done.stdout.splitlines()) == 4


def test_down_stops_what_is_ours_and_leaves_a_stranger_alone(
    running: Path, stranger: subprocess.Popen[bytes]
) -> None:
    broker = int((running / "kafka.pid").read_text())
    leave_stale_pid(running, stranger)
    done = profile_stack("down", home=running)
    assert (done.returncode, done.stdout) == (0, "stopped kafka\n")
    assert "names no process of this stack" in done.stderr
    assert stranger.poll() is None
    assert not bears(broker, str(running))
    assert not list(running.glob("*.pid"))
    assert profile_stack("status", home=running).returncode == 1
    again = profile_stack("down", home=running)
    assert (again.returncode, again.stdout) == (0, "nothing ran\n")


def test_erase_leaves_what_others_put_into_the_home(tmp_path: Path) -> None:
    (tmp_path / "kafka" / "broker-1").mkdir(parents=True)
    (tmp_path / "logs").mkdir()
    others = [tmp_path / "notes.txt", tmp_path / "logs" / "mine.log", tmp_path / "kafka" / "mine.txt"]
    for path in others:
        path.write_text("mine")
    assert profile_stack("down", "--erase", home=tmp_path).returncode == 0
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(others)
    assert not (tmp_path / "kafka" / "broker-1").exists()


@pytest.mark.parametrize("command", ["up", "status", "down", "logs"])
def test_a_home_that_cannot_be_one_is_misuse(tmp_path: Path, command: str) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    done = profile_stack(command, home=file)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(file) in done.stderr
