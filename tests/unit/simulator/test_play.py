"""Stories on the wire: what a listener sees, and what the journal says of it."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import random
from collections import Counter

import pytest

from tests.simulator import catalogue, content
from tests.simulator.delivery import MODES, Answer, ScaledClock
from tests.simulator.journal import Journal
from tests.simulator.message import Listener, Message
from tests.simulator.player import Player, Result
from tests.simulator.story import Delivery, Story, Wave
from tests.simulator.wire import HttpWire
from tests.unit.simulator.sink import Sink, listening

Line = dict[str, str | int | None]


async def played(
    stories: list[Story], listener: Listener, mode: str = "observed", sources: tuple[str, ...] = ()
) -> tuple[Result, list[Line]]:
    stream = io.StringIO()
    async with HttpWire(answer_limit_s=10, sources=sources) as wire:
        journal = Journal(stream, listener)
        player = Player(listener, wire, MODES[mode], ScaledClock(100_000), journal, random.Random(1))
        result = await player.play(stories)
    return result, [json.loads(line) for line in stream.getvalue().splitlines()]


def listener_at(*urls: str) -> Listener:
    return Listener("1223334444-00001", urls, "fleet", "a password", path_secret="a/secret")


async def test_a_callback_looks_like_verizons() -> None:
    async with listening(Sink()) as sink:
        listener = listener_at(sink.url)
        await played(catalogue.stories("success", listener, "s"), listener)
    (seen,) = sink.seen
    assert (seen.method, seen.version) == ("POST", (1, 1))
    assert seen.headers["user-agent"] == "Verizon's callback service"
    assert seen.headers["content-type"] == "application/json"
    assert set(seen.headers) == {"host", "user-agent", "content-type", "content-length"} | (
        set(seen.headers) & {"connection"}
    )
    assert json.loads(seen.body)["password"] == "a password"


async def test_the_path_names_account_service_and_secret_and_the_journal_hides_the_secret() -> None:
    async with listening(Sink()) as sink:
        listener = listener_at(sink.url)
        _, lines = await played(catalogue.stories("carrier-service", listener, "s"), listener)
    assert sink.seen[0].path == "/v1/callbacks/1223334444-00001/CarrierService/a/secret"
    assert str(lines[0]["url"]).endswith("/CarrierService/***")


def test_a_url_with_a_path_is_taken_as_it_is() -> None:
    listener = Listener("A 1", ("https://front.example/hooks/{account}/{service}",))
    assert listener.url(0, "CarrierService") == "https://front.example/hooks/A%201/CarrierService"


async def test_copies_go_to_all_urls_and_count_up() -> None:
    async with listening(Sink()) as one, listening(Sink()) as other:
        listener = listener_at(one.url, other.url)
        result, lines = await played(catalogue.stories("four-copies", listener, "s"), listener)
    assert (len(one.seen), len(other.seen)) == (2, 2)
    counts = {json.loads(seen.body)["callbackCount"] for seen in one.seen + other.seen}
    assert counts == {1, 2, 3, 4}
    assert result.fates == Counter(accepted=1)
    assert len({line["payload_id"] for line in lines if line["type"] == "attempt"}) == 1


async def test_no_more_attempts_are_on_their_way_than_there_are_connections() -> None:
    wire = Counting()
    stories = catalogue.stories("bulk-thirty", listener_at("http://nowhere"), "s")
    journal = Journal(None, listener_at("http://nowhere"))
    clock = ScaledClock(100_000)
    player = Player(
        listener_at("http://nowhere"),
        wire,
        MODES["documented"],
        clock,
        journal,
        random.Random(1),
        connections=3,
    )
    result = await player.play(stories)
    assert (wire.at_once_most, result.attempts) == (3, 30)


class Counting:
    """A wire that remembers how many attempts were on it at the same time."""

    def __init__(self) -> None:
        self.at_once = self.at_once_most = 0

    async def post(self, url: str, body: bytes, *, gzipped: bool = False) -> Answer:
        self.at_once += 1
        self.at_once_most = max(self.at_once, self.at_once_most)
        await asyncio.sleep(0)
        self.at_once -= 1
        return Answer(200)


async def test_refusals_are_repeated_and_written_down() -> None:
    async with listening(Sink(answer=lambda number: 503 if number < 3 else 200)) as sink:
        listener = listener_at(sink.url)
        _, lines = await played(catalogue.stories("success", listener, "s"), listener, "documented")
    attempts = [line for line in lines if line["type"] == "attempt"]
    assert [(line["attempt"], line["status"]) for line in attempts] == [(1, 503), (2, 503), (3, 200)]
    assert [json.loads(seen.body)["callbackCount"] for seen in sink.seen] == [1, 2, 3]
    assert [line["fate"] for line in lines if line["type"] == "message"] == ["accepted"]


async def test_nobody_listening_is_an_answer_too() -> None:
    async with listening(Sink()) as sink:
        listener = listener_at(sink.url)
    result, lines = await played(catalogue.stories("success", listener, "s"), listener)
    assert result.fates == Counter(lost=1)
    assert lines[0]["status"] is None
    assert lines[0]["error"] == "ClientConnectorError"
    assert lines[0]["answered_at"] is None


async def test_the_journal_joins_attempts_with_truths() -> None:
    async with listening(Sink()) as sink:
        listener = listener_at(sink.url)
        _, lines = await played(catalogue.stories("warning-then-final", listener, "s"), listener)
    (truth,) = (line for line in lines if line["type"] == "truth")
    attempts = [line for line in lines if line["type"] == "attempt"]
    assert {line["request_id"] for line in attempts} == {truth["request_id"]}
    assert (truth["state"], truth["kind"], truth["action"]) == ("succeeded", "operation", "delete")
    assert attempts[0]["event_id"] == content.event_id(sink.seen[0].body, listener.account, listener.secrets)


async def test_a_fleet_day_ends_with_every_message_answered() -> None:
    async with listening(Sink()) as sink:
        listener = listener_at(sink.url)
        result, lines = await played(catalogue.stories("fleet-day", listener, "s", 10), listener)
    assert result.attempts == len(sink.seen) == sum(line["type"] == "attempt" for line in lines)
    assert result.messages == sum(line["type"] == "message" for line in lines)


async def test_sources_take_turns() -> None:
    async with listening(Sink()) as sink:
        listener = listener_at(sink.url)
        story = catalogue.stories("four-copies", listener, "s")
        await played(story, listener, sources=("127.0.0.2", "127.0.0.3"))
    assert Counter(seen.peer for seen in sink.seen) == {"127.0.0.2": 2, "127.0.0.3": 2}


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_gzipped_message_says_the_same(attempt: int) -> None:
    message = Message("m", b'{"callbackCount":1}', None, gzipped=True)
    assert gzip.decompress(message.bytes_at(attempt)) == f'{{"callbackCount":{attempt}}}'.encode()


def test_a_first_attempt_is_the_body_untouched() -> None:
    body = b'{"callbackCount": 1, }'
    assert Message("m", body, None).bytes_at(1) is body
    assert Story("s", (Wave((Delivery(Message("m", body, None)),)),), ()).deliveries == 1
