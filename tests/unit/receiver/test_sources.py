"""Where a request comes from."""

from collections.abc import Sequence

import pytest

from receiver.sources import VERIZON, Sources, networks


def sources(allowed: str = "verizon", proxies: str = "") -> Sources:
    return Sources(networks(allowed), networks(proxies))


def test_the_preset_stands_for_the_eight_published_addresses() -> None:
    assert len(networks("verizon").members) == 8
    assert all(sources().speaker(address, ()).listed for address in VERIZON)
    assert not sources().speaker("3.87.163.46", ()).listed


@pytest.mark.parametrize("allowed", ["10.0.0.0/8", "verizon, 10.0.0.0/8", "VERIZON 10.1.2.3", "any"])
def test_a_list_may_hold_networks_addresses_and_words(allowed: str) -> None:
    assert sources(allowed).speaker("10.1.2.3", ()).listed


@pytest.mark.parametrize("text", ["10.0.0.0/33", "verizone", "10.0.0.1/8"])
def test_a_word_that_is_no_network_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=text.split("/")[0]):
        networks(text)


def test_an_empty_list_lists_nobody() -> None:
    assert not sources("").speaker("127.0.0.1", ()).listed


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("::ffff:3.87.163.45", "3.87.163.45"),
        ("fe80::1%eth0", "fe80::1"),
        ("unix", "unknown"),
        ("", "unknown"),
    ],
)
def test_addresses_are_plain(host: str, text: str) -> None:
    assert sources().speaker(host, ()).text == text


@pytest.mark.parametrize(
    ("forwarded", "speaker"),
    [
        ([], "10.0.0.1"),
        (["3.87.163.45"], "3.87.163.45"),
        (["3.87.163.45:4711"], "3.87.163.45"),
        (["[2001:db8::1]:443"], "2001:db8::1"),
        (["3.87.163.45, 203.0.113.9"], "203.0.113.9"),
        (["3.87.163.45", "203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, 3.87.163.45, 10.0.0.2"], "3.87.163.45"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (["3.87.163.45, what"], "10.0.0.1"),
        (["3.87.163.45, what, 10.0.0.2"], "10.0.0.2"),
    ],
)
def test_behind_a_proxy_the_right_most_untrusted_address_speaks(
    forwarded: Sequence[str], speaker: str
) -> None:
    assert sources(proxies="10.0.0.0/8").speaker("10.0.0.1", forwarded).text == speaker


def test_without_a_trusted_proxy_the_header_is_anybodys_and_ignored() -> None:
    assert sources().speaker("203.0.113.9", ["3.87.163.45"]).text == "203.0.113.9"


def test_a_trusted_proxy_holds_connections_like_a_listed_peer_but_speaks_as_itself() -> None:
    behind = sources(proxies="10.0.0.0/8")
    assert behind.connected("10.0.0.1").listed
    assert not behind.speaker("10.0.0.1", ()).listed


def test_an_ipv6_host_is_counted_by_its_network() -> None:
    first, second = (sources().connected(f"2001:db8::{number}") for number in (1, 2))
    assert first.share == second.share
    assert first.share != sources().connected("2001:db8:0:1::1").share
    assert sources().connected("1.2.3.4").share != sources().connected("1.2.3.5").share
