"""The accounts file: TOML as in the README, its secret files read, every fault found at once.

Paths inside are relative to the file. A secret file's trailing line break does not belong to the secret.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from receiver.auth import Account
from schemas.setting_types import secret_file
from schemas.toml_file import TomlFileError, read_toml

SERVICES = ("DeviceProfileService", "CarrierService")
SECRET_BYTES_MAX = 4096


class AccountsError(Exception):
    """`faults`: what is wrong, one line each, without any secret."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Accounts:
    by_name: Mapping[str, Account]

    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for account in self.by_name.values() for secret in account.secrets())


class Entry(BaseModel):
    """One `[[account]]` as written."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=200)
    services: list[str] = Field(default=list(SERVICES), min_length=1)
    credentials: Literal["body", "none"] = "body"
    username: str | None = Field(default=None, min_length=1)
    password: SecretStr | None = Field(default=None, min_length=1)
    password_file: Path | None = None
    previous_password: SecretStr | None = Field(default=None, min_length=1)
    previous_password_file: Path | None = None
    previous_until: AwareDatetime | None = None
    path_secret: SecretStr | None = Field(default=None, min_length=1)
    path_secret_file: Path | None = None


class File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    account: list[Entry] = Field(min_length=1)


def read_accounts(path: Path) -> Accounts:
    """Raises AccountsError."""
    entries = _entries(path)
    faults: list[str] = []
    accounts: dict[str, Account] = {}
    for number, entry in enumerate(entries, start=1):
        label = f"account {number} ({entry.name})"
        reader = Secrets(path.parent, label)
        account = reader.account(entry)
        faults.extend(reader.faults)
        faults.extend(f"{label}: {fault}" for fault in _contradictions(entry))
        if entry.name in accounts:
            faults.append(f"{label}: the name stands there twice; keep one of the two")
        accounts[entry.name] = account
    if faults:
        raise AccountsError(tuple(faults))
    return Accounts(accounts)


def _entries(path: Path) -> list[Entry]:
    try:
        return read_toml(path, File, "account").account
    except TomlFileError as error:
        raise AccountsError(error.faults) from error


def _contradictions(entry: Entry) -> Iterator[str]:
    has_password = entry.password is not None or entry.password_file is not None
    has_path_secret = entry.path_secret is not None or entry.path_secret_file is not None
    has_previous = entry.previous_password is not None or entry.previous_password_file is not None
    if entry.credentials == "none":
        if entry.username is not None or has_password or has_previous:
            yield 'has credentials = "none" and a username or password too; remove one of the two'
        if not has_path_secret:
            yield 'credentials = "none" needs path_secret_file, or any Verizon customer could speak for it'
    else:
        if entry.username is None:
            yield 'username is missing (or set credentials = "none")'
        if not has_password:
            yield 'password_file is missing (or set credentials = "none")'
    if entry.previous_until is not None and not has_previous:
        yield "previous_until stands without previous_password_file"
    if not all(service and "/" not in service for service in entry.services):
        yield "services: a name is empty or holds a slash"


class Secrets:
    """Reads the secrets of one entry and collects what is wrong with them."""

    def __init__(self, folder: Path, label: str) -> None:
        self._folder = folder
        self._label = label
        self.faults: list[str] = []

    def account(self, entry: Entry) -> Account:
        return Account(
            name=entry.name,
            services=frozenset(entry.services),
            username=None if entry.username is None else entry.username.encode(),
            password=self._secret("password", entry.password, entry.password_file),
            previous_password=self._secret(
                "previous_password", entry.previous_password, entry.previous_password_file
            ),
            previous_until=entry.previous_until,
            path_secret=self._secret("path_secret", entry.path_secret, entry.path_secret_file),
        )

    def _secret(self, member: str, inline: SecretStr | None, file: Path | None) -> bytes | None:
        if inline is not None and file is not None:
            self._fault(f"{member} and {member}_file are both set; keep one of the two")
        if inline is not None:
            return inline.get_secret_value().encode()
        return None if file is None else self._from_file(f"{member}_file", file)

    def _from_file(self, member: str, file: Path) -> bytes | None:
        try:
            content = secret_file(self._folder / file).get_secret_value().encode()
        except ValueError as error:
            self._fault(f"{member}: {error}")
            return None
        if len(content) > SECRET_BYTES_MAX:
            self._fault(
                f"{member}: {file} is longer than {SECRET_BYTES_MAX} bytes; write nothing but the secret"
            )
            return None
        return content

    def _fault(self, text: str) -> None:
        self.faults.append(f"{self._label}: {text}")
