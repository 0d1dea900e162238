"""What the sender saw, counted."""

import json
from pathlib import Path

from tests.faults import reliability, results
from tests.faults.answers import Answered, accepted_within_s, longest_unavailable_s, read_answers
from tests.faults.catalogue import Limits
from tests.faults.figures import Run, Sent, markdown, sent, summary


def answered(sent_at: float, status: int | None, message: str = "m", took_s: float = 0.1) -> Answered:
    return Answered(("a", message), sent_at, None if status is None else sent_at + took_s, status)


def test_unavailable_is_from_a_failure_to_the_next_success() -> None:
    answers = [answered(at, status) for at, status in enumerate([200, None, 503, 200, 503, 200, None])]
    assert longest_unavailable_s(answers) == 2
    assert longest_unavailable_s([answered(0, 200), answered(1, 200)]) == 0
    assert longest_unavailable_s([answered(0, 503), answered(9, 503)]) == 9


def test_times_count_accepted_callbacks_alone() -> None:
    answers = [answered(0, 200, took_s=0.1), answered(0, 200, took_s=3), answered(0, 503, took_s=9)]
    assert round(accepted_within_s(answers, 0.5), 3) == 3
    assert accepted_within_s([], 0.99) == 0


def test_a_message_counts_once_and_refusals_each() -> None:
    answers = [answered(0, 503, "one"), answered(1, 200, "one"), answered(2, None, "two")]
    counted = sent(answers)
    assert (counted.sent, counted.acknowledged, counted.refused, counted.unanswered) == (2, 1, 1, 1)


def test_journals_are_read_in_the_order_of_sending(tmp_path: Path) -> None:
    line = {
        "type": "attempt",
        "account": "a",
        "payload_id": "p",
        "credentials": "right",
        "expected_status": 200,
        "sent_at": "2026-01-01T00:00:02Z",
        "answered_at": None,
        "status": None,
        "error": "ServerDisconnectedError",
    }
    answered_at = sent_at = "2026-01-01T00:00:01Z"
    earlier = {**line, "sent_at": sent_at, "answered_at": answered_at, "status": 200, "error": None}
    stranger = {**line, "credentials": "wrong"}
    journal = tmp_path / "journal"
    journal.write_text(
        "".join(json.dumps(one) + "\n" for one in (line, earlier, stranger, {"type": "truth"}))
    )
    found = read_answers([journal])
    assert [one.status for one in found] == [200, None]
    assert sent(found).broken_off == 1


def run(seed: int, unavailable_s: float, *wrong: str) -> Run:
    return Run("database-killed", seed, Sent(10, 9, 1, 0, 0, unavailable_s, 0.05), repeated=2, wrong=wrong)


def test_a_summary_adds_counts_and_takes_the_worst_times() -> None:
    whole = summary([run(1, 0.5), run(2, 3.0, "A: x", "F: y")])
    assert (whole.seeds, whole.sent, whole.unavailable_s, whole.violations) == (2, 20, 3.0, 2)


def test_limits_are_told_when_broken() -> None:
    slow = Run("x", 1, Sent(1, 1, 3, 0, 0, 0, 2.5), stalled_s=11)
    assert len(list(Limits(p99_s=2, refused=0, stalled_s=10).broken(slow))) == 3
    assert not list(Limits().broken(slow))
    assert Limits(lost=5).allow("A", 5)
    assert not Limits(lost=5).allow("A", 6)
    assert not Limits(lost=5).allow("F", 5)
    assert not Limits().allow("A", 1)


def test_what_was_never_acknowledged_is_told_though_nobody_was_refused() -> None:
    unanswered = Run("x", 1, Sent(10, 9, 0, 1, 0, 0, 0.1))
    assert [text[:8] for text in Limits(refused=0, unacknowledged=0).broken(unanswered)] == ["limit: 1"]
    assert not list(Limits(refused=0, unacknowledged=1).broken(unanswered))


def test_a_disk_that_always_had_room_shows_nothing() -> None:
    assert [text[:6] for text in Limits(refused_least=1).broken(Run("x", 1, Sent(9, 9, 0, 0, 0, 0, 0)))]
    assert not list(Limits(refused_least=1).broken(Run("x", 1, Sent(9, 8, 1, 0, 0, 0, 0))))


def test_the_page_keeps_what_people_wrote(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Before\n<!-- a: written by make reliability -->\nold\n<!-- end of a -->\nafter\n")
    reliability.put(page, "a", reliability.figures([run(1, 0.5)]))
    text = page.read_text()
    assert text.startswith("# Before\n") and text.endswith("after\n") and "old" not in text
    assert markdown([summary([run(1, 0.5)])]) in text


def test_results_are_read_as_they_were_written_and_the_last_run_counts(tmp_path: Path) -> None:
    path = tmp_path / "runs.ndjson"
    for one in (run(1, 0.5, "A: x"), run(2, 1.5), run(1, 0.0)):
        results.append(path, one)
    assert sorted(results.read(path), key=lambda one: one.seed) == [run(1, 0.0), run(2, 1.5)]
