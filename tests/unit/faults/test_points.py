"""Every place that is listed can be armed in the product as it is."""

import pytest

from tests.faults.armed import ARM, Fuse
from tests.faults.catalogue import faults
from tests.faults.points import POINTS, armed


def test_each_place_is_listed_armed_and_a_fault() -> None:
    assert {point.name for point in POINTS} == ARM.keys()
    assert {f"{point.part}-at-{point.name}" for point in POINTS} <= {fault.name for fault in faults()}


@pytest.mark.parametrize("name", ARM)
def test_what_stands_there_is_still_there(name: str) -> None:
    wrapped: list[tuple[object, object]] = []
    ARM[name](lambda: None, lambda owner, member, new: wrapped.append((getattr(owner, member), new)))
    assert wrapped and all(old is not new for old, new in wrapped)


def test_a_fuse_burns_once_when_it_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("tests.faults.armed.os.kill", lambda _pid, number: ended.append(number))
    fuse = Fuse("here", 2)
    for _ in range(4):
        fuse.burn()
    assert len(ended) == 1
    assert armed(POINTS[0], 3) == {"PROFILE_KILL_AT": f"{POINTS[0].name}:3"}
