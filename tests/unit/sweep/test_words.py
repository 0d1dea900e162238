"""What people read: reasons for waiting, what comes next, and spans of time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.audit.overdue import span, why
from reconciler.audit.stories import Row, Value
from reconciler.core.facts import STATE_TABLE, deciding_row
from reconciler.decision.decision import Ambiguous, Candidate, Wanted, chosen, decision
from reconciler.explain.next import next_step
from reconciler.sweep.sweep import Report, Word
from reconciler.sweep.view import document, sentences
from schemas.ids import AccountName, Eid, Iccid, OperationId, RequestId

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
WAITING: Mapping[str, Value] = {
    "request_id": "R",
    "intent_id": None,
    "eid": "E",
    "state": "submitted",
    "final": False,
    "facts": ["announced", "submitted"],
    "abandoned": False,
    "next_poll_at": SOON,
    "due_reason": None,
    "polls": 2,
}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0, "0 seconds"), (1, "1 second"), (119, "1 minute"), (7200, "2 hours"), (86400 * 31, "31 days")),
        (-5, "0 seconds"),
    ],
)
def test_a_length_of_time_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ({}, "the request is known, and nobody has said yet what became of it"),
        ({"facts": ["interim", "submitted"]}, "a warning came"),
        ({"final": True}, "nobody named the profile"),
        ({"abandoned": True}, "after 30 days nobody asks any more"),
        ({"request_id": None}, "without a request id"),
        ({"next_poll_at": None}, "no more looks"),
    ],
)
def test_each_reason_for_waiting_has_words(differs: Row, said: str) -> None:
    assert said in why({**WAITING, **differs})


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ({}, "in 5 minutes, by the schedule. That will be poll 3. A callback may settle it before."),
        ({"due_reason": "refused"}, "because a callback for it was refused"),
        ({"next_poll_at": NOW - timedelta(minutes=2)}, "to be asked since 2 minutes"),
        ({"state": "conflicted"}, "If it agrees with one side, that side wins."),
        ({"final": True, "next_poll_at": None}, "Nothing: it is settled."),
        ({"final": True, "next_poll_at": None, "facts": ["decided_void"]}, "only a later decision"),
        ({"final": True}, "only the profile that it changed is not known"),
        ({"abandoned": True}, "profile-reconciler decide R --eid E"),
        ({"request_id": None, "intent_id": "I"}, "profile-reconciler decide I --eid E"),
        ({"next_poll_at": None}, "The schedule has no more looks"),
    ],
)
def test_what_comes_next_is_said_with_its_time_and_reason(differs: Row, said: str) -> None:
    assert said in next_step({**WAITING, **differs}, NOW)


def test_the_row_that_decides_is_told_by_the_table_itself() -> None:
    assert deciding_row(frozenset({"success", "decided_void"}))[0] == 1
    assert deciding_row(frozenset({"submitted", "poll_pending"}))[0] == 8
    assert len({row.words for row in STATE_TABLE}) == len(STATE_TABLE)


def candidate(iccid: str = "X", eid: str = "E", account: str = "A") -> Candidate:
    return Candidate(
        OperationId(iccid + account),
        AccountName(account),
        RequestId("R"),
        None,
        Eid(eid),
        Iccid(iccid),
        "enable",
        "conflicted",
        False,
        ("failure", "success"),
        NOW,
        17,
    )


def wanted(iccid: str | None = None, account: str | None = None, eid: str = "E") -> Wanted:
    named = None if iccid is None else Iccid(iccid)
    return Wanted("R", Eid(eid), named, None if account is None else AccountName(account))


def test_the_one_operation_that_fits_is_meant() -> None:
    rows = [candidate("X"), candidate("Y"), candidate("X", eid="F")]
    assert chosen(wanted("Y"), rows) == rows[1]
    assert chosen(wanted(eid="F"), rows) == rows[2]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([candidate("X"), candidate("Y")], "name one by --iccid"),
        ([candidate(account="A"), candidate(account="B")], "name one by --account"),
        ([candidate(eid="F")], "no such operation"),
        ([], "neither a request nor an intent"),
    ],
)
def test_what_may_be_several_things_is_not_guessed(rows: list[Candidate], said: str) -> None:
    found = chosen(wanted(), rows)
    assert isinstance(found, Ambiguous)
    assert said in found.says


def test_a_decision_bears_the_version_that_was_seen() -> None:
    event = decision(candidate(), "failed", "seen", "Anna", NOW)
    assert (event.sequence, event.iccid, event.as_, event.decided_by) == (17, "X", "failed", "Anna")
    assert decision(candidate(), "failed", "otherwise", "Bert", SOON).event_id == event.event_id


def test_a_report_says_what_was_done_and_what_was_not() -> None:
    intents: Mapping[Word, int] = {"joined": 1, "unclear": 2}
    away = {AccountName("A"): "no answer."}
    report = Report({"success": 2, "away": 1}, 1, intents, [AccountName("B")], away)
    said = " ".join(sentences(report, configured=True))
    for words in ("Polls answered: 2 (2 success)", "joined", "submit_unclear: 2", "Account B", "no answer."):
        assert words in said
    assert "Still due: 1." in said
    assert document(report, configured=True)["polls"] == {"away": 1, "success": 2}
