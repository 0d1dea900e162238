"""An explanation as people read it, and as JSON. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from reconciler.audit.for_people import printable, shown, word
from reconciler.explain.explain import Became, Explained, Said

VERBS: Final[Mapping[str, str]] = {"succeeded": "has", "failed": "has", "rejected": "was"}
LINE_CHARS: Final = 108
MARGIN: Final = " " * 4
HANGING: Final = MARGIN + " " * len("2026-03-01 10:00:00  ")


def document(request_id: str, found: Sequence[Explained]) -> Mapping[str, object]:
    return {"request_id": request_id, "operations": [_document(one) for one in found]}


def _document(one: Explained) -> Mapping[str, object]:
    return {
        **one.operation,
        "row": {"number": one.row_number, "words": one.row_words},
        "asked": [asdict(said) for said in one.asked],
        "arrived": [asdict(said) for said in one.arrived],
        "polled": [asdict(said) for said in one.polled],
        "decided": [asdict(said) for said in one.decided],
        "unclear": [{"event_id": said.event_id, "why": said.unclear} for said in one.unclear],
        "profiles": [asdict(profile) for profile in one.profiles],
        "next": one.next,
    }


def view(request_id: str, found: Sequence[Explained]) -> Iterator[RenderableType]:
    intent = found and all(one.operation["request_id"] is None for one in found)
    named = f"{'intent' if intent else 'request'} {printable(request_id)}"
    yield Text.assemble((named, "bold"), "  (times are UTC)")
    for one in found:
        yield Text()
        yield from _operation(one)


def _operation(one: Explained) -> Iterator[RenderableType]:
    row = one.operation
    device = f"EID {shown(row['eid'])}" if row["eid"] is not None else f"device {shown(row['device'])}"
    yield Text.assemble(
        (shown(row["action"] or "an unknown action"), "bold"),
        f" of ICCID {shown(row['iccid_target'])} on {device}, account {shown(row['account'])}",
    )
    settled = f" since {shown(row['settled_at'])}" if row["settled_at"] is not None else ""
    verb = VERBS.get(str(row["state"]), "is")
    yield Text.assemble(f"  It {verb} ", word(row["state"]), settled, ".")
    yield Text(f"  Why: {one.row_words} (row {one.row_number} of the table of states).")
    yield from _part("What was asked", one.asked, "Nobody told the ledger who asked for it.")
    yield from _part("What arrived", one.arrived, "No callback so far.")
    yield from _part("What was polled", one.polled, "ThingSpace was not asked so far.")
    if one.decided:
        yield from _part("What was decided", one.decided, "")
    if row["eid"] is not None:
        yield from _profiles(one.profiles)
    yield _title("What comes next")
    yield from _lines(one.next)


def _title(text: str) -> Text:
    return Text(f"  {text}", style="bold")


def _lines(text: str, style: str = "", first: str = MARGIN, rest: str = MARGIN) -> Iterator[Text]:
    """Wrapped here, because a console would begin each further line at its edge; ids are never broken."""
    for line in wrap(
        text,
        LINE_CHARS,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    ):
        yield Text(line, style=style)


def _part(title: str, said: Sequence[Said], none: str) -> Iterator[RenderableType]:
    yield _title(title)
    if not said:
        yield Text(f"{MARGIN}{none}")
    for one in said:
        yield from _lines(f"{shown(one.at)}  {one.says}", rest=HANGING)
        yield from _lines(f"{one.source}; it {one.outcome}", "dim", HANGING, HANGING)
        if one.unclear is not None:
            yield from _lines(f"It counts as unclear: {one.unclear}.", "yellow", HANGING, HANGING)


def _profiles(profiles: Sequence[Became]) -> Iterator[RenderableType]:
    yield _title("The profiles of this EID now")
    for profile in profiles:
        yield Text.assemble(MARGIN, _profile(profile))
    if not profiles:
        yield Text(f"{MARGIN}Nothing is known of them yet.")


def _profile(profile: Became) -> Text:
    name = f"ICCID {shown(profile.iccid)}" if profile.iccid is not None else "One that nobody named"
    kind = " (bootstrap)" if profile.bootstrap else ""
    states = profile.possible_states
    state = word(states[0]) if len(states) == 1 else Text(" or ".join(map(printable, states)), style="yellow")
    sure = "confirmed by a success on it" if profile.certainty == "confirmed" else "inferred"
    more = (", suspended" if profile.suspended else "") + f", {sure}"
    by = "; this operation changed it last" if profile.by_this else ""
    return Text.assemble(f"{name}{kind} is ", state, more, by)
