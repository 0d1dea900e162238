"""The lane against a broker and a spool that do as the test says."""

import asyncio

import pytest

from receiver.lane import BATCH_BYTES_MAX
from tests.unit.receiver.doubles import FakeBroker, FakeSpool, Watched, in_virtual_time, later
from tests.unit.receiver.lanes import lane_over, numbers, numbers_of, record, turns


@in_virtual_time
async def test_what_arrives_together_travels_together_one_batch_a_partition() -> None:
    broker, watched = FakeBroker(), Watched()
    lane = lane_over(broker, watched=watched)
    safe = [lane.submit(record(number, partition=number % 2)) for number in range(6)]
    await turns()
    (batches,) = broker.rounds
    assert [(batch.partition, numbers(batch)) for batch in batches] == [(0, [0, 2, 4]), (1, [1, 3, 5])]
    assert not any(each.done() for each in safe)
    broker.land_round()
    assert [each.result() for each in safe] == ["kafka"] * 6
    assert watched.counts == {"kafka": 6}


@in_virtual_time
async def test_a_second_batch_waits_for_the_first_of_its_partition_and_of_its_leader() -> None:
    broker = FakeBroker()
    lane = lane_over(broker)
    lane.submit(record(0))
    await turns()
    lane.submit(record(1))
    lane.submit(record(2, partition=1))
    await turns()
    assert len(broker.rounds) == 1
    broker.land_round()
    await turns()
    assert [numbers(batch) for batch in broker.rounds[1]] == [[1], [2]]


@in_virtual_time
async def test_another_leader_does_not_wait() -> None:
    broker = FakeBroker(leaders={1: 2})
    lane = lane_over(broker)
    lane.submit(record(0))
    await turns()
    lane.submit(record(1, partition=1))
    await turns()
    assert [[numbers(batch) for batch in sent] for sent in broker.rounds] == [[[0]], [[1]]]


@in_virtual_time
async def test_a_partition_in_trouble_does_not_hold_the_others_of_its_leader() -> None:
    broker = FakeBroker()
    lane = lane_over(broker)
    lane.submit(record(0))
    lane.submit(record(1, partition=1))
    await turns()
    broker.land(broker.rounds[0][1])
    safe = lane.submit(record(2, partition=1))
    lane.submit(record(3))
    await turns()
    assert [numbers(batch) for batch in broker.rounds[1]] == [[2]]
    broker.land_round()
    assert safe.result() == "kafka"


