"""What is to be submitted: checked before anything is sent, and named so that it is known again. Pure.

A row of a file is known by the digest of the file, its line and what it says: the same file means the same
orders, whoever submits it, however often.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from typing import Final

from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.orders import order_faults
from reconciler.thingspace.talk import Order
from schemas.canonical import canonical_json
from schemas.ids import AccountName, Eid, Iccid
from schemas.names import Json

OPTIONS: Final = (
    "smsr_oid",
    "service_plan",
    "carrier_name",
    "mdn_zip_code",
    "carrier_ip_pool_name",
    "reason_code",
    "etf_waiver",
    "check_fallback_profile",
)
NAMED: Final = ("account", "action", "eid", "iccid", "imei")
COLUMNS: Final = (*NAMED, *OPTIONS)
ROWS_MAX: Final = 100_000
FILE_BYTES_MAX: Final = 64 * 1024 * 1024
_IDENTIFIER: Final = re.compile(r"[0-9]{3,32}")
_KEY_CHARS: Final = 32

Accounts = Mapping[AccountName, ThingSpaceAccount]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One order. `key` names it for good; `line` is that of the file, where it came from one."""

    key: str
    order: Order
    line: int | None = None

    @property
    def device(self) -> str:
        """What only one operation at a time may be under way on."""
        found = self.order.eid or self.order.iccid
        assert found is not None, "an order without any device is refused before"
        return found


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the file, or with the order; nothing is sent while there is one."""

    line: int | None
    says: str

    def __str__(self) -> str:
        return self.says if self.line is None else f"line {self.line}: {self.says}"


def order_of(fields: Mapping[str, str]) -> Order:
    """From named texts; empty ones are absent."""
    said = {name: text.strip() for name, text in fields.items() if text.strip()}
    return Order(
        action=said.get("action", ""),
        account=AccountName(said.get("account", "")),
        eid=Eid(said["eid"]) if "eid" in said else None,
        iccid=Iccid(said["iccid"]) if "iccid" in said else None,
        imei=said.get("imei"),
        options={name: said[name] for name in OPTIONS if name in said},
    )


def faults_of(order: Order, accounts: Accounts) -> Iterator[str]:
    """Why this cannot be sent, each with its remedy."""
    for kind, identifier in (("eid", order.eid), ("iccid", order.iccid), ("imei", order.imei)):
        if identifier is not None and not _IDENTIFIER.fullmatch(identifier):
            yield (
                f"{kind} is {identifier[:50]!r}, which is not 3 to 32 digits; a spreadsheet may have made a "
                "number of it, so format the column as text"
            )
    if order.eid is None and order.iccid is None:
        yield "neither eid nor iccid is there; say which device is meant"
    if not order.action:
        yield "no action is named; name one"
    account = accounts.get(order.account)
    if account is not None:
        yield from order_faults(order, account) if order.action else ()
    elif not order.account:
        yield "no account is named; name one"
    else:
        known = ", ".join(accounts)
        yield f"account {order.account} is not in THINGSPACE_ACCOUNTS_FILE; use one of {known}"


def row_key(file_digest: bytes, line: int, order: Order) -> str:
    said: list[Json] = [
        *(file_digest.hex(), line, order.action, order.account, order.eid, order.iccid, order.imei),
        dict(order.options),
    ]
    return f"csv-{sha256(canonical_json(said, exact=False)).hexdigest()[:_KEY_CHARS]}"


def read_file(
    content: bytes, defaults: Mapping[str, str], accounts: Accounts
) -> tuple[Sequence[Wanted], Sequence[Fault]]:
    """Every row, or everything that is wrong. `defaults` stand for columns that are absent or empty."""
    if len(content) > FILE_BYTES_MAX:
        return (), (Fault(None, f"the file is longer than {FILE_BYTES_MAX} bytes; split it"),)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return (), (Fault(line, "is not UTF-8 text; save the file as CSV UTF-8"),)
    digest = sha256(content).digest()
    first = text.split("\n", 1)[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Wanted] = []
    faults: list[Fault] = []
    try:
        names = tuple(name.strip().casefold() for name in next(reader, ()))
        faults += _header_faults(names)
        if not faults:
            for line, fields in _numbered(reader):
                if len(rows) == ROWS_MAX:
                    faults.append(Fault(line, f"is behind the {ROWS_MAX}th row; split the file"))
                    break
                _take(rows, faults, digest, line, _named(names, fields), defaults, accounts)
    except csv.Error as error:
        faults.append(Fault(reader.line_num, f"is no CSV ({error}); correct it"))
    if not rows and not faults:
        faults.append(Fault(None, "the file has no row below its header; there is nothing to submit"))
    return (rows, [*faults, *_repeated(rows)])


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line they begin on; the header is line 1, empty lines are passed over."""
    for row, fields in enumerate(reader, 2):
        if any(field.strip() for field in fields):
            yield row, fields


def _header_faults(names: Sequence[str]) -> Iterator[Fault]:
    if not any(names):
        yield Fault(None, f"the file is empty; its first line names columns, of {', '.join(COLUMNS)}")
        return
    for name in dict.fromkeys(names):
        if name not in COLUMNS:
            yield Fault(1, f"the column {name!r} is not known; use {', '.join(COLUMNS)}")
        elif names.count(name) > 1:
            yield Fault(1, f"the column {name} stands there twice; keep one")


def _named(names: Sequence[str], fields: Sequence[str]) -> Mapping[str, str] | str:
    if len(fields) > len(names) and any(field.strip() for field in fields[len(names) :]):
        return (
            f"has {len(fields)} fields, and the header names {len(names)}; a field with a comma needs quotes"
        )
    return {name: field.strip() for name, field in zip(names, fields, strict=False)}


def _take(
    rows: list[Wanted],
    faults: list[Fault],
    digest: bytes,
    line: int,
    named: Mapping[str, str] | str,
    defaults: Mapping[str, str],
    accounts: Accounts,
) -> None:
    if isinstance(named, str):
        faults.append(Fault(line, named))
        return
    for name in ("account", "action"):
        if named.get(name) and defaults.get(name) and named[name] != defaults[name]:
            says = f"{name} is {named[name]!r} here and {defaults[name]!r} on the command line; leave one out"
            faults.append(Fault(line, says))
    order = order_of({**defaults, **{name: text for name, text in named.items() if text}})
    faults.extend(Fault(line, says) for says in faults_of(order, accounts))
    if order.eid or order.iccid:
        rows.append(Wanted(row_key(digest, line, order), order, line))


def _repeated(rows: Sequence[Wanted]) -> Iterator[Fault]:
    """A row that asks a device for the very thing it was asked for in its row before is a slip."""
    before: dict[str, Wanted] = {}
    for row in rows:
        last = before.get(row.device)
        if last is not None and last.order == row.order:
            yield Fault(row.line, f"says the same as line {last.line}; remove one of the two")
        before[row.device] = row
