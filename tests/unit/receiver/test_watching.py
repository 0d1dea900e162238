"""What the receiver says of itself: metrics, and log lines that a crowd cannot multiply."""

import io
import json
import logging
from pathlib import Path

from receiver.access import LINES_PER_S_MAX, AccessLog
from receiver.answers import NOT_STORED, STORED, UNKNOWN_PATH
from receiver.metrics import UNKNOWN_ACCOUNT, Metrics
from receiver.notices import Notice
from receiver.recent import RECENT_MAX, Recent
from receiver.spool.disk_queue import DamagedRows, Recovered, Salvaged, TailRescued, Unavailable
from receiver.watchers import KafkaWatcher, LaneWatcher, LibraryLines, SpoolWatcher
from schemas.logline import Log

PROMISED = {
    "receiver_callbacks_total",
    "receiver_ack_seconds_bucket",
    "receiver_stored_total",
    "receiver_spool_records",
    "receiver_spool_bytes",
    "receiver_probable_loss_total",
    "receiver_first_seen_late_total",
    "receiver_last_attempt_total",
    "receiver_unknown_member_total",
}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_the_promised_metrics_are_there_before_anything_happened() -> None:
    metrics = Metrics()
    metrics.tally(UNKNOWN_ACCOUNT)
    names = {line.split("{")[0].split(" ")[0] for line in metrics.text().decode().splitlines()}
    assert names >= PROMISED


def test_a_notice_is_given_once_in_a_while_with_the_number_of_events() -> None:
    stream, clock = io.StringIO(), Clock()
    notice = Notice(Log("t", stream=stream), "full", every_s=60, clock=clock)
    for _ in range(3):
        notice.give(source_ip="192.0.2.1")
    clock.now += 60
    notice.give(source_ip="192.0.2.2")
    assert [(line["count"], line["source_ip"]) for line in lines(stream)] == [
        (1, "192.0.2.1"),
        (3, "192.0.2.2"),
    ]


def test_the_access_log_tells_errors_slow_requests_and_a_sample() -> None:
    stream = io.StringIO()
    access = AccessLog(Log("t", stream=stream), sample_one_in=10, clock=Clock())
    for _ in range(25):
        access.note(STORED, None, "192.0.2.1", 0.001)
    access.note(STORED, None, "192.0.2.1", 2.0)
    access.note(NOT_STORED, None, "192.0.2.1", 0.5)
    told = [(line["status"], line["seconds"]) for line in lines(stream)]
    assert told == [(200, 0.001)] * 3 + [(200, 2.0), (503, 0.5)]


def test_a_flood_of_errors_is_cut() -> None:
    stream, clock = io.StringIO(), Clock()
    access = AccessLog(Log("t", stream=stream), clock=clock)
    for _ in range(1000):
        access.note(NOT_STORED, None, "192.0.2.1", 0.5)
        access.note(UNKNOWN_PATH, None, "192.0.2.1", 0.5)
    assert len(lines(stream)) <= LINES_PER_S_MAX + 1
    clock.now += 1
    access.note(NOT_STORED, None, "192.0.2.1", 0.25)
    assert lines(stream)[-1]["seconds"] == 0.25


def test_the_lanes_turns_are_logged_and_counted() -> None:
    stream, metrics = io.StringIO(), Metrics()
    watcher = LaneWatcher(Log("t", stream=stream), metrics)
    watcher.turned("away", "kafka is not there")
    watcher.stored("kafka", 7)
    assert lines(stream)[0]["mode"] == "away"
    assert metrics.registry.get_sample_value("receiver_stored_total", {"where": "kafka"}) == 7
    assert metrics.registry.get_sample_value("receiver_lane_direct") == 0


def test_a_record_that_is_set_aside_is_an_alarm_with_its_remedy() -> None:
    stream, metrics = io.StringIO(), Metrics()
    LaneWatcher(Log("t", stream=stream), metrics).set_aside(7, "events", "MessageSizeTooLargeError")
    (line,) = lines(stream)
    assert (line["level"], line["event"]) == ("error", "record_set_aside")
    assert line["remedy"] == "profile-receiver spool dead show 7"
    assert metrics.registry.get_sample_value("receiver_set_aside_total") == 1


def test_what_the_spool_reports_is_a_line_each() -> None:
    stream, metrics = io.StringIO(), Metrics()
    watcher = SpoolWatcher(Log("t", stream=stream), metrics)
    for report in (
        Unavailable("disk_full"),
        Recovered(3),
        Salvaged("torn", 2, 1, Path("damaged.db")),
        TailRescued(1),
        DamagedRows((4, 5)),
    ):
        watcher.report(report)
    assert [(line["event"], line["level"]) for line in lines(stream)] == [
        ("spool_unavailable", "error"),
        ("spool_recovered", "info"),
        ("spool_salvaged", "error"),
        ("spool_tail_rescued", "warning"),
        ("record_set_aside", "error"),
    ]
    assert metrics.registry.get_sample_value("receiver_set_aside_total") == 2


def test_a_missing_kafka_is_told_now_and_then() -> None:
    stream = io.StringIO()
    watcher = KafkaWatcher(Log("t", stream=stream), "127.0.0.1:9092")
    for _ in range(100):
        watcher.not_connected("KafkaConnectionError")
    assert len(lines(stream)) == 1


def test_a_librarys_warning_is_one_line_of_ours_without_its_traceback() -> None:
    stream = io.StringIO()
    handler = LibraryLines(Log("t", stream=stream))
    logger = logging.Logger("aiohttp.server")
    logger.addHandler(handler)
    try:
        raise ValueError("kanarienvogel")
    except ValueError:
        logger.exception("Error handling request from %s", "192.0.2.1")
    (line,) = lines(stream)
    assert line["fault"] == "Error handling request from 192.0.2.1"
    assert "kanarienvogel" not in stream.getvalue()


def test_what_was_seen_lately_is_known_and_the_rest_forgotten() -> None:
    recent = Recent()
    assert not recent.saw(1)
    assert recent.saw(1)
    for number in range(2, 2 * RECENT_MAX):
        recent.saw(number)
    assert not recent.saw(1)
