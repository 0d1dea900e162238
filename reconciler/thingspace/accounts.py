"""The accounts file of the reconciler: TOML, its secret files read, every fault found at once.

File names inside are relative to the file. A secret file's trailing line break does not belong to the secret.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from reconciler.thingspace.callback_url import (
    CREDENTIAL_CHARS_MAX,
    is_plain_http,
    listener_url,
    template_faults,
)
from schemas.ids import AccountName
from schemas.setting_types import secret_file
from schemas.settings import SettingsError
from schemas.toml_file import TomlFileError, read_toml

SETTING: Final = "THINGSPACE_ACCOUNTS_FILE"
SECRET_CHARS_MAX: Final = 4096
REQUESTS_PER_MINUTE: Final = 100
"""The one limit that Verizon publishes: 100 activations a minute."""
REQUESTS_PER_MINUTE_MAX: Final = 6000
_NAME: Final = re.compile(r"[^\s/?#\x00-\x1f]+(?: [^\s/?#\x00-\x1f]+)*")


class AccountsError(SettingsError):
    """The file cannot be used. `faults`: what is wrong and what to do, one line each, without any secret."""

    def __init__(self, path: Path, faults: Iterable[str]) -> None:
        super().__init__([f"{SETTING}: {path}: {fault}" for fault in faults])


@dataclass(frozen=True, slots=True)
class ThingSpaceAccount:
    """One `[[account]]`. Secrets hide themselves in every representation."""

    name: AccountName
    client_id: str
    client_secret: SecretStr
    username: str
    password: SecretStr
    callback_url: str
    """May hold `{account}`, `{service}` and `{secret}`."""
    callback_username: str | None = None
    callback_password: SecretStr | None = None
    callback_path_secret: SecretStr | None = None
    smsr_oid: str | None = None
    service_plan: str | None = None
    carrier_name: str | None = None
    requests_per_minute: int = REQUESTS_PER_MINUTE

    def secrets(self) -> tuple[str, ...]:
        """What may appear nowhere."""
        held = (self.client_secret, self.password, self.callback_password, self.callback_path_secret)
        return tuple(secret.get_secret_value() for secret in held if secret is not None)

    def listener_url(self, service: str) -> str:
        """Where callbacks of the service are to go. Holds the path secret, where there is one."""
        secret = self.callback_path_secret
        return listener_url(
            self.callback_url, self.name, service, None if secret is None else secret.get_secret_value()
        )


class Entry(BaseModel):
    """One `[[account]]` as written."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=200)
    client_id: str = Field(min_length=1)
    client_secret_file: Path
    username: str = Field(min_length=1)
    password_file: Path
    callback_url: str
    callback_url_may_be_http: bool = False
    callback_username: str | None = Field(default=None, min_length=1)
    callback_password_file: Path | None = None
    callback_path_secret_file: Path | None = None
    smsr_oid: str | None = Field(default=None, pattern=r"^[0-9.]{3,46}$")
    service_plan: str | None = Field(default=None, min_length=1)
    carrier_name: str | None = Field(default=None, min_length=1)
    requests_per_minute: int = Field(default=REQUESTS_PER_MINUTE, ge=1, le=REQUESTS_PER_MINUTE_MAX)


class File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    account: list[Entry] = Field(min_length=1)


def load_accounts(path: Path) -> Mapping[AccountName, ThingSpaceAccount]:
    """By name, in the order of the file; raises `AccountsError` with all that is wrong."""
    faults: list[str] = []
    accounts: dict[AccountName, ThingSpaceAccount] = {}
    for number, entry in enumerate(_entries(path), start=1):
        label = f"account {number} ({entry.name})"
        reader = _SecretFiles(path.parent)
        account = _account(entry, reader)
        found = [*reader.faults, *_faults(entry), *_credential_faults(account)]
        if account.name in accounts:
            found.append("the name stands there twice; keep one of the two")
        faults.extend(f"{label}: {fault}" for fault in found)
        accounts[account.name] = account
    if faults:
        raise AccountsError(path, tuple(faults))
    return accounts


def _entries(path: Path) -> list[Entry]:
    try:
        return read_toml(path, File, "account").account
    except TomlFileError as error:
        raise AccountsError(path, error.faults) from error


def _account(entry: Entry, reader: "_SecretFiles") -> ThingSpaceAccount:
    return ThingSpaceAccount(
        name=AccountName(entry.name),
        client_id=entry.client_id,
        client_secret=reader.read("client_secret_file", entry.client_secret_file),
        username=entry.username,
        password=reader.read("password_file", entry.password_file),
        callback_url=entry.callback_url,
        callback_username=entry.callback_username,
        callback_password=reader.maybe("callback_password_file", entry.callback_password_file),
        callback_path_secret=reader.maybe("callback_path_secret_file", entry.callback_path_secret_file),
        smsr_oid=entry.smsr_oid,
        service_plan=entry.service_plan,
        carrier_name=entry.carrier_name,
        requests_per_minute=entry.requests_per_minute,
    )


def _faults(entry: Entry) -> Iterator[str]:
    if not _NAME.fullmatch(entry.name):
        yield "name holds a slash, a sign or white space that no account has; correct it"
    yield from template_faults(entry.callback_url)
    if is_plain_http(entry.callback_url) and not entry.callback_url_may_be_http:
        yield (
            "callback_url uses http, which shows the callback password on the way; write https, or set "
            "callback_url_may_be_http = true where a tunnel protects it"
        )
    if (entry.callback_username is None) != (entry.callback_password_file is None):
        yield "callback_username and callback_password_file belong together; set the other one too"
    if "{secret}" in entry.callback_url and entry.callback_path_secret_file is None:
        yield "callback_url names {secret}; name the file with callback_path_secret_file"


def _credential_faults(account: ThingSpaceAccount) -> Iterator[str]:
    """ThingSpace takes short callback credentials, and never those of its own login."""
    password = account.callback_password.get_secret_value() if account.callback_password else ""
    for member, value in (
        ("callback_username", account.callback_username or ""),
        ("callback_password_file", password),
    ):
        if len(value) > CREDENTIAL_CHARS_MAX:
            yield f"{member}: ThingSpace takes {CREDENTIAL_CHARS_MAX} characters at most; shorten it"
    if password and password == account.password.get_secret_value():
        yield "callback_password_file holds the password of the login; choose another one for callbacks"


class _SecretFiles:
    """Reads the secrets of one entry and collects what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.faults: list[str] = []

    def maybe(self, member: str, file: Path | None) -> SecretStr | None:
        return None if file is None else self.read(member, file)

    def read(self, member: str, file: Path) -> SecretStr:
        try:
            secret = secret_file(self._folder / file)
        except ValueError as error:
            self.faults.append(f"{member}: {error}")
            return SecretStr("")
        text = secret.get_secret_value()
        if len(text) > SECRET_CHARS_MAX or not text.isprintable():
            self.faults.append(
                f"{member}: {file} is longer than {SECRET_CHARS_MAX} characters or has several lines; "
                "write nothing but the secret"
            )
        return secret
