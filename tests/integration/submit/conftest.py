"""The simulator's API as a process, and settings that lead `submit` to it."""

import asyncio
import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from tests.support.polling import eventually
from tests.support.program import Programs

ACCOUNT = "1223334444-00001"


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulator that runs; `env` leads the product to it."""

    base_url: str
    control_url: str
    env: Mapping[str, str]

    async def control(self, path: str, body: Mapping[str, object] | None = None) -> Mapping[str, object]:
        return await asyncio.to_thread(_asked, f"{self.control_url}/{path}", body)

    async def times(self) -> dict[tuple[str, str], int]:
        """How often each action of each EID was accepted."""
        log = await self.control("log")
        accepted = cast(Sequence[Mapping[str, object]], log["accepted"])
        return {(str(ask["action"]), str(ask["eid"])): cast(int, ask["times"]) for ask in accepted}


def _asked(url: str, body: Mapping[str, object] | None) -> Mapping[str, object]:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data=data, timeout=10) as answer:
        found: Mapping[str, object] = json.load(answer)
        return found


@pytest.fixture
async def simulated(programs: Programs, tmp_path: Path) -> Simulated:
    program = programs.launch(
        "thingspace-simulator", "serve", "--listen", "127.0.0.1:0", "--clock-scale", "20"
    )
    line = await eventually(lambda: program.stdout().strip(), within_s=30)
    urls = json.loads(line)
    (tmp_path / "client").write_text("client-secret")
    (tmp_path / "password").write_text("password")
    accounts = tmp_path / "thingspace.toml"
    accounts.write_text(
        f"""
        [[account]]
        name = "{ACCOUNT}"
        client_id = "client"
        client_secret_file = "client"
        username = "user"
        password_file = "password"
        callback_url = "http://127.0.0.1:9/v1/callbacks/{{account}}/{{service}}"
        callback_url_may_be_http = true
        smsr_oid = "1.3.6.1.4.1"
        requests_per_minute = 6000
        """
    )
    env = {"THINGSPACE_BASE_URL": urls["base_url"], "THINGSPACE_ACCOUNTS_FILE": str(accounts)}
    programs.environment.update(env)
    return Simulated(urls["base_url"], urls["control_url"], env)


def csv_of(path: Path, eids: Sequence[str], *actions: str) -> Path:
    rows = [f"{ACCOUNT},{eid},8914800000084{eid[-7:]},{action}" for eid in eids for action in actions]
    path.write_text("\n".join(["account,eid,iccid,action", *rows]) + "\n")
    return path


def eids(start: int, count: int) -> list[str]:
    return [f"8904903200000000000000000{number:07d}" for number in range(start, start + count)]
