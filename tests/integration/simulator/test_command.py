"""The command as a process: one line on stdout, and an orderly end."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from tests.integration.simulator.caller import Caller, settings
from tests.simulator.__main__ import main
from tests.simulator.server.serve import Serving, running
from tests.support.polling import eventually
from tests.support.program import Programs


async def test_it_says_where_it_listens_and_ends_when_told(tmp_path: Path) -> None:
    with closing(Programs({}, tmp_path)) as programs:
        program = programs.launch("thingspace-simulator", "serve", "--config", "fleet-day", "--seed", "s")
        line = json.loads(await eventually(program.stdout))
        assert line.keys() == {"base_url", "control_url"}
        async with aiohttp.ClientSession() as session, session.get(line["control_url"]) as response:
            assert (await response.json())["requests"] == 0
        assert await program.stop() == 0
        assert not program.stderr()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[faults]\nlost = 2\n[times]\nwork_s = [2, 1]\n", ["faults.lost", "times.work_s"]),
        ("[faults]\nrain = 0.1\n", ["rain unknown"]),
        ("not toml", ["simulator.toml"]),
    ],
)
def test_a_configuration_that_cannot_be_is_told_fault_by_fault(
    text: str, named: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "simulator.toml"
    path.write_text(text)
    assert main(["serve", "--seed", "s", "--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert all(one in said for one in named)
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["serve", "--seed", "s", "--listen", address]) == 1
    assert "in use" in capsys.readouterr().err


async def test_it_ends_while_a_listener_does_not_answer() -> None:
    came = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with running(settings(), Serving()) as where, aiohttp.ClientSession() as session:
            caller = Caller(where, session)
            await caller.login()
            await caller.register(f"http://127.0.0.1:{port}/hook")
            await caller.accepted("enable")
            await came.wait()