@in_virtual_time
async def test_a_batch_is_cut_by_bytes_and_a_giant_goes_alone() -> None:
    broker = FakeBroker()
    lane = lane_over(broker)
    for number, size in enumerate((BATCH_BYTES_MAX + 1, BATCH_BYTES_MAX // 2, BATCH_BYTES_MAX // 2, 10)):
        lane.submit(record(number, size=size))
    sent = []
    for number in range(3):
        await turns()
        sent.append(numbers(broker.rounds[number][0]))
        broker.land_round()
    assert sent == [[0], [1], [2, 3]]


@in_virtual_time
async def test_a_topic_that_kafka_does_not_know_goes_to_the_spool_alone() -> None:
    broker, spool = FakeBroker(), FakeSpool()
    lane = lane_over(broker, spool)
    strange, good = lane.submit(record(topic="none")), lane.submit(record())
    await turns()
    broker.land_round()
    assert (await strange, good.result()) == ("spool", "kafka")


@in_virtual_time
async def test_a_batch_that_failed_goes_to_the_spool_and_its_successors_behind_it() -> None:
    broker, spool, watched = FakeBroker(), FakeSpool(), Watched()
    lane = lane_over(broker, spool, watched=watched)
    safe = lane.submit(record(7))
    await turns()
    broker.land_round(acknowledged=False)
    assert await safe == "spool"
    assert watched.modes == ["away"]
    assert await lane.submit(record(8)) == "spool"
    assert [each.value for each in spool.kept] == [record(7).value, record(8).value]


@in_virtual_time
async def test_impatience_moves_queue_and_flight_to_the_spool_in_order() -> None:
    broker, spool, watched = FakeBroker(), FakeSpool(), Watched()
    lane = lane_over(broker, spool, patience_s=0.02, watched=watched)
    flying = lane.submit(record(0))
    await turns()
    queued = lane.submit(record(1))
    assert [await flying, await queued] == ["spool", "spool"]
    assert [each.value for each in spool.kept] == [record(0).value, record(1).value]
    assert watched.modes == ["away"]
    assert await lane.submit(record(2)) == "spool", "new ones at once"


@in_virtual_time
async def test_what_flies_what_is_queued_and_what_just_came_are_spooled_in_this_order() -> None:
    broker, spool = FakeBroker(), FakeSpool()
    lane = lane_over(broker, spool)
    for number in range(2):
        lane.submit(record(number))
        await turns()
    lane.submit(record(2))
    broker.up = False
    lane.broker_changed()
    assert numbers_of(spool.kept) == [0, 1, 2]


@in_virtual_time
async def test_the_lane_is_direct_again_when_the_overdue_batch_is_back() -> None:
    broker, watched = FakeBroker(), Watched()
    lane = lane_over(broker, patience_s=0.02, watched=watched)
    assert await lane.submit(record(0)) == "nowhere"
    assert not lane.can_store()
    broker.land_round()
    await turns(10)
    assert lane.can_store()
    safe = lane.submit(record(1))
    await turns()
    broker.land_round()
    assert safe.result() == "kafka"
    assert watched.modes == ["away", "direct"]
    assert watched.counts == {"nowhere": 1, "kafka": 1}, "the late acknowledgement is not counted"


@in_virtual_time
async def test_steady_traffic_is_not_impatience() -> None:
    broker, watched = FakeBroker(), Watched()
    lane = lane_over(broker, patience_s=0.5, watched=watched)
    for _ in range(20):
        safe = lane.submit(record())
        await later(0.1)
        broker.land_round()
        assert safe.result() == "kafka"
    assert watched.modes == []


@in_virtual_time
async def test_the_patience_is_counted_for_each_record() -> None:
    broker, spool = FakeBroker(), FakeSpool()
    lane = lane_over(broker, spool, patience_s=0.5)
    lane.submit(record(0))
    await later(0.4)
    broker.land_round()
    safe = lane.submit(record(1))
    began = asyncio.get_running_loop().time()
    assert await safe == "spool"
    assert asyncio.get_running_loop().time() - began == pytest.approx(0.5)


@in_virtual_time
async def test_started_without_kafka_it_answers_at_once_and_takes_up_work_when_kafka_comes() -> None:
    broker = FakeBroker(up=False)
    lane = lane_over(broker)
    assert not lane.can_store()
    assert await lane.submit(record()) == "nowhere"
    broker.up = True
    lane.broker_changed()
    await turns(10)
    assert lane.can_store()
    lane.submit(record())
    await turns()
    assert len(broker.rounds) == 1


@in_virtual_time
async def test_kafka_gone_is_noticed_without_patience() -> None:
    broker, spool = FakeBroker(), FakeSpool()
    lane = lane_over(broker, spool)
    safe = lane.submit(record())
    await turns()
    broker.up = False
    began = asyncio.get_running_loop().time()
    lane.broker_changed()
    assert await safe == "spool"
    assert asyncio.get_running_loop().time() == began


@in_virtual_time
async def test_the_queue_is_bounded_and_strangers_have_a_small_part_of_it() -> None:
    broker = FakeBroker()
    lane = lane_over(broker, bytes_max=100_000)
    assert lane.submit(record(size=5000), proven=False).result() == "nowhere"
    assert not lane.submit(record(size=3000), proven=False).done()
    assert lane.submit(record(size=3000), proven=False).result() == "nowhere"
    assert not lane.submit(record(size=80_000)).done()
    assert lane.submit(record(size=50_000)).result() == "nowhere"
    await turns()
    broker.land_round()
    assert not lane.submit(record(size=3000), proven=False).done(), "room again"


@in_virtual_time
async def test_stop_takes_no_more_and_waits_for_what_is_on_its_way() -> None:
    broker = FakeBroker()
    lane = lane_over(broker)
    flying = lane.submit(record(0))
    await turns()
    queued = lane.submit(record(1))
    stopping = asyncio.ensure_future(lane.stop(5.0))
    await turns()
    assert lane.submit(record(2)).result() == "nowhere"
    broker.land_round()
    await turns()
    broker.land_round()
    await stopping
    assert (flying.result(), queued.result()) == ("kafka", "kafka")


@in_virtual_time
async def test_stop_does_not_wait_for_ever() -> None:
    broker, spool = FakeBroker(), FakeSpool()
    lane = lane_over(broker, spool)
    safe = lane.submit(record())
    await turns()
    await lane.stop(0.01)
    assert safe.result() == "spool"
    broker.land_round()
    assert not lane.can_store()
