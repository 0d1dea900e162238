"""From the spool back to Kafka: the order, what is held back, what is set aside, when it is direct again."""

import asyncio

from receiver.drain import PAGE_WITHIN_S, REFUSALS_MAX
from receiver.lane import Batch
from tests.unit.receiver.doubles import PARTITIONS, FakeBroker, FakeSpool, Watched, in_virtual_time, later
from tests.unit.receiver.lanes import lane_over, numbers, numbers_of, record, turns

SOON = 10
"""Turns of the loop in which everything happens that needs no time."""


def come(broker: FakeBroker, *, up: bool = True) -> None:
    broker.up = up


def sent(broker: FakeBroker) -> list[int]:
    return [number for batches in broker.rounds for batch in batches for number in numbers(batch)]


def out(broker: FakeBroker) -> list[Batch]:
    return [batch for batches in broker.rounds for batch in batches if id(batch) in broker.backs]


@in_virtual_time
async def test_when_kafka_comes_the_spool_is_sent_in_order_and_emptied() -> None:
    broker, spool, watched = FakeBroker(up=False), FakeSpool(), Watched()
    lane = lane_over(broker, spool, watched=watched)
    for number in range(5):
        assert await lane.submit(record(number)) == "spool"
    come(broker)
    lane.broker_changed()
    await turns(SOON)
    assert sent(broker) == [0, 1, 2, 3, 4]
    assert len(spool.rows) == 5, "a row is removed when Kafka has it, not before"
    assert watched.modes == []
    broker.land_round()
    await turns(SOON)
    assert not spool.rows
    assert watched.modes == ["direct"]


@in_virtual_time
async def test_what_an_earlier_process_left_is_sent_before_anything_new() -> None:
    broker, spool = FakeBroker(), FakeSpool()
    spool.put(record(0))
    lane = lane_over(broker, spool)
    safe = lane.submit(record(1))
    await turns(SOON)
    assert sent(broker)[0] == 0
    assert safe.result() == "spool"
    for _ in range(4):
        for batch in out(broker):
            broker.land(batch)
        await turns(SOON)
    assert sent(broker) == [0, 1]
    assert lane.submit(record(2)) and not spool.rows


@in_virtual_time
async def test_near_the_end_new_records_wait_in_memory_until_the_last_row_is_in_kafka() -> None:
    """Or under load the spool would never be found empty."""
    broker, spool, watched = FakeBroker(), FakeSpool(), Watched()
    spool.put(record(0))
    lane = lane_over(broker, spool, watched=watched)
    await turns(SOON)
    lane.submit(record(1))
    await turns(SOON)
    broker.land_round()
    await turns(SOON)
    assert sent(broker) == [0, 1]
    waiting = lane.submit(record(2))
    await turns(SOON)
    assert not waiting.done()
    assert sent(broker) == [0, 1], "behind the last row"
    broker.land_round()
    await turns(SOON)
    assert sent(broker) == [0, 1, 2]
    broker.land_round()
    assert waiting.result() == "kafka"
    assert watched.modes == ["direct"]


@in_virtual_time
async def test_who_waits_for_the_last_rows_waits_no_longer_than_the_patience() -> None:
    broker, spool = FakeBroker(), FakeSpool()
    spool.put(record(0))
    lane = lane_over(broker, spool, patience_s=0.5)
    await turns(SOON)
    lane.submit(record(1))
    await turns(SOON)
    broker.land_round()
    await turns(SOON)
    began = asyncio.get_running_loop().time()
    assert await lane.submit(record(2)) == "spool"
    assert asyncio.get_running_loop().time() - began <= 0.51
    assert numbers_of(spool.kept) == [1, 2]
    broker.land_round()
    for number in range(3, 20):
        lane.submit(record(number))
        await turns(1)
    for _ in range(5):
        await turns(SOON)
        for batch in out(broker):
            broker.land(batch)
    assert sent(broker) == list(range(20))


@in_virtual_time
async def test_a_record_on_its_way_to_a_slow_disk_is_not_overtaken() -> None:
    broker, spool = FakeBroker(up=False), FakeSpool()
    lane = lane_over(broker, spool)
    spool.holding = True
    lane.submit(record(0))
    await turns(SOON)
    come(broker)
    lane.broker_changed()
    await turns(SOON)
    lane.submit(record(1))
    await turns(SOON)
    assert sent(broker) == []
    spool.release()
    for _ in range(5):
        await turns(SOON)
        for batch in out(broker):
            broker.land(batch)
    assert sent(broker) == [0, 1]


@in_virtual_time
async def test_a_partition_that_does_not_take_its_rows_holds_back_itself_alone() -> None:
    broker, spool, watched = FakeBroker(up=False), FakeSpool(), Watched()
    lane = lane_over(broker, spool, patience_s=0.5, watched=watched)
    for number in range(6):
        await lane.submit(record(number, partition=number % 3))
    come(broker)
    lane.broker_changed()
    await turns(SOON)
    for batch in out(broker):
        if batch.partition:
            broker.land(batch)
    await later(PAGE_WITHIN_S + 1)
    assert numbers_of(spool.kept) == [0, 3], "partition 0"
    assert watched.modes == ["direct"]
    behind, free = lane.submit(record(6)), lane.submit(record(7, partition=1))
    await turns(SOON)
    assert behind.result() == "spool", "it may not overtake"
    broker.land_round()
    assert free.result() == "kafka"
    broker.land(out(broker)[0])
    for _ in range(5):
        await turns(SOON)
        for batch in out(broker):
            broker.land(batch)
    await turns(SOON)
    assert not spool.rows
    assert [number for number in sent(broker) if number % 3 == 0] == [0, 3, 6]
    assert watched.modes == ["direct", "away", "direct"]


