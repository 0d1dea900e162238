"""The load generator: all answers counted, each callback its own, nothing lost when a server goes away."""

from __future__ import annotations

import io
import json
from collections import Counter

import pytest

from tests.simulator import content
from tests.simulator.load import LoadPlan, Requests, run_load
from tests.simulator.loadjournal import write_load
from tests.simulator.message import Listener
from tests.unit.simulator.sink import Sink, listening


def listener_at(url: str) -> Listener:
    return Listener("1223334444-00001", (url,), "fleet", "päss")


@pytest.mark.parametrize("rate", [None, 2000.0])
async def test_every_callback_is_sent_once_and_answered(rate: float | None) -> None:
    async with listening(Sink()) as sink:
        report = await run_load(listener_at(sink.url), LoadPlan(200, 8, rate))
    assert report.answers == Counter({200: 200})
    assert len(report.latencies) == 200
    assert 0 < report.quantile(0.5) <= report.quantile(1.0)
    assert len({json.loads(seen.body)["requestId"] for seen in sink.seen}) == 200


async def test_every_nth_goes_out_twice() -> None:
    async with listening(Sink()) as sink:
        report = await run_load(listener_at(sink.url), LoadPlan(20, 2, repeat_every=5))
    assert sorted(Counter(seen.body for seen in sink.seen).values()) == [1] * 16 + [2] * 4
    assert report.answers[200] == 24


async def test_a_callback_of_the_load_is_a_whole_message() -> None:
    listener = listener_at("http://127.0.0.1:1")
    requests = Requests(LoadPlan(10, 1, devices=3), listener)
    head, _, body = requests.wire_bytes(4).partition(b"\r\n\r\n")
    found = content.readable(body)
    assert found is not None
    assert f"Content-Length: {len(body)}" in head.decode()
    assert found["password"] == "päss"
    assert found["requestId"] == requests.request_id(4)
    assert body.decode().count(requests.eid(4)) == 2
    assert requests.eid(4) == requests.eid(1)
    assert int(requests.eid(4)) % 97 == 1


async def test_refusals_and_closed_connections_are_answers() -> None:
    async with listening(Sink(answer=lambda number: 503 if number % 2 else 200)) as sink:
        report = await run_load(listener_at(sink.url), LoadPlan(50, 4))
    assert report.answers == Counter({200: 25, 503: 25})


async def test_the_journal_is_written_afterwards() -> None:
    async with listening(Sink()) as sink:
        listener, plan = listener_at(sink.url), LoadPlan(5, 2)
        report = await run_load(listener, plan)
    stream = io.StringIO()
    write_load(stream, listener, plan, report)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    ids = {content.event_id(seen.body, listener.account, listener.secrets) for seen in sink.seen}
    assert {line["event_id"] for line in lines if line["type"] == "attempt"} == ids
    assert [line["state"] for line in lines if line["type"] == "truth"] == ["succeeded"] * 5


async def test_a_server_that_goes_away_leaves_unanswered_callbacks_and_an_end() -> None:
    async with listening(Sink()) as sink:
        sink.answer = lambda number: 200 if number < 10 else _gone()
        report = await run_load(listener_at(sink.url), LoadPlan(20, 2))
    assert sum(report.answers.values()) == 20
    assert report.answers[500] == 11


def _gone() -> int:
    raise RuntimeError("the sink is broken")
