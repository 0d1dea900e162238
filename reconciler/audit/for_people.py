"""The readable form of what the audit commands find: tables, UTC times, state words in colour on a terminal.

Text that came from outside is shown with its control characters escaped, so that no callback can write to the
auditor's terminal.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from textwrap import fill
from typing import TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from reconciler.audit.reading import ChainResult
from reconciler.audit.stories import DeviceStory, EventStory, OperationStory, RequestStory, Row, Value

WIDTH_IN_A_FILE = 220
WIDTH_MAX = 1000
NOTHING = "-"
ID_CHARS = 12
LIST_CHARS = 24

STATE_STYLES = {
    "succeeded": "bold green",
    "failed": "bold red",
    "rejected": "bold red",
    "void": "dim",
    "conflicted": "bold yellow",
    "unclear": "yellow",
    "held": "yellow",
    "warned": "yellow",
    "submit_unclear": "yellow",
    "enabled": "bold green",
    "deleted": "red",
    "unknown": "yellow",
    "conflict": "bold yellow",
    "unmatched": "yellow",
    "abandoned": "bold red",
    "overdue": "bold yellow",
}


def show(stream: TextIO, view: Iterable[RenderableType]) -> None:
    """Prints; a table may be wider than the terminal: an identifier that is broken is none."""
    out = console(stream)
    terminal = out.width
    for renderable in view:
        out.width = WIDTH_MAX if isinstance(renderable, Table) else terminal
        out.print(renderable)


def console(stream: TextIO) -> Console:
    """Colours only on a terminal, and not where NO_COLOR is set; in a file no line is folded early."""
    width = None if stream.isatty() else WIDTH_IN_A_FILE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def printable(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def shown(value: Value) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return folded(value)
    return printable(str(value))


def folded(items: Iterable[str]) -> str:
    """A list in as many lines as it needs, so that its column stays narrow."""
    return fill(", ".join(map(printable, items)), LIST_CHARS, break_long_words=False) or NOTHING


def word(value: Value) -> Text:
    """A word of ours in its colour."""
    text = shown(value)
    return Text(text, style=STATE_STYLES.get(text, ""))


def request_view(story: RequestStory) -> Iterator[RenderableType]:
    yield Text(f"request {printable(story.request_id)}", style="bold")
    for told in story.operations:
        yield Text()
        yield from _operation_told(told)
    if story.unmatched:
        yield Text()
        yield Text("events that belong to no operation")
        yield _events_told(story.unmatched)


def _operation_told(told: OperationStory) -> Iterator[RenderableType]:
    row = told.operation
    yield Text.assemble(
        (shown(row["action"] or "unknown action"), "bold"),
        f" on {_device(row)}: ",
        _state(row),
        "" if row["final"] else " (not final)",
    )
    yield Text(
        f"  account {shown(row['account'])} · target ICCID {shown(row['iccid_target'])} · first seen "
        f"{shown(row['first_seen_at'])} · settled {shown(row['settled_at'])} · polls {shown(row['polls'])}"
    )
    yield Text(f"  facts {' '.join(shown(row['facts']).split())} · operation {shown(row['operation_id'])}")
    yield _events_told(told.events)


def _device(row: Row) -> str:
    if row["eid"] is not None:
        return f"EID {shown(row['eid'])}"
    return f"device {shown(row['device'])}" if row["device"] is not None else "a device that nobody named"


def _state(row: Row) -> Text:
    text = word(row["state"])
    late = "abandoned" if row["abandoned"] else "overdue" if row["overdue"] else None
    return text if late is None else Text.assemble(text, ", ", word(late))


def _events_told(stories: Iterable[EventStory]) -> Table:
    table = new_table("recorded (UTC)", "said", "outcome", "copies", "attempts", "from", "flags", "event")
    for story in stories:
        event = story.event
        table.add_row(
            shown(event["recorded_at"]),
            f"{shown(event['kind'])}: {shown(event['fact'])}",
            word(event["outcome"]),
            str(len(story.deliveries)),
            _attempts(story.deliveries),
            _sources(story.deliveries),
            shown(event["flags"]),
            shown(event["event_id"])[:ID_CHARS],
        )
    return table


def _attempts(deliveries: Sequence[Row]) -> str:
    """`1, 2 of 4`: the attempts of the copies, and the threshold after which ThingSpace gives up."""
    attempts = sorted({row["attempt"] for row in deliveries if isinstance(row["attempt"], int)})
    most = max(
        (row["attempts_max"] for row in deliveries if isinstance(row["attempts_max"], int)), default=None
    )
    if not attempts:
        return NOTHING
    return ", ".join(str(attempt) for attempt in attempts) + (f" of {most}" if most is not None else "")


def _sources(deliveries: Sequence[Row]) -> str:
    return folded(sorted({shown(row["source_ip"]) for row in deliveries}))


def device_view(story: DeviceStory) -> Iterator[RenderableType]:
    yield Text(f"device {printable(story.eid)}", style="bold")
    yield Text("\nprofiles now")
    yield profiles_table(story.profiles)
    yield Text("operations, in operation order")
    table = new_table(
        "first seen (UTC)", "action", "target ICCID", "state", "settled (UTC)", "facts", "request"
    )
    for row in story.operations:
        table.add_row(
            shown(row["first_seen_at"]),
            shown(row["action"]),
            shown(row["iccid_target"]),
            _state(row),
            shown(row["settled_at"]),
            shown(row["facts"]),
            shown(row["request_id"]),
        )
    yield table
    yield Text("what was recorded, and until when it stood")
    yield profiles_table(story.history)


def profiles_table(rows: Iterable[Row]) -> Table:
    """Of `audit.profiles` or, with its span of recording, of `audit.profile_history`."""
    found = list(rows)
    recorded = ("recorded from (UTC)", "until (UTC)") if found and "recorded_from" in found[0] else ()
    table = new_table(*recorded, "ICCID", "state", "certainty", "suspended", "since (UTC)", "account")
    for row in found:
        table.add_row(
            *([shown(row["recorded_from"]), _until(row)] if recorded else ()),
            shown(row["iccid"]) + (" (bootstrap)" if row["bootstrap"] else ""),
            _profile_state(row),
            shown(row["certainty"]),
            shown(row["suspended"]),
            shown(row["since"]),
            shown(row["account"]),
        )
    return table


def _until(row: Row) -> str:
    return "now" if row["recorded_until"] is None else shown(row["recorded_until"])


def _profile_state(row: Row) -> Text:
    if row["state"] != "unknown":
        return word(row["state"])
    return Text.assemble(word("unknown"), f": {' '.join(shown(row['possible_states']).split())}")


def events_table(rows: Iterable[Row]) -> Table:
    """Two lines for each event: what it says of what, and where it belongs."""
    table = new_table("recorded (UTC)", "said", "outcome", "EID, target ICCID", "request, account", "flags")
    for row in rows:
        table.add_row(
            shown(row["recorded_at"]),
            f"{shown(row['kind'])}: {shown(row['fact'])}\n{shown(row['action'])}",
            word(row["outcome"]),
            f"{shown(row['eid'])}\n{shown(row['iccid_target'])}",
            f"{shown(row['request_id'])}\n{shown(row['account'])}",
            shown(row["flags"]),
        )
    return table


def verify_view(chains: Sequence[ChainResult]) -> Iterator[RenderableType]:
    table = new_table("partition", "events", "head", "chain")
    for chain in chains:
        whole = Text("whole", style="green") if chain.fault is None else Text("BROKEN", style="bold red")
        table.add_row(str(chain.partition), str(chain.events), chain.head.hex(), whole)
    yield table
    faults = [chain.fault for chain in chains if chain.fault is not None]
    for fault in faults:
        row = f", event {fault.event_id} at offset {fault.offset}" if fault.event_id is not None else ""
        yield Text(
            f"partition {fault.partition}, chain position {fault.chain_position}{row}: {fault.fault}.",
            style="red",
        )
    if faults:
        yield Text(
            "Nothing was changed. Keep the database as it is, compare with a backup and with the published "
            "heads, and find out who could write."
        )
    else:
        events = sum(chain.events for chain in chains)
        yield Text(f"Nothing was altered. Events: {events}; chains (one per partition): {len(chains)}.")


def new_table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
