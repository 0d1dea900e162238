"""What one sweep did, for people and as JSON. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.sweep.sweep import Report, Word

SETTING: Final = "THINGSPACE_ACCOUNTS_FILE"
_UNANSWERED: Final = ("away", "latched")
_INTENTS: Final[Mapping[Word, str]] = {
    "said": "Intents whose answer was kept, and is on the topic now",
    "joined": "Intents joined with the request that was observed for them",
    "unclear": "Intents whose sender never said what came of them, now submit_unclear",
}


def document(report: Report, *, configured: bool) -> Mapping[str, object]:
    """`configured`: whether an accounts file is set at all."""
    return {
        "configured": configured,
        "polls": dict(sorted(report.polls.items())),
        "left": report.left,
        "intents": {word: report.intents.get(word, 0) for word in _INTENTS},
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
    for word, meaning in _INTENTS.items():
        if report.intents.get(word):
            yield f"{meaning}: {report.intents[word]}."
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
