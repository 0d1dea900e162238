"""Targets and jobs for people."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from reconciler.audit.for_people import new_table, printable
from reconciler.downstream.targets import Target
from reconciler.downstream.worker import EVERYTHING

Row = Mapping[str, object]

STYLES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("confirmed", "already_absent"), "bold green"),
    **dict.fromkeys(("unknown", "failed"), "bold red"),
    **dict.fromkeys(("held", "looking", "sending", "accepted", "checking"), "yellow"),
    **dict.fromkeys(("cancelled", "denied", "too_old", "merged", "dry_run", "linked_anew"), "dim"),
}
NOTHING: Final = "-"


def status(
    targets: Mapping[str, Target], rows: Sequence[Row], counts: Sequence[Row]
) -> list[dict[str, object]]:
    """One document for each target of the file; `everything` where all are stopped at once."""
    known = {str(row["name"]): row for row in rows}
    everything = known.get(EVERYTHING, {}).get("stopped_because")
    return [
        {
            "target": name,
            "kind": target.kind,
            "mode": target.mode,
            "stopped_because": everything or known.get(name, {}).get("stopped_because"),
            "jobs": _by_state(name, counts),
            "waiting": sum(_int(row["jobs"]) for row in counts if row["target"] == name and _waits(row)),
        }
        for name, target in targets.items()
    ]


def _by_state(name: str, counts: Sequence[Row]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in counts:
        if row["target"] == name:
            found[str(row["state"])] = found.get(str(row["state"]), 0) + _int(row["jobs"])
    return found


def _waits(row: Row) -> bool:
    return bool(row["needs_approval"]) or row["state"] == "unknown"


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def status_table(rows: Sequence[Row]) -> Iterator[RenderableType]:
    table = new_table("target", "kind", "mode", "stopped because", "jobs", "for a person")
    for row in rows:
        jobs = row["jobs"]
        assert isinstance(jobs, dict)
        told = ", ".join(f"{count} {state}" for state, count in sorted(jobs.items())) or "none"
        stopped = row["stopped_because"]
        table.add_row(
            str(row["target"]),
            str(row["kind"]),
            str(row["mode"]),
            Text(_text(stopped), "bold red") if stopped else NOTHING,
            told,
            str(row["waiting"]),
        )
    yield table


def jobs_table(rows: Sequence[Row]) -> Iterator[RenderableType]:
    if not rows:
        yield "no jobs"
        return
    table = new_table("job", "target", "state", "EID", "ICCID", "holder", "settled", "because")
    for row in rows:
        table.add_row(
            str(row["job_id"]),
            str(row["target"]),
            _state(row),
            *(_text(row[name]) for name in ("eid", "iccid", "holder_id")),
            _time(row["event_at"]),
            _text(row["reason"]),
        )
    yield table


def job_view(row: Row) -> Iterator[RenderableType]:
    """Everything of one, the request as it is or would be sent, and each step."""
    table = new_table("", "")
    for name, value in row.items():
        if name not in ("transitions", "request", "state"):
            table.add_row(name, _time(value) if isinstance(value, datetime) else _text(value))
    yield Text.assemble("job ", str(row["job_id"]), ": ", _state(row))
    yield table
    if row["request"]:
        yield Text(str(row["request"]))
    steps = row["transitions"]
    assert isinstance(steps, list)
    taken = new_table("at", "step", "to", "by", "target said", "because")
    for step in steps:
        said = " ".join(_text(step[name]) for name in ("http_status", "code", "said") if step[name])
        taken.add_row(
            _time(step["at"]),
            str(step["step"]),
            _state(step),
            str(step["by"]),
            said or NOTHING,
            _text(step["reason"]),
        )
    yield taken


def _state(row: Row) -> Text:
    state = str(row["state"])
    waits = " (approve?)" if row.get("needs_approval") else ""
    return Text(state + waits, STYLES.get(state, ""))


def _time(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}Z" if isinstance(value, datetime) else _text(value)


def _text(value: object) -> str:
    """Without control characters: a target's words must not write to the terminal of whoever reads them."""
    return NOTHING if value is None or value == "" else printable(str(value))
