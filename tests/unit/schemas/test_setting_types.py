"""How settings are written, and what is said when they are not."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from schemas.setting_types import (
    Address,
    address,
    addresses,
    byte_size,
    duration,
    durations,
    existing_file,
    networks,
    secret_file,
    topic_prefix,
)


@pytest.mark.parametrize(
    ("text", "read", "loopback"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080), True),
        ("[::1]:0", Address("::1", 0), True),
        (" localhost:65535 ", Address("localhost", 65535), True),
        ("[2001:db8::1]:443", Address("2001:db8::1", 443), False),
        ("0.0.0.0:80", Address("0.0.0.0", 80), False),
        ("kafka.example:9092", Address("kafka.example", 9092), False),
    ],
)
def test_an_address_is_host_and_port(text: str, read: Address, loopback: bool) -> None:
    assert address(text) == read
    assert address(str(read)) == read
    assert read.is_loopback is loopback


@pytest.mark.parametrize(
    "text", ["", "8080", ":8080", "host", "host:", "host:x", "host:65536", "::1:80", "[::1]", "h:-1", "h:٣"]
)
def test_what_is_no_address_is_told_with_a_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r".+; write "):
        address(text)


def test_several_addresses_have_commas_between() -> None:
    assert addresses("a:1, [::1]:2,") == (Address("a", 1), Address("::1", 2))
    with pytest.raises(ValueError, match="; write host:port"):
        addresses(" , ")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("65536", 65536),
        ("64 KiB", 65536),
        ("64kib", 65536),
        ("1 GiB", 2**30),
        ("1.5 MiB", 3 * 2**19),
        ("2kB", 2000),
        ("1GB", 10**9),
        ("7 B", 7),
        (4096, 4096),
    ],
)
def test_a_size_is_a_number_of_bytes_with_or_without_unit(text: object, size: int) -> None:
    assert byte_size(text) == size


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("5s", timedelta(seconds=5)),
        ("15 m", timedelta(minutes=15)),
        ("1H", timedelta(hours=1)),
        ("0.5d", timedelta(hours=12)),
        (timedelta(1), timedelta(1)),
    ],
)
def test_a_length_of_time_has_its_unit(text: object, length: timedelta) -> None:
    assert duration(text) == length


def test_a_schedule_is_a_list_of_lengths() -> None:
    assert durations("5m,15m, 1h") == (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))


def test_networks_may_be_addresses_names_or_cidr() -> None:
    presets = {"verizon": ("3.87.163.45", "3.91.119.203"), "any": ("0.0.0.0/0", "::/0")}
    assert networks("10.0.0.0/8, 192.0.2.7,::1") == tuple(
        map(ip_network, ("10.0.0.0/8", "192.0.2.7/32", "::1/128"))
    )
    assert networks("Verizon,any", presets) == tuple(
        map(ip_network, ("3.87.163.45/32", "3.91.119.203/32", "0.0.0.0/0", "::/0"))
    )
    assert networks("") == ()
    assert networks(("10.0.0.0/8",)) == (ip_network("10.0.0.0/8"),)


def test_a_secret_is_a_files_content_without_the_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" s3cret \r\n")
    secret = secret_file(str(file))
    assert secret.get_secret_value() == " s3cret "
    assert "s3cret" not in repr(secret)
    assert secret_file(secret) is secret


def test_a_topic_prefix_is_what_kafka_takes() -> None:
    assert topic_prefix("test-1.a_") == "test-1.a_"


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (byte_size, "many"),
        (byte_size, "1 PB"),
        (byte_size, "-1"),
        (byte_size, "9" * 400),
        (duration, "5"),
        (duration, "5 weeks"),
        (duration, "s"),
        (durations, ","),
        (networks, "10.0.0.1/8"),
        (networks, "verizon"),
        (topic_prefix, "a b"),
        (topic_prefix, "x" * 101),
        (existing_file, "/nowhere/at/all"),
        (secret_file, "/nowhere/at/all"),
    ],
)
def test_every_refusal_says_what_to_do(read: Callable[[object], object], text: str) -> None:
    with pytest.raises(ValueError, match=r"\S; \S"):
        read(text)


def test_an_empty_or_binary_secret_is_refused_and_not_shown(tmp_path: Path) -> None:
    for content in (b"", b"\n", b"\xff\xfes3cret"):
        file = tmp_path / "secret"
        file.write_bytes(content)
        with pytest.raises(ValueError, match="; write the secret") as refusal:
            secret_file(str(file))
        assert "s3cret" not in str(refusal.value)
