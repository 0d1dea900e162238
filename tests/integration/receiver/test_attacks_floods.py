"""What nobody proved has a twentieth of the spool, to the byte, and little of the topic."""

from pathlib import Path

import apsw
import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.receiver.attack import STRANGER, Attack, attack, statuses
from tests.integration.receiver.served import Served
from tests.support.kafka import read_topic
from tests.unit.receiver.endpoint import callback, request

MIB = 1024 * 1024
BYTES_MAX = 4 * MIB
UNPROVEN_BYTES_MAX = BYTES_MAX / 20
ROUNDS = 30
WRONG = request(callback(password="guess", requestId="x" * 200), close=False)
NOISE = request(b"?" * 30_000, close=False)


def weighed(folder: Path) -> tuple[list[int], list[int]]:
    """The sizes of all records that the spool holds, those of unproven origin and the others."""
    sizes: tuple[list[int], list[int]] = ([], [])
    (file,) = folder.glob("spool-*.db")
    spool = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    for table in ("waiting", "dead"):
        for size_bytes, proven in spool.execute(f"select length(frame), proven from {table}"):
            sizes[proven].append(size_bytes)
    spool.close()
    return sizes


async def poured(attacker: Attack, *requests: bytes) -> list[int]:
    """Of one connection after the other, so that no answer is ever waited for by too many."""
    told: list[int] = []
    for _ in range(ROUNDS):
        told += statuses(await attacker.say(b"".join(requests) + request(b""), STRANGER))[:-1]
    return told


@pytest.mark.parametrize("order", [("refused", "unreadable"), ("unreadable", "refused")])
async def test_what_nobody_proved_fills_a_twentieth_of_the_spool_and_not_a_byte_more(
    served: Served, tmp_path: Path, order: tuple[str, str]
) -> None:
    folder = tmp_path / "spool"
    floods = {"refused": [WRONG] * 40, "unreadable": [NOISE] * 4}
    env = {
        "PROFILE_KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "RECEIVER_SPOOL_BYTES_MAX": str(BYTES_MAX),
        "RECEIVER_SPOOL_DIR": str(folder),
    }
    async with attack(await served.start(env)) as attacker:
        told = {name: await poured(attacker, *floods[name]) for name in order}
        honest = [await attacker.post(callback(requestId=f"honest-{number}")) for number in range(50)]
        assert set(honest) == {200}
        unproven, proven = weighed(folder)
        assert sum(unproven) <= UNPROVEN_BYTES_MAX < sum(unproven) + min(unproven)
        assert len(proven) == len(honest) + 1

        assert set(told["refused"]) == {403}
        assert set(told["unreadable"]) <= {200, 503}
        kept = told["unreadable"].count(200) + len(told["refused"])
        unkept = await attacker.count("receiver_unkept_quarantine_total")
        assert kept - unkept == len(unproven)
        assert await attacker.count("receiver_probable_loss_total") == told["unreadable"].count(503)
        assert unkept > 0


async def test_strangers_fill_eight_mebibytes_of_the_topic_and_then_are_only_counted(
    served: Served, stack: Stack, topics: Topics
) -> None:
    """While Kafka takes everything. What comes back meanwhile is a little more."""
    async with attack(await served.start()) as attacker:
        await attacker.until_sent()
        told = [*await poured(attacker, *[NOISE] * 20), *await poured(attacker, *[WRONG] * 40)]
        honest = [await attacker.post(callback(requestId=f"honest-{number}")) for number in range(50)]
        assert set(honest) == {200}
        assert await attacker.post(b"unreadable, from a listed source") == 200

        noted = await read_topic(stack.bootstrap, topics.quarantine)
        strangers = [record for record in noted if STRANGER.encode() in (record.value or b"")]
        assert len(noted) == len(strangers) + 1
        assert 7 * MIB < sum(len(record.value or b"") for record in strangers) < 9 * MIB
        assert set(told) == {200, 503, 403}
        unkept = await attacker.count("receiver_unkept_quarantine_total")
        assert len(told) - unkept == len(strangers)
        assert await attacker.count("receiver_probable_loss_total") == 0
