"""Evidence folded from what was recorded: an event, its copies, and what later rules made of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from reconciler.core.copies import with_copy
from reconciler.core.evidence import Evidence, Fact, merged
from schemas.callback import Callback, parse
from schemas.scrub import Secrets
from schemas.signal import RULES_VERSION, judge


class Words(NamedTuple):
    """What one version of the rules reads in a callback."""

    rules: int
    fact: Fact
    action: str | None


class Recorded(NamedTuple):
    """One event of the audit log. The times and attempts are those of all copies that count."""

    first: Evidence
    """What its first copy said."""
    observed_at: datetime | None
    attempt: int | None
    attempts_max: int | None
    differing: Sequence[str]
    """Of each copy that changed more than that (`reconciler.core.copies`)."""
    later: Sequence[Words]
    body: bytes | None
    """Of a callback that was read by older rules, where today's are asked for; None where it was erased."""


def folded(recorded: Recorded) -> Evidence:
    """The evidence as it must stand in the table."""
    row = recorded.first
    for differs in recorded.differing:
        row = merged(row, with_copy(recorded.first, differs))
    copies = row._replace(
        observed_at=recorded.observed_at or row.observed_at,
        attempt=recorded.attempt,
        attempts_max=recorded.attempts_max,
    )
    row = merged(row, copies)
    for words in recorded.later:
        row = merged(row, with_words(row, words))
    return row


def with_words(row: Evidence, words: Words) -> Evidence:
    return row._replace(rules=words.rules, fact=words.fact, action=words.action)


def read_today(recorded: Recorded, row: Evidence) -> Words | None:
    """What today's rules say otherwise than `row`, the folded evidence; None where they agree.

    Only callbacks are read again: what a poll or a person said was no matter of these rules.
    """
    if recorded.body is None or row.rules >= RULES_VERSION:
        return None
    callback = parse(recorded.body, Secrets())
    if not isinstance(callback, Callback):
        return None
    verdict = judge(
        callback.status,
        callback.euicc_status,
        callback.fault_code,
        callback.fault_text,
        callback.profile_status,
    )
    if (verdict.signal, verdict.action) == (row.fact, row.action):
        return None
    return Words(RULES_VERSION, verdict.signal, verdict.action)
