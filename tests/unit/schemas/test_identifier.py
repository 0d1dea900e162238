"""Identifiers: found wherever they stand, checked but never refused."""

import pytest

from schemas.identifier import Devices, luhn
from tests.unit.schemas.samples import EID, ICCID, IMEI


def flags(kind: str, text: str) -> set[str]:
    return set(Devices([{"kind": kind, "id": text}], None).flags) - {"no_device"}


@pytest.mark.parametrize(
    "eid",
    [
        "89049032000000000000000000000163",
        "89049032000000000000000000000260",
        "89049032123451234512345678901235",
        "12345000000000000000000000000186",
    ],
)
def test_a_good_eid_has_no_flag(eid: str) -> None:
    assert flags("eid", eid) == set()


def test_an_eid_of_thirty_digits_has_the_wrong_length_and_one_digit_off_fails_the_check() -> None:
    assert flags("eid", "666456789123456789123456784008") == {"eid_length"}
    assert flags("eid", "89049032000000000000000000000164") == {"eid_check"}
    assert flags("eid", "8904903200000000000000000000016x") == {"eid_check"}
    assert flags("eid", "٨" * 32) == {"eid_check"}


@pytest.mark.parametrize(
    "iccid", ["89148000000840784251", "89148000000840784269", "8914800000084078423", "89141390780800784259"]
)
def test_a_good_iccid_has_no_flag_padded_or_not(iccid: str) -> None:
    assert flags("iccid", iccid) == set()
    assert flags("iccid", iccid + "F") == flags("iccid", iccid + "f") == set()


@pytest.mark.parametrize(
    "iccid", ["11245055053268336886", "89148000000840784252", "8914", "89F48000000840784251"]
)
def test_a_bad_iccid_is_flagged(iccid: str) -> None:
    assert flags("iccid", iccid) == {"iccid_check"}


@pytest.mark.parametrize("imei", ["490154203237518", "666456789014007", "990013907835578"])
def test_a_good_imei_has_no_flag(imei: str) -> None:
    assert flags("imei", imei) == set()


def test_an_imei_without_check_digit_cannot_fail_it_and_other_lengths_do() -> None:
    assert flags("imei", "49015420323751") == flags("imei", "4901542032375101") == set()
    assert flags("imei", "666456789014008") == {"imei_check"}
    assert flags("imei", "4901542032375") == flags("imei", "imei") == {"imei_check"}


def test_luhn_agrees_with_the_textbook() -> None:
    for number in range(2000):
        text = str(number)
        doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(text))]
        assert luhn(text.encode()) == (sum(value // 10 + value % 10 for value in doubled) % 10 == 0)


def test_kinds_are_lower_case_and_texts_trimmed() -> None:
    devices = Devices([{"kind": " iccId ", "id": f" {ICCID}\n"}, {"Kind": "EID", "Identifier": EID}], None)
    assert devices.identifiers == (("eid", EID), ("iccid", ICCID))
    assert (devices.eid, devices.iccid_echoed) == (EID, ICCID)


@pytest.mark.parametrize(
    "entries",
    [
        None,
        [],
        {},
        "text",
        7,
        [None, 3, "x", [], {}],
        [{"kind": "eid"}, {"id": EID}, {"kind": "eid", "id": None}, {"kind": None, "id": EID}],
        [
            {"kind": "eid", "id": ""},
            {"kind": "", "id": EID},
            {"kind": "  ", "id": "  "},
            {"kind": "eid", "id": True},
        ],
        [{"kind": ["eid"], "id": {"a": 1}}],
    ],
)
def test_what_names_nothing_is_passed_over(entries: object) -> None:
    devices = Devices(entries, entries)  # type: ignore[arg-type]
    assert devices.identifiers == ()
    assert devices.flags == ["no_device"]


def test_numbers_are_taken_for_their_text() -> None:
    devices = Devices([{"kind": "imei", "id": int(IMEI)}, {"kind": "eid", "id": int(EID)}], None)
    assert (devices.imei, devices.eid) == (IMEI, EID)


def test_a_single_object_stands_for_an_array_of_one() -> None:
    assert Devices({"kind": "imei", "id": IMEI}, None).imei == IMEI


def test_the_echoed_identifier_stands_before_the_reported_one() -> None:
    devices = Devices([{"kind": "eid", "id": "1"}, {"kind": "eid", "id": "2"}], [{"kind": "eid", "id": "3"}])
    assert devices.eid == "1"
    assert devices.identifiers == (("eid", "1"), ("eid", "2"), ("eid", "3"))


def test_echoed_and_reported_iccids_are_kept_apart() -> None:
    devices = Devices([{"kind": "iccid", "id": "1"}], [{"kind": "iccid", "id": "2"}])
    assert (devices.iccid_echoed, devices.iccid_reported) == ("1", "2")
    assert Devices(None, [{"kind": "iccid", "id": "2"}]).iccid_echoed is None


def test_an_endless_identifier_names_nothing_and_is_flagged() -> None:
    endless = "8" * 129
    devices = Devices([{"kind": "eid", "id": endless}, {"kind": "iccid", "id": endless}], None)
    assert (devices.eid, devices.iccid_echoed, devices.identifiers) == (None, None, ())
    assert set(devices.flags) == {"eid_length", "iccid_check", "no_device"}


def test_other_kinds_are_listed_but_stand_for_no_device() -> None:
    devices = Devices([{"kind": "ESN", "id": "22211315718"}], None)
    assert devices.identifiers == (("esn", "22211315718"),)
    assert devices.flags == ["no_device"]
