"""What the watch remembers of the cluster: which topics there were, and whether anybody answers."""

import io
import json

import pytest

from reconciler.core.batch import Place, TopicId
from reconciler.faults import RecreatedError
from reconciler.kafka.topics import Shapes, TopicShape
from reconciler.kafka.watch import GONE_TIMES, Absence, Identities
from schemas.logline import Log

PLACE = Place("events", 1)
POSITIONS = {PLACE: 7}


def shapes(topic_id: str | None) -> Shapes:
    return {"events": None if topic_id is None else TopicShape(TopicId(topic_id), (0, 0))}


@pytest.mark.parametrize("placed_on", [{}, {"events": TopicId("one")}], ids=["seen", "placed"])
def test_the_same_topic_is_nothing_to_tell(placed_on: dict[str, TopicId]) -> None:
    identities = Identities()
    assert [identities.look(shapes("one"), POSITIONS, placed_on) for _ in range(3)] == [None] * 3


def test_another_one_is_told_once_with_where_reading_stands() -> None:
    identities = Identities()
    identities.look(shapes("one"), POSITIONS, {})
    fault = identities.look(shapes("two"), POSITIONS, {})
    assert isinstance(fault, RecreatedError)
    assert "events partition 1: it is another topic" in str(fault)
    assert "7 is the next offset" in str(fault)
    assert identities.look(shapes("two"), POSITIONS, {}) is None


def test_one_made_anew_between_the_comparison_and_the_first_look_is_told() -> None:
    assert isinstance(Identities().look(shapes("two"), POSITIONS, {"events": TopicId("one")}), RecreatedError)


def test_one_that_is_missing_is_told_when_it_stays_away() -> None:
    identities = Identities()
    told = [identities.look(shapes(None), POSITIONS, {}) for _ in range(GONE_TIMES + 2)]
    assert [fault is not None for fault in told] == [
        number == GONE_TIMES for number in range(1, GONE_TIMES + 3)
    ]


def test_brokers_that_stay_away_are_told_once_and_so_is_their_return() -> None:
    lines = io.StringIO()
    absence = Absence(Log("test", stream=lines))
    for looks in (0, 1, 5, 2):
        for _ in range(looks):
            absence.goes_on("Kafka does not answer")
        absence.ends()
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["event"] for line in told] == ["kafka_away", "kafka_back"] * 2
    assert (told[0]["level"], told[0]["reason"]) == ("warning", "Kafka does not answer")
