"""What became of each order, for people and machines. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.console import RenderableType
from rich.text import Text

from reconciler.audit.for_people import new_table, shown
from reconciler.submit.order import Wanted
from reconciler.submit.row import Entry, State

Word = Literal["submitted", "rejected", "unclear", "not_sent", "held_back", "cut_off", "not_started"]
WORDS: Final[tuple[Word, ...]] = (
    "submitted",
    "rejected",
    "unclear",
    "not_sent",
    "held_back",
    "cut_off",
    "not_started",
)
STYLES: Final[Mapping[Word, str]] = {"submitted": "bold green", "rejected": "bold red", "unclear": "yellow"}
LISTED_MAX: Final = 100
_WORD_OF: Final[Mapping[State, Word]] = {
    "intended": "not_sent",
    "sending": "unclear",
    "sent": "submitted",
    "rejected": "rejected",
    "unclear": "unclear",
    "withdrawn": "not_sent",
}
_MEANS: Final[Mapping[Word, str]] = {
    "submitted": "ThingSpace took it",
    "rejected": "ThingSpace said no; correct it and submit it in a new file",
    "unclear": "nobody knows whether it was done, and it is not sent again",
    "not_sent": "certainly not sent; the same command sends it later",
    "held_back": "waits for what is under way on its device; the same command goes on with it",
    "cut_off": "under way when Kafka or the database failed; the same command finds out how it stands",
    "not_started": "not begun; the same command begins it",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`earlier`: it was so before this run. `says`: what a person should know, or nothing."""

    wanted: Wanted
    word: Word
    entry: Entry | None = None
    says: str = ""
    earlier: bool = False


def outcome_of(wanted: Wanted, entry: Entry, *, earlier: bool) -> Outcome:
    """From a row that has its answer."""
    return Outcome(wanted, _WORD_OF[entry.state], entry, says_of(entry), earlier)


def says_of(entry: Entry) -> str:
    match entry.state:
        case "sent":
            return f"request {entry.request_id}"
        case "unclear":
            device = f" --eid {entry.eid}" if entry.eid else ""
            return (
                f"{entry.error_text or 'no answer'}. A callback, or the sweep, may still tell: see "
                f"`profile-reconciler explain {entry.intent_id}`. If it surely did not happen, say "
                f"`profile-reconciler decide {entry.intent_id}{device} --as void --why …`, and submit it "
                "anew"
            )
        case _:
            return ": ".join(filter(None, (entry.error_code, entry.error_text)))


def document(outcome: Outcome) -> Mapping[str, object]:
    """One line of `--json`."""
    order, entry = outcome.wanted.order, outcome.entry
    return {
        "line": outcome.wanted.line,
        "outcome": outcome.word,
        "earlier": outcome.earlier,
        "action": order.action,
        "account": order.account,
        "eid": order.eid,
        "iccid": order.iccid,
        "imei": order.imei,
        "intent_id": None if entry is None else entry.intent_id,
        "request_id": None if entry is None else entry.request_id,
        "error_code": None if entry is None else entry.error_code,
        "says": outcome.says,
    }


def sentence(outcome: Outcome) -> str:
    """One order, when there is no table."""
    order = outcome.wanted.order
    what = f"{order.action} of ICCID {shown(order.iccid)} on EID {shown(order.eid)}"
    before = " before" if outcome.earlier else ""
    intent = "" if outcome.entry is None else f" Intent {outcome.entry.intent_id}."
    return f"{what}: {outcome.word}{before}. {shown(outcome.says)}.{intent}"


def report(outcomes: Sequence[Outcome]) -> Iterator[RenderableType]:
    """Counts, then those that need a person."""
    counts = Counter((one.word, one.earlier) for one in outcomes)
    table = new_table("outcome", "now", "before", "which means")
    for word in WORDS:
        now, before = counts[word, False], counts[word, True]
        if now or before:
            table.add_row(Text(word, style=STYLES.get(word, "")), str(now), str(before), _MEANS[word])
    yield table
    rest = [one for one in outcomes if one.word != "submitted"]
    if rest:
        yield Text("needing a person" if any(map(_needs_person, rest)) else "not submitted", style="bold")
        yield _listed(sorted(rest, key=lambda one: (not _needs_person(one), one.wanted.line or 0)))
    if len(rest) > LISTED_MAX:
        yield Text(f"and {len(rest) - LISTED_MAX} more; --json tells every row")


def _needs_person(outcome: Outcome) -> bool:
    return outcome.word in ("rejected", "unclear")


def _listed(rest: Iterable[Outcome]) -> RenderableType:
    table = new_table("line", "outcome", "action", "EID", "ICCID", "intent", "what is known, what to do")
    for one in list(rest)[:LISTED_MAX]:
        order = one.wanted.order
        table.add_row(
            *(shown(one.wanted.line), Text(one.word, style=STYLES.get(one.word, "")), shown(order.action)),
            *(shown(order.eid), shown(order.iccid)),
            *(shown(None if one.entry is None else one.entry.intent_id), shown(one.says)),
        )
    return table
