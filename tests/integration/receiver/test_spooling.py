"""The receiver without its Kafka: answers, disk, restart, and everything on the topic in the end."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.integration.receiver.served import Running, Served, post
from tests.support.kafka import read_topic
from tests.support.polling import eventually
from tests.unit.receiver.endpoint import PATH, callback

DEVICES = 5


def numbered(sender: int, number: int, **members: object) -> bytes:
    """One device's callbacks come from one sender, one after the other."""
    eid = f"8904903200000000000000000000{sender:04}"
    return callback(requestId=f"{sender}-{number}", deviceIds=[{"kind": "eid", "id": eid}], **members)


async def send(at: Running, sender: int, numbers: Sequence[int]) -> list[int]:
    async with aiohttp.ClientSession() as session:
        return [await post(session, at.url + PATH, numbered(sender, number)) for number in numbers]


async def send_from_all(at: Running, numbers: Sequence[int]) -> set[int]:
    """The statuses."""
    answers = await asyncio.gather(*(send(at, sender, numbers) for sender in range(DEVICES)))
    return {status for statuses in answers for status in statuses}


async def first_seen(stack: Stack, topics: Topics) -> dict[str, list[int]]:
    """The numbers on the topic by sender, each where it stands first."""
    found: dict[str, list[int]] = {}
    for record in await read_topic(stack.bootstrap, topics.events):
        sender, number = json.loads(record.value or b"")["request_id"].split("-")
        if int(number) not in found.setdefault(sender, []):
            found[sender].append(int(number))
    return found


@asynccontextmanager
async def killed_kafka(stack: Stack) -> AsyncIterator[None]:
    await asyncio.to_thread(stack.kill, "kafka")
    try:
        yield
    finally:
        await asyncio.to_thread(stack.start, "kafka")


async def waiting(served: Served) -> dict[str, object]:
    """What `profile-receiver spool` tells, while the receiver runs or not."""
    ended = await served.programs.run("profile-receiver", "spool", "--json", env=served.environment())
    assert ended.exit_code == 0, ended.stderr
    told = ended.json()
    assert isinstance(told, dict)
    return told


async def until_drained(served: Served) -> None:
    async def is_empty() -> bool:
        return (await waiting(served))["records"] == 0

    await eventually(is_empty, within_s=30)


async def test_started_without_kafka_it_takes_all_and_hands_all_on_in_order(
    served: Served, stack: Stack, topics: Topics
) -> None:
    async with killed_kafka(stack):
        at = await served.start()
        await at.until_ready()
        assert await send_from_all(at, range(20)) == {200}
        told = await waiting(served)
        assert told["records"] == 20 * DEVICES
        assert told["dead"] == 0
        assert isinstance(told["bytes"], int)
        assert told["oldest_at"]
    await until_drained(served)
    assert await send_from_all(at, range(20, 23)) == {200}
    assert await first_seen(stack, topics) == {str(sender): list(range(23)) for sender in range(DEVICES)}
    assert len(await read_topic(stack.bootstrap, topics.events)) == 23 * DEVICES, "and each once"
    assert await at.program.stop() == 0


async def test_kafka_killed_under_load_costs_no_answer_and_no_order(
    served: Served, stack: Stack, topics: Topics
) -> None:
    at = await served.start()
    await at.until_ready()
    await eventually(lambda: at.logged("kafka_connected"))
    sending = asyncio.ensure_future(send_from_all(at, range(400)))
    async with killed_kafka(stack):
        assert await send_from_all(at, range(1000, 1020)) == {200}
    assert await sending == {200}
    await until_drained(served)
    found = await first_seen(stack, topics)
    for numbers in found.values():
        assert sorted(numbers) == [*range(400), *range(1000, 1020)]
        assert [number for number in numbers if number < 1000] == list(range(400))
    assert [line["mode"] for line in at.logged("lane_turned")][-1] == "direct"


