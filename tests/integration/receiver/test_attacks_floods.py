"""What nobody proved has a twentieth of the spool, to the byte; the rest is for honest callbacks."""

from pathlib import Path

import apsw
import pytest

from tests.integration.receiver.attack import STRANGER, Attack, attack, statuses
from tests.integration.receiver.served import Served
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
