"""The receiver without Kafka and with a disk that cannot: 503 and never 200, and by itself again 200."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.receiver.served import Running, Served
from tests.integration.receiver.test_spooling import (
    first_seen,
    killed_kafka,
    numbered,
    send,
    until_drained,
)
from tests.integration.spool.test_disk import IS_ROOT, empty, fill, run, tmpfs
from tests.support.polling import eventually
from tests.support.program import http_status
from tests.unit.receiver.endpoint import PATH

MIB = 1024 * 1024
AWAY = {"PROFILE_KAFKA_BOOTSTRAP": "127.0.0.1:9"}
TRIES_MAX = 20_000
FILLING = "x" * 30_000


async def told(at: Running, number: int, **members: object) -> int:
    """The status; whoever is sent away is told when to come again."""
    body = numbered(0, number, **members)
    async with aiohttp.ClientSession() as session, session.post(at.url + PATH, data=body) as answer:
        assert ("Retry-After" in answer.headers) == (answer.status == 503)
        return answer.status


async def until_refused(at: Running, taken: list[int]) -> None:
    """One after the other; those that were taken are added."""
    for number in range(TRIES_MAX):
        status = await told(at, number, filling=FILLING)
        if status == 503:
            return
        assert status == 200
        taken.append(number)
    raise AssertionError("there was room for everything")


async def until_taken(at: Running, number: int) -> None:
    async def is_taken() -> bool:
        return await told(at, number) == 200

    await eventually(is_taken, within_s=30)


async def test_a_full_spool_is_503_until_kafka_has_taken_what_waits(
    served: Served, stack: Stack, topics: Topics
) -> None:
    taken: list[int] = []
    async with killed_kafka(stack):
        at = await served.start({"RECEIVER_SPOOL_BYTES_MAX": str(MIB)})
        await at.until_ready()
        await until_refused(at, taken)
        assert len(taken) > 20
        assert await told(at, TRIES_MAX, filling=FILLING) == 503
        assert at.logged("spool_unavailable") == [], "it is not the disk's fault"
    await until_taken(at, TRIES_MAX + 1)
    await until_drained(served)
    await eventually(lambda: at.logged("lane_turned")[-1]["mode"] == "direct")
    assert await told(at, TRIES_MAX + 2) == 200
    assert await first_seen(stack, topics) == {"0": [*taken, TRIES_MAX + 1, TRIES_MAX + 2]}


@pytest.mark.skipif(not IS_ROOT, reason="only root can mount a disk; the spool's own tests simulate one")
class TestOnADiskOfItsOwn:
    async def test_a_full_disk_is_503_until_there_is_room_and_keeps_what_it_took(
        self, served: Served, stack: Stack, topics: Topics, tmp_path: Path
    ) -> None:
        disk, taken = tmp_path / "disk", list[int]()
        folder = {"RECEIVER_SPOOL_DIR": str(disk / "spool")}
        with tmpfs(disk, 24 * MIB), ended(served):
            at = await served.start(AWAY | folder)
            await at.until_ready()
            fill(disk / "of somebody else", 12 * MIB)
            await until_refused(at, taken)
            assert at.logged("spool_unavailable")[-1]["reason"] == "disk_full"
            assert await told(at, TRIES_MAX) == 503
            assert await http_status(at.ops_url + "/readyz") == 503
            empty(disk / "of somebody else")
            await until_taken(at, TRIES_MAX + 1)
            await eventually(lambda: at.logged("spool_recovered"))
            assert await at.program.stop() == 0
            again = await served.start(folder)
            await again.until_ready()
            await eventually(lambda: has_turned_direct(again), within_s=30)
            assert await first_seen(stack, topics) == {"0": [*taken, TRIES_MAX + 1]}

    async def test_a_read_only_disk_is_503_from_the_start_until_it_can_be_written(
        self, served: Served, tmp_path: Path
    ) -> None:
        disk = tmp_path / "disk"
        with tmpfs(disk, 24 * MIB), ended(served):
            (disk / "spool").mkdir()
            run("mount", "-o", "remount,ro", str(disk))
            at = await served.start(AWAY | {"RECEIVER_SPOOL_DIR": str(disk / "spool")})
            assert await told(at, 0) == 503
            assert await http_status(at.ops_url + "/readyz") == 503
            assert at.logged("spool_unavailable")[-1]["reason"] == "read_only"
            run("mount", "-o", "remount,rw", str(disk))
            await until_taken(at, 1)
            assert await http_status(at.ops_url + "/readyz") == 200

    async def test_while_kafka_answers_a_broken_disk_costs_nobody_anything(
        self, served: Served, stack: Stack, topics: Topics, tmp_path: Path
    ) -> None:
        disk = tmp_path / "disk"
        with tmpfs(disk, 24 * MIB), ended(served):
            (disk / "spool").mkdir()
            run("mount", "-o", "remount,ro", str(disk))
            at = await served.start({"RECEIVER_SPOOL_DIR": str(disk / "spool")})
            await at.until_ready()
            assert await send(at, 0, range(50)) == [200] * 50
        assert await first_seen(stack, topics) == {"0": list(range(50))}


@contextmanager
def ended(served: Served) -> Iterator[None]:
    """Or the disk could not be taken away."""
    try:
        yield
    finally:
        served.programs.close()


def has_turned_direct(at: Running) -> bool:
    return any(line["mode"] == "direct" for line in at.logged("lane_turned"))


async def test_of_a_damaged_spool_all_that_is_readable_is_sent_and_the_rest_set_aside(
    served: Served, stack: Stack, topics: Topics, tmp_path: Path
) -> None:
    file = tmp_path / "var" / "spool" / "spool-000001.db"
    at = await served.start(AWAY)
    await at.until_ready()
    assert await send(at, 0, range(40)) == [200] * 40
    assert await at.program.stop() == 0
    content = bytearray(file.read_bytes())
    content[:8] = b"nonsense"
    spoilt = content.index(b'"request_id":"0-17"')
    content[spoilt : spoilt + 4] = b"\x00\xff\x00\xff"
    file.write_bytes(content)

    again = await served.start()
    await again.until_ready()
    (alarm,) = again.logged("spool_salvaged")
    assert (alarm["level"], alarm["records"]) == ("error", 39)
    assert (tmp_path / str(alarm["file"])).read_bytes() == bytes(content)
    await until_drained(served)
    assert await told(again, 40) == 200
    numbers = [number for number in range(41) if number != 17]
    assert await first_seen(stack, topics) == {"0": numbers}
