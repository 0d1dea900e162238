"""TLS at the door."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from receiver.tls import CertificateError, tls_context
from tests.support.polling import eventually
from tests.unit.receiver.endpoint import callback, house, request, status


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "a.crt", folder / "a.key"
    command = ["openssl", "req", "-x509", "-days", "2", "-newkey", "ec", "-nodes"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=receiver"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


async def test_a_callback_over_tls(pair: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=pair[0])
    async with house(tls=tls_context(*pair)) as at:
        assert status(await at.say(request(callback()), tls=trusting)) == 200
        assert at.count("receiver_handshakes_failed_total") == 0


async def test_a_handshake_that_does_not_come_is_cut_off_and_gives_its_place_back(
    pair: tuple[Path, Path],
) -> None:
    async with house(tls=tls_context(*pair), head_timeout_s=0.1) as at:
        reader, _ = await at.connect()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        await eventually(lambda: at.count("receiver_handshakes_failed_total") == 1)
        assert at.places.taken == 0


async def test_plain_http_on_the_tls_port_is_no_trouble(pair: tuple[Path, Path]) -> None:
    async with house(tls=tls_context(*pair)) as at:
        assert b"200" not in await at.say(request(callback()))
        await eventually(lambda: at.places.taken == 0)
        assert at.broker.records == []


def test_a_pair_that_does_not_fit_is_refused_in_words(pair: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, key = pair
    with pytest.raises(CertificateError, match="no usable pair"):
        tls_context(certificate, certificate)
    with pytest.raises(CertificateError, match="cannot be read: No such file"):
        tls_context(certificate, tmp_path / "nothing")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-in", str(key), "-out", str(locked), "-aes128", "-passout", "pass:word"],
        check=True,
        capture_output=True,
    )
    with pytest.raises(CertificateError, match="encrypted"):
        tls_context(certificate, locked)


@pytest.mark.parametrize("spoilt", ["certificate", "key"])
def test_a_file_that_is_no_pem_is_told_with_what_to_do(
    spoilt: str, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "bad").write_text("bad")
    certificate = tmp_path / "bad" if spoilt == "certificate" else pair[0]
    key = tmp_path / "bad" if spoilt == "key" else pair[1]
    with pytest.raises(CertificateError) as caught:
        tls_context(certificate, key)
    assert str(tmp_path / "bad") in str(caught.value)
    assert "None" not in str(caught.value)
    assert "name a certificate and the key that belongs to it" in str(caught.value)
