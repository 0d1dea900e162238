"""What the shared fixtures promise to every other test."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.process import bears, launch
from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.support import program
from tests.support.database import AUDITOR, WRITER, Database
from tests.support.kafka import read_topic
from tests.support.polling import eventually
from tests.support.private_stack import PREFIX, remove_orphans
from tests.support.program import Programs

SERVER = """#!{python}
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
print("listening", flush=True)
HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler).serve_forever()
"""
DEAF = """#!{python}
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
signal.pause()
"""


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands that stands in for the project's."""
    for name, text in (("server", SERVER), ("deaf", DEAF)):
        (tmp_path / name).write_text(text.format(python=sys.executable))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(program, "SCRIPTS", tmp_path)
    return tmp_path


async def test_a_database_is_migrated_and_its_roles_are_limited(database: Database) -> None:
    async with database.connect(WRITER) as writer:
        assert await writer.fetchval("select count(*) from ledger.event") == 0
    async with database.connect(AUDITOR) as auditor:
        assert await auditor.fetchval("select count(*) from audit.events") == 0
        assert await auditor.fetchval("show statement_timeout") != "0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await auditor.fetchval("select count(*) from ledger.event")


async def test_topics_exist_and_are_read_whole(stack: Stack, topics: Topics) -> None:
    assert await read_topic(stack.bootstrap, topics.events) == []
    async with AIOKafkaProducer(bootstrap_servers=stack.bootstrap) as producer:
        for number in range(30):
            await producer.send_and_wait(topics.events, b"%d" % number, key=b"%d" % number)
    records = await read_topic(stack.bootstrap, topics.events)
    assert sorted(int(record.value or b"") for record in records) == list(range(30))
    assert {record.partition for record in records} == {0, 1, 2}


async def test_a_program_is_ready_when_its_url_answers_and_ends_when_asked(
    programs: Programs, scripts: Path, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    server = await programs.start("server", str(unused_tcp_port), ready=url)
    assert server.stdout() == "listening\n"
    assert server.exit_code is None
    assert await server.stop() == -signal.SIGTERM


async def test_a_program_that_ends_before_it_is_ready_shows_its_stderr(
    programs: Programs, scripts: Path
) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ended with 1 .*IndexError"):
        await programs.start("server", ready="http://127.0.0.1:1/")


async def test_a_command_runs_with_the_tests_settings_alone(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, topics: Topics, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECEIVER_LISTEN", "somewhere else")
    monkeypatch.setattr(program, "SCRIPTS", Path("/usr/bin"))
    shown = (await programs.run("env")).stdout.splitlines()
    assert f"PROFILE_TOPIC_PREFIX={topics.prefix}" in shown
    assert not [line for line in shown if line.startswith("RECEIVER_LISTEN")]


async def test_a_program_that_does_not_listen_is_killed_at_the_end(tmp_path: Path, scripts: Path) -> None:
    programs = Programs({}, tmp_path)
    deaf = await programs.start("deaf")
    await eventually(lambda: deaf.stdout() == "deaf\n")
    programs.close(patience_s=0.1)
    assert deaf.exit_code == -signal.SIGKILL


async def test_eventually_fails_with_the_last_answer_or_the_last_assertion() -> None:
    with pytest.raises(AssertionError, match="the last answer was 0"):
        await eventually(lambda: 0, within_s=0.1)

    def not_yet() -> bool:
        raise AssertionError("three rows are missing")

    with pytest.raises(AssertionError, match="three rows are missing"):
        await eventually(not_yet, within_s=0.1)


async def test_eventually_gives_the_first_answer_that_counts() -> None:
    answers = iter([None, 0, "found"])

    async def ask() -> object:
        return next(answers)

    assert await eventually(ask) == "found"


def test_what_a_killed_run_left_is_taken_down() -> None:
    """A run is known by the process id in its folder's name: here one that has ended."""
    runner = subprocess.Popen(["/bin/true"])
    runner.wait(10)
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{runner.pid}-"))
    living = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    (home / "logs").mkdir()
    (home / "kafka" / "broker-1").mkdir(parents=True)
    mark = f"profile_stack.kafka={home}"
    pid = launch(
        [sys.executable, "-c", "import signal; signal.pause()", mark], log=home / "logs" / "x.log", cwd=home
    )
    assert bears(pid, mark)
    remove_orphans()
    assert not bears(pid, mark)
    assert not home.exists()
    assert living.exists()
    living.rmdir()
