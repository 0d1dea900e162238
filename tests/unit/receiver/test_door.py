"""How many connections, for whom."""

from receiver.door import Places
from receiver.sources import Peer

LISTED = Peer("3.87.163.45", True, "3.87.163.45")


def stranger(number: int) -> Peer:
    return Peer(f"203.0.113.{number}", False, f"203.0.113.{number}")


def test_a_stranger_gets_so_many_and_a_listed_peer_any_number() -> None:
    places = Places(connections_max=100, per_stranger_max=2)
    assert [places.take(stranger(1)) for _ in range(3)] == [True, True, False]
    assert places.take(stranger(2))
    assert all(places.take(LISTED) for _ in range(97))
    assert not places.take(LISTED)


def test_half_of_all_is_kept_for_listed_peers() -> None:
    places = Places(connections_max=10, per_stranger_max=64)
    assert [places.take(stranger(number)) for number in range(6)] == [True] * 5 + [False]
    assert [places.take(LISTED) for _ in range(6)] == [True] * 5 + [False]


def test_a_place_given_back_is_free_again() -> None:
    places = Places(connections_max=4, per_stranger_max=1)
    assert places.take(stranger(1))
    assert not places.take(stranger(1))
    places.give_back(stranger(1))
    assert places.take(stranger(1))
    assert places.taken == 1
