"""The page for machines answers while the process waits for its database."""

import socket

import pytest
from aiohttp import ClientSession

from reconciler.ops import OpsError, ops_server


async def fetch(address: tuple[str, int], path: str) -> tuple[int, str]:
    async with (
        ClientSession() as client,
        client.get(f"http://{address[0]}:{address[1]}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def test_alive_ready_and_metrics() -> None:
    async with ops_server(
        "127.0.0.1", 0, waiting_for=lambda: None, exposition=lambda: b"reconciler_fenced_total 0\n"
    ) as address:
        assert await fetch(address, "/livez") == (200, "alive\n")
        assert await fetch(address, "/readyz") == (200, "ready\n")
        assert await fetch(address, "/metrics") == (200, "reconciler_fenced_total 0\n")


async def test_what_it_waits_for_is_said_and_it_stays_alive() -> None:
    async with ops_server(
        "127.0.0.1", 0, waiting_for=lambda: "PostgreSQL does not answer", exposition=lambda: b""
    ) as address:
        assert await fetch(address, "/readyz") == (503, "not ready: PostgreSQL does not answer\n")
        assert (await fetch(address, "/livez"))[0] == 200


async def test_what_people_should_know_is_said_beside_ready() -> None:
    async with ops_server(
        "127.0.0.1", 0, waiting_for=lambda: None, exposition=lambda: b"", remarks=lambda: ["look here"]
    ) as address:
        assert await fetch(address, "/readyz") == (200, "ready\nlook here\n")


async def test_an_address_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OpsError, match=r"RECONCILER_OPS_LISTEN: 127\.0\.0\.1:"):
            async with ops_server(
                "127.0.0.1", taken.getsockname()[1], waiting_for=lambda: None, exposition=lambda: b""
            ):
                raise AssertionError("it must not listen")
