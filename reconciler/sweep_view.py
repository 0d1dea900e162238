"""What one sweep did, for people and as JSON. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.sweep import Report

SETTING: Final = "THINGSPACE_ACCOUNTS_FILE"
_UNANSWERED: Final = ("away", "latched")


def document(report: Report, *, configured: bool) -> Mapping[str, object]:
    """`configured`: whether an accounts file is set at all."""
    return {
        "configured": configured,
        "polls": dict(sorted(report.polls.items())),
        "left": report.left,
        "intents": {"joined": report.joined, "unclear": report.unclear},
        "unknown_accounts": list(report.unknown_accounts),
        "away": dict(report.away),
    }


def sentences(report: Report, *, configured: bool) -> Iterator[str]:
    if not configured:
        yield (
            f"{SETTING} is not set, so ThingSpace was not asked. What is overdue stays so: "
            "`profile-audit overdue` lists it."
        )
    else:
        yield _polled(report.polls)
    if report.joined:
        yield f"Intents joined with the request that was observed for them: {report.joined}."
    if report.unclear:
        yield f"Intents whose sender never said what came of them, now submit_unclear: {report.unclear}."
    for account in report.unknown_accounts:
        yield f"Account {account} has operations to ask about, and is not in {SETTING}."
    for account, reason in report.away.items():
        yield f"Account {account} could not be asked about: {reason}"
    if configured:
        yield "Nothing due is left." if not report.left else f"Still due: {report.left}."


def _polled(polls: Mapping[str, int]) -> str:
    answered = {result: count for result, count in sorted(polls.items()) if result not in _UNANSWERED}
    if not answered:
        return "No poll was answered." if polls else "Nothing was due."
    said = ", ".join(f"{count} {result}" for result, count in answered.items())
    return f"Polls answered: {sum(answered.values())} ({said}). The ledger applies them as events."