async def test_killed_while_it_spools_it_has_forgotten_nothing(
    served: Served, stack: Stack, topics: Topics
) -> None:
    acknowledged: set[tuple[int, int]] = set()

    async def insist(at: Running, sender: int) -> None:
        """Until nobody answers."""
        async with aiohttp.ClientSession() as session:
            for number in range(100_000):
                try:
                    assert await post(session, at.url + PATH, numbered(sender, number)) == 200
                except (aiohttp.ClientError, OSError):
                    return
                acknowledged.add((sender, number))

    async with killed_kafka(stack):
        at = await served.start()
        await at.until_ready()
        insisting = [asyncio.ensure_future(insist(at, sender)) for sender in range(DEVICES)]
        await eventually(lambda: len(acknowledged) > 200)
        at.program.kill()
        await asyncio.gather(*insisting)
    again = await served.start()
    await again.until_ready()
    await until_drained(served)
    found = await first_seen(stack, topics)
    assert {(int(sender), number) for sender, numbers in found.items() for number in numbers} >= acknowledged
    assert all(numbers == sorted(numbers) for numbers in found.values())


async def test_what_kafka_refuses_is_set_aside_and_can_be_sent_again(
    served: Served, stack: Stack, topics: Topics
) -> None:
    await limit(stack, topics.events, 8_000)
    at = await served.start()
    await at.until_ready()
    giant = numbered(0, 1, filling="x" * 20_000)
    assert await at.post(numbered(0, 0)) == 200
    assert await at.post(giant) == 200
    assert await at.post(numbered(0, 2)) == 200
    await eventually(lambda: at.logged("record_set_aside"), within_s=30)
    await until_drained(served)
    assert await first_seen(stack, topics) == {"0": [0, 2]}

    async def dead(*arguments: str) -> tuple[int, list[dict[str, object]]]:
        ended = await served.programs.run(
            "profile-receiver", "spool", "dead", *arguments, "--json", env=served.environment()
        )
        found = [line for line in ended.ndjson() if isinstance(line, dict)]
        return ended.exit_code, found

    code, (row,) = await dead("list")
    assert (code, row["reason"], row["topic"]) == (0, "MessageSizeTooLargeError", topics.events)
    code, (shown,) = await dead("show", str(row["id"]))
    assert '"request_id":"0-1"' in str(shown["value"])
    assert (await dead("show", "4711"))[0] == 1
    await limit(stack, topics.events, 1_000_000)
    assert await dead("resend", "--all") == (0, [{"records": 1}])
    await until_drained(served)
    assert await first_seen(stack, topics) == {"0": [0, 2, 1]}
    assert await dead("drop", str(row["id"])) == (1, [{"records": 0}])


async def limit(stack: Stack, topic: str, record_bytes: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    try:
        change = ConfigResource(
            ConfigResourceType.TOPIC, topic, configs={"max.message.bytes": str(record_bytes)}
        )
        await admin.alter_configs([change])
    finally:
        await admin.close()


async def test_a_folder_that_another_receiver_has_is_one_message_and_exit_code_2(served: Served) -> None:
    await served.start()
    ended = await served.programs.run("profile-receiver", "serve", env=served.environment())
    assert ended.exit_code == 2
    assert "RECEIVER_SPOOL_DIR" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_spool_that_is_none_is_told(served: Served) -> None:
    ended = await served.programs.run("profile-receiver", "spool", env=served.environment())
    assert ended.exit_code == 2
    assert "RECEIVER_SPOOL_DIR" in ended.stderr


async def test_asked_to_stop_while_kafka_stands_still_it_ends_and_has_forgotten_nothing(
    served: Served, stack: Stack, topics: Topics
) -> None:
    """Batches are on their way that will not come back, and nobody waits for them."""
    at = await served.start()
    await at.until_ready()
    await eventually(lambda: at.logged("kafka_connected"))
    assert await send_from_all(at, range(3)) == {200}
    with stack.frozen("kafka"):
        assert await send_from_all(at, range(3, 10)) == {200}
        assert await at.program.stop() == 0
    again = await served.start()
    await again.until_ready()
    await until_drained(served)
    await eventually(lambda: [line["mode"] for line in again.logged("lane_turned")][-1:] == ["direct"])
    found = await first_seen(stack, topics)
    assert found == {str(sender): list(range(10)) for sender in range(DEVICES)}
