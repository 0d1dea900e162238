"""The certificate of the callback endpoint.

A new pair is a new context, used from the next connection on; a context is never changed, because one that
failed to load a pair is of no use for the old one either.
"""

import ssl
from pathlib import Path


class CertificateError(Exception):
    """What is wrong with the pair of files, in one sentence."""


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's context, TLS 1.2 or newer. Raises CertificateError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load(context, certificate, key)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        raise CertificateError(
            f"{certificate} and {key} are no usable pair ({error.reason or 'one of them is no PEM'}); "
            "name a certificate and the key that belongs to it"
        ) from error
    except OSError as error:
        raise CertificateError(
            f"{certificate} or {key} cannot be read: {error.strerror}; name readable files"
        ) from error
    except ValueError as error:
        raise CertificateError(f"{key} is encrypted; give one without a passphrase") from error


def _no_password() -> str:
    """OpenSSL would ask on the terminal."""
    raise ValueError("encrypted")
