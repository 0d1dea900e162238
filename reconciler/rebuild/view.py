"""What a rebuild found, for people and for programs."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from rich.console import RenderableType
from rich.text import Text

from reconciler.audit.for_people import NOTHING, new_table, printable
from reconciler.rebuild.difference import Difference
from reconciler.rebuild.rebuild import Report
from schemas.event import rfc3339


class Asked(NamedTuple):
    """`rebuild_id` is that of the record; None for a check."""

    check: bool
    reclassify: bool
    rebuild_id: int | None
    seconds: float


def document(report: Report, asked: Asked) -> dict[str, object]:
    """`ok`: the tables are the fold of the audit log now, as far as this command knows."""
    return {
        "ok": not asked.check or report.total == 0,
        "check": asked.check,
        "reclassify": asked.reclassify,
        "rebuild_id": asked.rebuild_id,
        "events": report.events,
        "requests": report.requests,
        "intents": report.intents,
        "devices": report.devices,
        "devices_left_out": report.devices_left_out,
        "differences": report.total,
        "by_table": dict(report.by_table),
        "named": [_named(difference) for difference in report.named],
        "seconds": round(asked.seconds, 3),
    }


def _named(difference: Difference) -> dict[str, object]:
    return {
        "table": difference.table,
        "change": difference.change,
        "row": difference.name,
        "account": difference.account,
        "request_id": difference.request_id,
        "eid": difference.eid,
        "columns": {name: {"stored": was, "folded": row} for name, (was, row) in difference.columns},
    }


def view(report: Report, asked: Asked) -> Iterator[RenderableType]:
    if report.named:
        table = new_table("table", "row", "account", "request", "EID", "what differs")
        for difference in report.named:
            table.add_row(
                difference.table,
                printable(difference.name),
                printable(difference.account or NOTHING),
                printable(difference.request_id or NOTHING),
                printable(difference.eid or NOTHING),
                _said(difference),
            )
        yield table
    if report.total > len(report.named):
        yield Text(f"{report.total - len(report.named)} more differences; --limit names them")
    yield Text(
        f"folded {report.events} events: {report.requests} requests, {report.intents} intents, "
        f"{report.devices} devices, in {asked.seconds:.1f} s"
    )
    if report.devices_left_out:
        yield Text("so many operations differ that the profiles were not compared")
    yield _verdict(report, asked)


def _said(difference: Difference) -> str:
    if difference.change != "different":
        return {"missing": "the row is missing", "unexpected": "no event gives this row"}[difference.change]
    return "\n".join(f"{name}: {_shown(was)}, not {_shown(row)}" for name, (was, row) in difference.columns)


def _shown(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, tuple | list):
        return printable(" ".join(map(str, value))) or "none"
    return printable(str(value))


def _verdict(report: Report, asked: Asked) -> Text:
    if report.total == 0:
        return Text("every row is what the audit log gives", style="green")
    counts = ", ".join(f"{count} {table}" for table, count in sorted(report.by_table.items()))
    if asked.check:
        return Text(
            f"{report.total} rows differ ({counts}). Nothing was changed; `profile-reconciler rebuild` puts "
            "them right.",
            style="red",
        )
    return Text(
        f"{report.total} rows were put right ({counts}); what stood there is in audit.rebuild_changes under "
        f"rebuild {asked.rebuild_id}"
    )
