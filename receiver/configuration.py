"""Everything the receiver is told, read as one: settings, accounts, certificate; again on SIGHUP."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from receiver.accounts import Accounts, AccountsError, read_accounts
from receiver.policy import Policy
from receiver.settings import ReceiverSettings
from receiver.tls import CertificateError, tls_context
from schemas.callback import Secrets
from schemas.settings import SettingsError, environment, load

ACCOUNTS_FILE = "RECEIVER_ACCOUNTS_FILE"
TLS_CERT = "RECEIVER_TLS_CERT"
TLS_KEY = "RECEIVER_TLS_KEY"


@dataclass(frozen=True, slots=True)
class Configuration:
    settings: ReceiverSettings
    policy: Policy
    tls: ssl.SSLContext | None


def read_configuration() -> Configuration:
    """Raises SettingsError with every fault there is, also those behind another one."""
    faults: list[str] = []
    try:
        settings = load(ReceiverSettings)
    except SettingsError as error:
        settings = None
        faults += error.faults
    accounts = _accounts(faults)
    tls = _tls(faults)
    if settings is None or accounts is None or faults:
        raise SettingsError(faults)
    return Configuration(settings, _policy(settings, accounts), tls)


def _policy(settings: ReceiverSettings, accounts: Accounts) -> Policy:
    return Policy(
        accounts=accounts,
        sources=settings.sources,
        allow_mode=settings.allow_mode,
        secrets=Secrets(accounts.secrets()),
        body_bytes_max=settings.body_bytes_max,
        body_timeout_s=settings.body_timeout_s,
    )


def _accounts(faults: list[str]) -> Accounts | None:
    path = _readable(ACCOUNTS_FILE)
    if path is None:
        return None
    try:
        return read_accounts(path)
    except AccountsError as error:
        faults += [f"{ACCOUNTS_FILE}: {path}: {fault}" for fault in error.faults]
        return None


def _tls(faults: list[str]) -> ssl.SSLContext | None:
    certificate, key = _readable(TLS_CERT), _readable(TLS_KEY)
    if certificate is None or key is None:
        return None
    try:
        return tls_context(certificate, key)
    except CertificateError as error:
        faults.append(f"{TLS_CERT}: {error}")
        return None


def _readable(name: str) -> Path | None:
    """The file of a setting; None where `load` has complained about it already."""
    text = environment().get(name)
    path = Path(text).expanduser() if text else None
    return path if path is not None and path.is_file() else None
