"""The checks can fail: each way to be wrong is noticed."""

from dataclasses import replace

from tests.acceptance.journal import Attempt, Journal
from tests.acceptance.ledger import Copy, Event, Ledger, Offset, Quarantined
from tests.faults.invariants import Evidence, wrong
from tests.faults.spoilt import MARK
from tests.support.kafka import TopicRecord

ID, OTHER = "a" * 64, "b" * 64


def attempt(event_id: str, status: int | None = 200) -> Attempt:
    return Attempt("account", "request", event_id, event_id, "right", 1, status, 200)


def record(offset: int, event_id: str, *, value: bytes = b"{}", bad: bool = False) -> TopicRecord:
    headers = ((MARK, b"bad"),) if bad else (("ce_id", event_id.encode()),)
    return TopicRecord("profile.events.v1", 0, offset, b"k", value, headers, 0)


def event(event_id: str, offset: int) -> Event:
    return Event(event_id, "callback", "account", "request", "applied", (), 0, offset, "{}")


LEDGER = Ledger(
    events=(event(ID, 0),),
    copies=(Copy(ID, 1, 0, 0),),
    operations=(),
    profiles=(),
    quarantine=(),
    offsets=(Offset("profile.events.v1", 0, 1, ID),),
)
SOUND = Evidence(Journal((attempt(ID),), ()), LEDGER, (record(0, ID),))


def letters(evidence: Evidence) -> set[str]:
    return {found.letter for found in wrong(evidence)}


def with_ledger(ledger: Ledger) -> Evidence:
    return replace(SOUND, ledger=ledger)


def test_nothing_is_wrong_with_what_is_right() -> None:
    assert wrong(SOUND) == []


def test_a_lost_callback_is_noticed() -> None:
    journal = Journal((attempt(ID), attempt(OTHER)), ())
    assert "A" in letters(replace(SOUND, journal=journal))


def test_an_unanswered_callback_may_be_there_or_not() -> None:
    journal = Journal((attempt(ID), attempt(OTHER, None)), ())
    assert letters(replace(SOUND, journal=journal)) == set()


def test_a_doubled_row_is_noticed() -> None:
    assert "A/B" in letters(with_ledger(replace(LEDGER, events=(event(ID, 0), event(ID, 0)))))


def test_an_event_that_nobody_sent_is_noticed() -> None:
    assert "B" in letters(replace(SOUND, journal=Journal((), ())))


def test_an_offset_that_stands_elsewhere_is_noticed() -> None:
    for stands in (0, 2):
        assert "F" in letters(
            with_ledger(replace(LEDGER, offsets=(Offset("profile.events.v1", 0, stands, ID),)))
        )


def test_a_record_applied_twice_or_never_is_noticed() -> None:
    assert "F" in letters(with_ledger(replace(LEDGER, copies=(Copy(ID, 1, 0, 0), Copy(ID, 1, 0, 0)))))
    assert "F" in letters(with_ledger(replace(LEDGER, copies=())))


def test_a_bad_record_must_be_set_aside_and_hide_nobody() -> None:
    records = (*SOUND.records, record(1, "", value=b"bad", bad=True))
    hidden = replace(
        with_ledger(replace(LEDGER, offsets=(Offset("profile.events.v1", 0, 2, ID),))), records=records
    )
    assert letters(hidden) == {"F", "G"}
    kept = (Quarantined("not_json", None, None, b"bad", 1),)
    assert letters(replace(hidden, ledger=replace(hidden.ledger, quarantine=kept))) == set()


def test_a_record_set_aside_twice_is_noticed() -> None:
    kept = Quarantined("unauthenticated", None, None, b"", 2)
    once = replace(with_ledger(replace(LEDGER, quarantine=(kept,))), set_aside=(record(0, ""),))
    assert letters(once) == {"F"}
    assert letters(replace(once, set_aside=(record(0, ""), record(1, "")))) == set()
