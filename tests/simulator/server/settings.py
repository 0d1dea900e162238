"""The configuration file of `serve`: TOML written by a person, checked here. README.md has each member."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tests.simulator.server.faults import FAULTS

STRICT = ConfigDict(extra="forbid", frozen=True)
Group = Literal["all", "auth", "callbacks", "actions", "status", "devices"]
OutageKind = Literal["refuse", "hang", "unavailable", "html"]
Share = Annotated[float, Field(ge=0, le=1)]


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= value[0] <= value[1]:
        raise ValueError("a range is two numbers, the smaller one first, none below zero")
    return value


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]


class SettingsError(Exception):
    """A configuration that cannot be used; the text lists every fault, one a line."""


class Account(BaseModel):
    """Who may ask for what: the keys of an application and a user's name and password."""

    model_config = STRICT
    name: str = Field("1223334444-00001", min_length=1)
    client_id: str = "client"
    client_secret: str = "client-secret"
    username: str = "user"
    password: str = "password"


class Auth(BaseModel):
    model_config = STRICT
    token_s: float = Field(3600, gt=0)
    session_idle_s: float = Field(1200, gt=0)
    failed_logins_max: int = Field(5, ge=1)
    session_refused_status: Literal[400, 401] = 401


class Callbacks(BaseModel):
    """`strict_ports` unset: the port rule holds, but not for loopback addresses."""

    model_config = STRICT
    strict_ports: bool | None = None
    over_existing: Literal["replace", "refuse"] = "replace"
    name_key: Literal["serviceName", "name"] = "serviceName"
    old_password_s: float = Field(0, ge=0)
    to_carrier_service: tuple[str, ...] = ()
    required: bool = False


class Times(BaseModel):
    """Ranges of seconds, drawn from evenly; simulated, but for `answer_late_s`, which the caller waits."""

    model_config = STRICT
    work_s: Range = (1.0, 5.0)
    warning_s: Range = (60.0, 600.0)
    late_s: Range = (86_400.0, 432_000.0)
    contradiction_s: Range = (5.0, 600.0)
    audit_s: Range = (600.0, 7200.0)
    fall_back_s: Range = (600.0, 86_400.0)
    answer_late_s: Range = (1.0, 3.0)


class Status(BaseModel):
    model_config = STRICT
    shape: Literal["documented", "sdk"] = "documented"
    overall: Literal["honest", "printed"] = "honest"
    v1_profile_requests: Literal["error", "pending"] = "error"
    v1_failure_word: Literal["Failure", "Failed"] = "Failure"
    kept_s: float = Field(2_592_000, gt=0)
    unknown_requests: Literal["error", "pending"] = "error"


class Limits(BaseModel):
    """Per account and real minute; unset: none."""

    model_config = STRICT
    requests_per_minute: int | None = Field(None, ge=1)
    actions_per_minute: int | None = Field(None, ge=1)
    devices_max: int = Field(200, ge=1)


class Away(BaseModel):
    """The API is away for a share of the time: once in each period, at a moment the seed draws."""

    model_config = STRICT
    group: Group = "all"
    share: Share = 0.5
    period_s: float = Field(1800, gt=0)
    kinds: tuple[OutageKind, ...] = Field(("unavailable",), min_length=1)


class Profile(BaseModel):
    model_config = STRICT
    iccid: str
    state: Literal["disabled", "enabled"] = "disabled"


class DeviceSeed(BaseModel):
    """One card. What is left out is made from the EID; without an EID, from the seed."""

    model_config = STRICT
    account: str | None = None
    eid: str | None = None
    imei: str | None = None
    mdn: str | None = None
    bootstrap_iccid: str | None = None
    profiles: tuple[Profile, ...] = ()


def _known_fault(name: str) -> str:
    if name not in FAULTS:
        raise ValueError(f"{name} unknown; there are {', '.join(FAULTS)}")
    return name


FaultName = Annotated[str, AfterValidator(_known_fault)]
Probabilities = dict[FaultName, Share]


class Settings(BaseModel):
    """A configuration file as it was written; without one, everything is usual and nothing goes wrong."""

    model_config = STRICT
    account: tuple[Account, ...] = (Account(),)
    auth: Auth = Auth()
    callbacks: Callbacks = Callbacks()
    times: Times = Times()
    status: Status = Status()
    limits: Limits = Limits()
    away: tuple[Away, ...] = ()
    faults: Probabilities = Field(default_factory=dict)
    unknown_devices: Literal["make", "refuse"] = "make"
    delete_of_enabled: Literal["disables_first", "refused"] = "disables_first"
    device: tuple[DeviceSeed, ...] = ()


def faults_of(error: ValidationError) -> str:
    return "\n".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())


def read_settings(path: Path) -> Settings:
    """The settings in a file; SettingsError when it cannot be read or says something impossible."""
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise SettingsError(f"{path}:\n{faults_of(error)}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error


def settings_file(name: str) -> Path:
    """The configuration that comes along under a name, or else the file of that path."""
    if not name.isidentifier() and not name.replace("-", "_").isidentifier():
        return Path(name)
    coming = Path(__file__).parent / "configurations" / f"{name}.toml"
    return coming if coming.is_file() else Path(name)
