"""Files of orders: everything wrong is told at once, and the same file means the same orders."""

from collections.abc import Sequence

import pytest

from reconciler.submit import order as order_file
from reconciler.submit.order import Fault, Wanted, faults_of, order_of, read_file
from reconciler.thingspace.orders import FORMS
from schemas.signal import ACTIONS
from tests.unit.submit.desk import ACCOUNT, ACCOUNTS, EID, ICCID, order

HEADER = "account,action,eid,iccid\n"
ROW = f"{ACCOUNT},enable,{EID},{ICCID}\n"


def read(text: str, **defaults: str) -> tuple[Sequence[Wanted], Sequence[Fault]]:
    return read_file(text.encode(), defaults, ACCOUNTS)


def test_a_row_becomes_an_order() -> None:
    rows, faults = read(HEADER + ROW)
    assert not faults
    (row,) = rows
    assert (row.order, row.line) == (order(), 2)


def test_a_file_that_is_too_long_is_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is wrong in it: looking through all that was found, for each row more, took hours."""
    monkeypatch.setattr(order_file, "ROWS_MAX", 2)
    wrong = ROW.replace(ICCID, "x")
    _, faults = read(HEADER + wrong + ROW + ROW.replace("enable", "disable") + "too,many,fields,by,far\n")
    assert [fault.line for fault in faults] == [2, 4]
    assert "split the file" in str(faults[-1])


def test_columns_may_come_from_the_command_line_and_in_any_order() -> None:
    rows, faults = read(f"ICCID;EID\n{ICCID};{EID}\n", account=ACCOUNT, action="enable")
    assert not faults
    assert rows[0].order == order()


def test_a_file_of_a_spreadsheet_is_read() -> None:
    rows, faults = read("\ufeff" + HEADER.replace("\n", "\r\n") + "\r\n" + ROW.replace("\n", "\r\n"))
    assert not faults
    assert len(rows) == 1


def test_the_same_file_means_the_same_orders_and_another_one_others() -> None:
    (one,), _ = read(HEADER + ROW)
    (same,), _ = read(HEADER + ROW)
    (other,), _ = read(HEADER + ROW + "\n")
    assert one.key == same.key != other.key
    (by_default,), _ = read(HEADER + f",,{EID},{ICCID}\n", account=ACCOUNT, action="enable")
    (changed,), _ = read(HEADER + f",,{EID},{ICCID}\n", account=ACCOUNT, action="disable")
    assert by_default.key != changed.key


def test_equal_rows_of_two_lines_are_two_orders() -> None:
    rows, faults = read(HEADER + ROW + ROW.replace("enable", "disable") + ROW)
    assert not faults
    assert len({row.key for row in rows}) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        (HEADER, "no row below its header"),
        ("acount,eid\n1,2\n", "line 1: the column 'acount' is not known"),
        ("eid,eid\n1,2\n", "line 1: the column eid stands there twice"),
        (HEADER + ROW.replace("enable", "enabel"), "line 2: the action 'enabel' is none of ThingSpace's"),
        (HEADER + ROW.replace(ICCID, "8.91E+19"), "line 2: iccid is '8.91E+19', which is not 3 to 32 digits"),
        (HEADER + ROW.replace(ACCOUNT, "other"), "line 2: account other is not in"),
        (HEADER + f"{ACCOUNT},enable,,\n", "line 2: neither eid nor iccid"),
        (HEADER + ROW + ROW, "line 3: says the same as line 2"),
        (HEADER + ROW[:-1] + ",extra\n", "line 2: has 5 fields, and the header names 4"),
        (HEADER + '"' + ROW, "is no CSV"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, says: str) -> None:
    _, faults = read(text)
    assert says in "\n".join(map(str, faults))


def test_all_faults_are_told_at_once() -> None:
    bad = ROW.replace("enable", "nothing")
    _, faults = read(HEADER + bad * 3)
    assert [fault.line for fault in faults if "none of ThingSpace's" in fault.says] == [2, 3, 4]


def test_a_file_that_contradicts_the_command_line_is_refused() -> None:
    _, faults = read(HEADER + ROW, action="delete")
    assert "line 2: action is 'enable' here and 'delete' on the command line" in str(faults[0])


def test_a_file_in_another_encoding_is_refused() -> None:
    _, faults = read_file(HEADER.encode() + b"\xff\xfe\n", {}, ACCOUNTS)
    assert faults[0].line == 2
    assert "UTF-8" in faults[0].says


def test_an_order_needs_a_device_and_an_account() -> None:
    told = "\n".join(faults_of(order_of({"action": "enable"}), ACCOUNTS))
    assert "neither eid nor iccid" in told
    assert "no account is named" in told


def test_every_action_of_thingspace_is_one_of_ours() -> None:
    assert set(FORMS) == set(ACTIONS)