@in_virtual_time
async def test_rows_of_a_partition_that_is_gone_go_to_another() -> None:
    """The topic was made anew with fewer; what flew to the old one never comes back acknowledged."""
    broker, spool, watched = FakeBroker(up=False), FakeSpool(), Watched()
    lane = lane_over(broker, spool, patience_s=0.5, watched=watched)
    for number in range(4):
        await lane.submit(record(number, partition=number))
    come(broker)
    lane.broker_changed()
    await turns(SOON)
    for batch in out(broker):
        if batch.partition != PARTITIONS - 1:
            broker.land(batch)
    await later(PAGE_WITHIN_S + 1)
    assert (numbers_of(spool.kept), watched.modes) == ([3], ["direct"])
    broker.count = 1
    assert await lane.submit(record(4)) == "spool"
    broker.land(out(broker)[0], acknowledged=False)
    for _ in range(5):
        await later(1.5)
        for batch in out(broker):
            broker.land(batch)
    assert not spool.rows
    assert [(batch.partition, numbers(batch)) for batch in broker.rounds[-1]] == [(0, [3, 4])]
    assert watched.modes[-1] == "direct"


@in_virtual_time
async def test_a_record_that_kafka_refuses_is_found_and_set_aside_and_the_others_go_on() -> None:
    broker, spool, watched = FakeBroker(up=False), FakeSpool(), Watched()
    lane = lane_over(broker, spool, watched=watched)
    for number in range(5):
        await lane.submit(record(number))
    taken: list[int] = []
    for _ in range(REFUSALS_MAX + 2):
        come(broker)
        lane.broker_changed()
        await turns(SOON)
        while waiting := out(broker):
            refused = 3 in numbers(waiting[0])
            waiting[0].refusal = "MessageSizeTooLargeError" if refused else ""
            taken += [] if refused else numbers(waiting[0])
            broker.land(waiting[0], not refused)
            if refused:
                come(broker, up=False)
                lane.broker_changed()
            await turns(SOON)
    assert taken == [0, 1, 2, 4]
    assert not spool.rows
    assert list(spool.buried.values()) == ["MessageSizeTooLargeError"]
    assert watched.aside == list(spool.buried)
    assert watched.modes[-1] == "direct"


@in_virtual_time
async def test_kafka_that_goes_while_it_is_drained_loses_nothing_and_the_order_stays() -> None:
    broker, spool = FakeBroker(up=False), FakeSpool()
    lane = lane_over(broker, spool)
    for number in range(4):
        await lane.submit(record(number, size=50_000))
    come(broker)
    lane.broker_changed()
    await turns(SOON)
    broker.land_round()
    await turns(SOON)
    broker.land_round(acknowledged=False)
    come(broker, up=False)
    lane.broker_changed()
    await turns(SOON)
    come(broker)
    lane.broker_changed()
    await turns(SOON)
    broker.land_round()
    await turns(SOON)
    assert sent(broker) == [0, 1, 2, 3, 2, 3]
    assert not spool.rows


@in_virtual_time
async def test_a_spool_in_trouble_does_not_keep_from_kafka_and_is_drained_when_it_is_well() -> None:
    broker, spool, watched = FakeBroker(up=False), FakeSpool(), Watched()
    lane = lane_over(broker, spool, watched=watched)
    await lane.submit(record(0))
    spool.trouble = "io_error"
    assert await lane.submit(record(1)) == "nowhere"
    assert not lane.can_store()
    come(broker)
    lane.broker_changed()
    await turns(SOON)
    assert lane.can_store()
    safe = lane.submit(record(2))
    await turns(SOON)
    broker.land_round()
    assert safe.result() == "kafka"
    spool.trouble = None
    await later(1.5)
    broker.land_round()
    await turns(SOON)
    assert sent(broker) == [2, 0]
    assert not spool.rows


@in_virtual_time
async def test_a_full_spool_says_no_and_then_yes_again() -> None:
    broker, spool = FakeBroker(up=False), FakeSpool()
    lane = lane_over(broker, spool)
    spool.room = False
    assert await lane.submit(record(0)) == "nowhere"
    assert not lane.can_store()
    spool.room = True
    assert lane.can_store()
    assert await lane.submit(record(1)) == "spool"


@in_virtual_time
async def test_stop_gives_the_rest_to_the_spool_and_waits_for_its_disk() -> None:
    broker, spool = FakeBroker(), FakeSpool()
    lane = lane_over(broker, spool)
    flying = lane.submit(record(0))
    await turns()
    spool.holding = True
    stopping = asyncio.ensure_future(lane.stop(0.1))
    await later(0.5)
    assert not stopping.done()
    spool.release()
    await stopping
    assert flying.result() == "spool"


@in_virtual_time
async def test_a_waiter_that_left_frees_its_room() -> None:
    broker = FakeBroker()
    lane = lane_over(broker, bytes_max=2000)
    lane.submit(record(0, size=900)).cancel()
    await turns()
    broker.land_round()
    assert not lane.submit(record(1, size=900)).done()


@in_virtual_time
async def test_who_was_held_back_and_has_landed_since_takes_no_detour() -> None:
    broker, spool = FakeBroker(up=False), FakeSpool()
    lane = lane_over(broker, spool, patience_s=0.5)
    assert await lane.submit(record(0)) == "spool"
    come(broker)
    lane.broker_changed()
    await later(1)
    assert await lane.submit(record(1, partition=1)) == "spool"
    await later(PAGE_WITHIN_S)
    for _ in range(3):
        for batch in out(broker):
            broker.land(batch)
        await later(1)
    assert not spool.rows
    lane.submit(record(2))
    await turns(SOON)
    assert sent(broker) == [0, 1, 2]
