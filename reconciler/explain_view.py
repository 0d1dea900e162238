"""An explanation as people read it, and as JSON. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from reconciler.audit.for_people import printable, shown, word
from reconciler.explain import Became, Explained, Said


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
    yield Text(f"request {printable(request_id)}", style="bold")
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
    settled = f" since {shown(row['settled_at'])} UTC" if row["settled_at"] is not None else ""
    yield Text.assemble("  It is ", word(row["state"]), settled, ".")
    yield Text(f"  Why: {one.row_words} (row {one.row_number} of the table of states).")
    yield from _part("What was asked", one.asked, "Nobody told the ledger who asked for it.")
    yield from _part("What arrived", one.arrived, "No callback so far.")
    yield from _part("What was polled", one.polled, "ThingSpace was not asked so far.")
    if one.decided:
        yield from _part("What was decided", one.decided, "")
    if row["eid"] is not None:
        yield Text("  The profiles of this EID now", style="bold")
        for profile in one.profiles:
            yield Padding(_profile(profile), (0, 0, 0, 4))
        if not one.profiles:
            yield Text("    Nothing is known of them yet.")
    yield Text("  What comes next", style="bold")
    yield Padding(Text(one.next), (0, 0, 0, 4))


def _part(title: str, said: Sequence[Said], none: str) -> Iterator[RenderableType]:
    yield Text(f"  {title}", style="bold")
    if not said:
        yield Text(f"    {none}")
    for one in said:
        text = Text.assemble(f"{shown(one.at)}  ", one.says, (f"  {one.source}", "dim"), f"; {one.outcome}")
        yield Padding(text, (0, 0, 0, 4))
        if one.unclear is not None:
            yield Padding(Text(f"counts as unclear: {one.unclear}", style="yellow"), (0, 0, 0, 25))


def _profile(profile: Became) -> Text:
    name = f"ICCID {shown(profile.iccid)}" if profile.iccid is not None else "a profile that nobody named"
    kind = " (bootstrap)" if profile.bootstrap else ""
    states = profile.possible_states
    state = word(states[0]) if len(states) == 1 else Text(" or ".join(map(printable, states)), style="yellow")
    more = (", suspended" if profile.suspended else "") + (
        ", confirmed by a success on it" if profile.certainty == "confirmed" else ", inferred"
    )
    by = "; this operation was the last to change it" if profile.by_this else ""
    return Text.assemble(f"{name}{kind} is ", state, more, by)
