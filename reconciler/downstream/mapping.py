"""The mapping as people keep it: a CSV file, checked whole before a line of it counts."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from yarl import URL

from reconciler.downstream.address import UnsafeAddressError, profile_address
from reconciler.downstream.planning import Binding
from reconciler.downstream.targets import Target
from reconciler.readable import ReadableError

COLUMNS: Final = (
    *(
        "target",
        "account",
        "eid",
        "iccid",
        "binding",
        "app_id",
        "holder_id",
        "device_id",
        "enabled",
        "denied",
    ),
)
NEEDED: Final = ("target", "account", "eid", "holder_id")
BYTES_MAX: Final = 256 * 1024 * 1024
FAULTS_TOLD_MAX: Final = 50
YES: Final = frozenset({"yes", "true", "1"})
NO: Final = frozenset({"no", "false", "0"})
ANY_BASE: Final = URL("https://a.example")


class MappingError(ReadableError):
    """The file was not taken, no line of it; the text names the lines."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row, in the order of COLUMNS."""

    target: str
    account: str
    eid: str
    iccid: str | None
    binding: Binding
    app_id: str
    holder_id: str
    device_id: str
    enabled: bool
    denied: bool

    def values(self) -> tuple[object, ...]:
        return astuple(self)


def read_mapping(path: Path, targets: Mapping[str, Target]) -> list[Line]:
    """Every line, or MappingError with what is wrong in which."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise MappingError(f"{path} is larger than {BYTES_MAX} bytes; nothing was taken. Split it.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MappingError(f"{path} cannot be read ({error.strerror}); nothing was taken") from error
    except UnicodeDecodeError as error:
        raise MappingError(f"{path} is not UTF-8; nothing was taken. Save it as UTF-8.") from error
    return _lines(path, text, targets)


def _lines(path: Path, text: str, targets: Mapping[str, Target]) -> list[Line]:
    rows = csv.DictReader(io.StringIO(text), strict=True)
    faults: list[str] = []
    lines: list[Line] = []
    seen: dict[tuple[object, ...], int] = {}
    try:
        header = rows.fieldnames or ()
        faults += _header_faults(header)
        for row in rows if not faults else ():
            found = _line({name: (row.get(name) or "") for name in COLUMNS}, targets)
            if isinstance(found, Line):
                key = (found.target, found.account, found.eid, found.iccid, found.app_id)
                if key in seen:
                    faults.append(f"line {rows.line_num}: the same as line {seen[key]}; keep one of the two")
                seen[key] = rows.line_num
                lines.append(found)
            else:
                faults += [f"line {rows.line_num}: {fault}" for fault in found]
    except csv.Error as error:
        faults.append(f"line {rows.line_num}: is not CSV ({error})")
    if faults:
        more = [f"and {len(faults) - FAULTS_TOLD_MAX} more"] if len(faults) > FAULTS_TOLD_MAX else []
        raise MappingError(
            "\n".join([f"{path} was not taken, no line of it:", *faults[:FAULTS_TOLD_MAX], *more])
        )
    return lines


def _header_faults(header: Sequence[str]) -> list[str]:
    unknown = sorted(set(header) - set(COLUMNS))
    missing = [name for name in NEEDED if name not in header]
    return [
        *([f"the first line names {', '.join(unknown)}; known are {', '.join(COLUMNS)}"] if unknown else []),
        *([f"the first line lacks {', '.join(missing)}"] if missing else []),
    ]


def _line(row: Mapping[str, str], targets: Mapping[str, Target]) -> Line | list[str]:
    target = targets.get(row["target"])
    binding = next(
        (known for known in get_args(Binding) if known == (row["binding"] or "subscription")), None
    )
    enabled, denied = _flag(row["enabled"], "yes"), _flag(row["denied"], "no")
    faults = [
        *([] if target else [f"target: there is no {row['target']!r} in the targets file"]),
        *([] if binding else ["binding: write subscription or device"]),
        *([] if enabled is not None else ["enabled: write yes or no"]),
        *([] if denied is not None else ["denied: write yes or no"]),
        *(f"{name}: is empty" for name in NEEDED if not row[name]),
    ]
    if binding == "subscription" and not row["iccid"]:
        faults.append("iccid: is empty; a subscription is an EID and an ICCID (or write device as binding)")
    if target is not None:
        if row["account"] not in target.accounts:
            faults.append(f"account: target {target.name} is not for it; see `accounts` in the targets file")
        faults += _id_faults(row, target)
    if faults or binding is None or enabled is None or denied is None:
        return faults
    return Line(
        row["target"],
        row["account"],
        row["eid"],
        row["iccid"] or None,
        binding,
        row["app_id"],
        row["holder_id"],
        row["device_id"],
        enabled,
        denied,
    )


def _id_faults(row: Mapping[str, str], target: Target) -> list[str]:
    """Ids that no address could be built from; checked now, and again each time before one is used."""
    if target.kind == "oracle_risk":
        odd = [name for name in ("app_id", "device_id") if row[name]]
        return [f"{name}: is for IMIconnect; leave it empty" for name in odd]
    try:
        profile_address(ANY_BASE, (), row["app_id"], row["holder_id"], row["device_id"])
    except UnsafeAddressError as error:
        return [str(error)]
    return []


def _flag(text: str, default: Literal["yes", "no"]) -> bool | None:
    word = (text or default).strip().casefold()
    return True if word in YES else False if word in NO else None


def written(rows: Iterable[Mapping[str, object]]) -> str:
    """The mapping as such a file, which `read_mapping` takes again."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
