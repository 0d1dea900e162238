"""Records that nobody should have written."""

import random

from schemas.record import Undecodable, decode_event
from tests.faults.spoilt import MARK, spoilt


def test_decoding_has_a_verdict_on_every_kind() -> None:
    for bad in spoilt(random.Random(1)):
        verdict = decode_event(bad.value, bad.headers)
        if isinstance(verdict, Undecodable):
            assert verdict.detail, bad.name


def test_each_is_marked_and_the_same_for_the_same_seed() -> None:
    found = spoilt(random.Random(2))
    assert all(dict(bad.headers)[MARK] for bad in found)
    assert found == spoilt(random.Random(2))
    assert len({bad.name for bad in found}) == len(found)
