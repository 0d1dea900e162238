"""What readers of the topics rely on, byte for byte."""

import pytest

from schemas.record import decode_event, decode_quarantine
from tests.contract.golden import GOLDEN, described, records

RECORDS = records()


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_version_1_has_the_same_bytes_for_ever(name: str) -> None:
    record = RECORDS[name]
    assert record.value == (GOLDEN / f"{name}.value.json").read_bytes()
    assert described(record) == (GOLDEN / f"{name}.record.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_version_1_is_read_for_ever(name: str) -> None:
    kept = (GOLDEN / f"{name}.value.json").read_bytes()
    read = decode_quarantine(kept) if name.startswith("quarantine") else decode_event(kept)
    assert not hasattr(read, "detail"), read


def test_nothing_golden_is_left_over() -> None:
    names = {path.name.removesuffix(".value.json").removesuffix(".record.json") for path in GOLDEN.iterdir()}
    assert names == set(RECORDS)
