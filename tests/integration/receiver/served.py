"""Starting `profile-receiver serve` and speaking to it."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.support.polling import eventually
from tests.support.program import Program, Programs
from tests.unit.receiver.endpoint import FLEET, PASSWORD, PATH, callback


@dataclass
class Running:
    """A started receiver and where it listens."""

    program: Program
    url: str
    ops_url: str

    async def post(self, body: bytes = callback(), *, trusting: ssl.SSLContext | None = None) -> int:
        async with aiohttp.ClientSession() as session:
            return await post(session, self.url + PATH, body, trusting=trusting)

    def logged(self, event: str) -> list[dict[str, object]]:
        return logged(self.program, event)

    async def until_ready(self) -> None:
        await self.program.ready(self.ops_url + "/readyz")


class Served:
    def __init__(self, programs: Programs, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.accounts = folder / "accounts.toml"
        self.write_accounts(PASSWORD)

    def write_accounts(self, password: str) -> None:
        self.accounts.write_text(
            f'[[account]]\nname = "{FLEET}"\nusername = "fleet"\npassword = "{password}"\n'
        )

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        return {
            "RECEIVER_ACCOUNTS_FILE": str(self.accounts),
            "RECEIVER_LISTEN": "127.0.0.1:0",
            "RECEIVER_OPS_LISTEN": "127.0.0.1:0",
            "RECEIVER_ALLOW": "127.0.0.1",
            **(env or {}),
        }

    async def start(self, env: Mapping[str, str] | None = None) -> Running:
        """Returns when it listens, which is before it is ready."""
        program = await self.programs.start("profile-receiver", "serve", env=self.environment(env))
        await eventually(lambda: logged(program, "ops_listening"))
        scheme = "https" if env and "RECEIVER_TLS_CERT" in env else "http"
        return Running(
            program,
            f"{scheme}://{logged(program, 'listening')[0]['address']}",
            f"http://{logged(program, 'ops_listening')[0]['address']}",
        )


async def post(
    session: aiohttp.ClientSession, url: str, body: bytes, *, trusting: ssl.SSLContext | None = None
) -> int:
    async with session.post(url, data=body, ssl=trusting or True) as answer:
        await answer.read()
        return answer.status


def logged(program: Program, event: str) -> list[dict[str, object]]:
    """Whole lines only; the last one may still be on its way."""
    lines = [json.loads(line) for line in program.stderr().splitlines(keepends=True) if line.endswith("}\n")]
    return [line for line in lines if line["event"] == event]
