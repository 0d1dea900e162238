"""The targets file: which systems are told, in whose name, and how far.

TOML, its secret files read, every fault found at once. Paths inside are relative to the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from yarl import URL

from reconciler.downstream.imiconnect import HOSTS
from reconciler.downstream.oracle_risk import basic
from reconciler.readable import ReadableError
from schemas.setting_types import Duration, address, secret_file
from schemas.toml_file import TomlFileError, read_toml

SECRET_BYTES_MAX: Final = 4096

Kind = Literal["imiconnect", "oracle_risk"]
Mode = Literal["off", "dry-run", "live"]
Policy = Literal["last_device", "any_device"]


class TargetsError(ReadableError):
    """The targets file cannot be used; the text names every fault, and no secret."""


def _some(length: timedelta) -> timedelta:
    """The HTTP client takes none at all for as long as it takes."""
    if not length:
        raise ValueError("is no time at all, in which nobody answers; write for example 30s")
    return length


class Written(BaseModel):
    """One `[[target]]` as it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    kind: Kind
    mode: Mode = "off"
    accounts: list[str] = Field(min_length=1)
    region: str | None = None
    base_url: str | None = None
    username: str | None = None
    key_file: Path | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    policy: Policy = "last_device"
    hold: Duration = timedelta(hours=24)
    event_age_max: Duration = timedelta(days=7)
    replays: bool = False
    per_second: Annotated[float, Field(gt=0, le=100)] = 1.0
    deletes_max: Annotated[int, Field(ge=1)] = 50
    deletes_share_max: Annotated[float, Field(gt=0, le=1)] = 0.1
    deletes_window: Duration = timedelta(hours=1)
    timeout: Annotated[Duration, AfterValidator(_some)] = timedelta(seconds=30)
    allow: list[str] = []
    deny: list[str] = []


class File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    target: list[Written] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Target:
    """A target that may be used. `secret` is the profile key, or the Authorization header.

    `hold`: between the event and what cannot be undone. `deletes_max` and `deletes_share_max`, of the mapped
    devices of an account: what may be planned within `deletes_window` before a person must look.
    """

    name: str
    kind: Kind
    mode: Mode
    accounts: frozenset[str]
    base: URL
    secret: SecretStr
    ca_file: Path | None
    policy: Policy
    hold: timedelta
    event_age_max: timedelta
    replays: bool
    per_second: float
    deletes_max: int
    deletes_share_max: float
    deletes_window: timedelta
    timeout_s: float
    allow: frozenset[str]
    deny: frozenset[str]

    @property
    def can_look(self) -> bool:
        """Whether what is to be deleted can be looked at first."""
        return self.kind == "imiconnect"


def read_targets(path: Path) -> dict[str, Target]:
    """By name. Raises TargetsError."""
    faults: list[str] = []
    targets: dict[str, Target] = {}
    names: set[str] = set()
    for number, written in enumerate(_written(path), start=1):
        reader = _Reader(path.parent, f"target {number} ({written.name})")
        target = reader.target(written)
        if written.name in names:
            reader.fault("the name stands there twice; keep one of the two")
        names.add(written.name)
        faults.extend(reader.faults)
        if target is not None:
            targets[written.name] = target
    if faults:
        raise TargetsError(_told(path, faults))
    return targets


def _told(path: Path, faults: Iterable[str]) -> str:
    return "\n".join([f"{path} cannot be used; nothing was sent to anybody", *faults])


def _written(path: Path) -> list[Written]:
    try:
        return read_toml(path, File, "target").target
    except TomlFileError as error:
        raise TargetsError(_told(path, error.faults)) from error


class _Reader:
    """Reads what one entry points to, and collects what is wrong with it."""

    def __init__(self, folder: Path, label: str) -> None:
        self._folder = folder
        self._label = label
        self.faults: list[str] = []

    def fault(self, text: str) -> None:
        self.faults.append(f"{self._label}: {text}")

    def target(self, written: Written) -> Target | None:
        base = self._imiconnect_base(written) if written.kind == "imiconnect" else self._oracle_base(written)
        secret = (
            self._imiconnect_key(written) if written.kind == "imiconnect" else self._oracle_header(written)
        )
        if base is None or secret is None:
            return None
        return Target(
            name=written.name,
            kind=written.kind,
            mode=written.mode,
            accounts=frozenset(written.accounts),
            base=base,
            secret=secret,
            ca_file=None if written.ca_file is None else self._folder / written.ca_file,
            policy=written.policy,
            hold=written.hold,
            event_age_max=written.event_age_max,
            replays=written.replays,
            per_second=written.per_second,
            deletes_max=written.deletes_max,
            deletes_share_max=written.deletes_share_max,
            deletes_window=written.deletes_window,
            timeout_s=written.timeout.total_seconds(),
            allow=frozenset(written.allow),
            deny=frozenset(written.deny),
        )

    def _imiconnect_base(self, written: Written) -> URL | None:
        if written.base_url is not None:
            return self._base(written.base_url, with_path=False)
        host = HOSTS.get(written.region or "")
        if host is None:
            self.fault(f"region: name one of {', '.join(HOSTS)}, or set base_url")
            return None
        return URL(f"https://{host}")

    def _oracle_base(self, written: Written) -> URL | None:
        if written.base_url is None:
            self.fault("base_url is missing; write it whole, with its context path (often /risk-cc)")
            return None
        return self._base(written.base_url, with_path=True)

    def _base(self, text: str, *, with_path: bool) -> URL | None:
        try:
            base = URL(text)
            known = base.absolute and base.host is not None
            is_safe = known and (base.scheme == "https" or _is_loopback(base))
        except (ValueError, IndexError):  # the latter from yarl, of brackets with nothing in them
            known = False
        if not known:
            self.fault("base_url: is no address; write https://host")
            return None
        if not is_safe:
            self.fault("base_url: must be https; plain http is for this very machine")
        if base.user or base.query_string or base.fragment or (base.path.strip("/") and not with_path):
            self.fault("base_url: write scheme, host and port" + (" and context path" if with_path else ""))
        return base

    def _imiconnect_key(self, written: Written) -> SecretStr | None:
        if written.token_file is not None or written.username is not None:
            self.fault("username and token_file are for kind oracle_risk; remove them")
        return self._secret("key_file", written.key_file)

    def _oracle_header(self, written: Written) -> SecretStr | None:
        if written.token_file is not None:
            if written.key_file is not None:
                self.fault("key_file and token_file are both set; keep one of the two")
            token = self._secret("token_file", written.token_file)
            return None if token is None else SecretStr(f"Bearer {token.get_secret_value()}")
        if written.username is None:
            self.fault("username is missing; write RELEASENAME-risk-cc, or set token_file")
            return None
        key = self._secret("key_file", written.key_file)
        try:
            return None if key is None else basic(written.username, key)
        except ValueError as error:
            self.fault(f"key_file: {error}")
            return None

    def _secret(self, member: str, file: Path | None) -> SecretStr | None:
        if file is None:
            self.fault(f"{member} is missing; write the secret into a file and name it")
            return None
        try:
            content = secret_file(self._folder / file).get_secret_value().strip()
        except ValueError as error:
            self.fault(f"{member}: {error}")
            return None
        if not 0 < len(content) <= SECRET_BYTES_MAX or not content.isascii() or not content.isprintable():
            self.fault(f"{member}: {file} is empty, too long, or holds what no header takes")
            return None
        return SecretStr(content)


def _is_loopback(base: URL) -> bool:
    return address(f"{base.host if ':' not in (base.host or '') else f'[{base.host}]'}:1").is_loopback
