"""The settings of `profile-reconciler` and `profile-audit` (interfaces.md 2)."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr

from reconciler.core.schedule import APART, STEPS, Schedule
from reconciler.sweep.schedule import Apart, Steps
from reconciler.thingspace.base_url import VERIZON, BaseUrl
from schemas.setting_types import PORT_MAX, ListenAddress, ReadableFile, SecretInFile, address, duration
from schemas.settings import Shared

BATCH_EVENTS_LIMIT = 10_000
GROUP_CHARS_MAX = 249
EVERY_MIN, EVERY_MAX = timedelta(seconds=1), timedelta(days=30)
POLLS_PER_MINUTE_LIMIT = 100_000


def postgres_url(text: object) -> SecretStr:
    """A libpq URL. It may hold a password, so no message repeats it."""
    if isinstance(text, SecretStr):
        return text
    parts = urlsplit(str(text).strip())
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("is no PostgreSQL URL; write postgresql://user@host:5432/database")
    for host in parts.netloc.rpartition("@")[2].split(","):
        port = host.rpartition(":")[2] if ":" in host.rpartition("]")[2] else "0"
        if not (port.isascii() and port.isdigit() and int(port) <= PORT_MAX):
            raise ValueError(f"has the port {port!r}; write a number up to {PORT_MAX}")
    return SecretStr(str(text).strip())


PostgresUrl = Annotated[SecretStr, BeforeValidator(postgres_url)]


def period(value: object) -> timedelta:
    """A pause between two looks, or the length of a silence."""
    length = duration(value)
    if not EVERY_MIN <= length <= EVERY_MAX:
        raise ValueError(f"{str(value)!r} is too short or too long; write between 1s and 30d")
    return length


Every = Annotated[timedelta, BeforeValidator(period)]


class ReconcilerSettings(Shared):
    """One class for both programs: they share the database, and a fault anywhere is told by either."""

    postgres_dsn: PostgresUrl = Field(
        default=SecretStr("postgresql:///profile_ledger"), validation_alias="PROFILE_POSTGRES_DSN"
    )
    postgres_password: SecretInFile | None = Field(
        default=None, validation_alias="PROFILE_POSTGRES_PASSWORD_FILE"
    )
    migrate_postgres_dsn: PostgresUrl | None = Field(default=None, validation_alias="MIGRATE_POSTGRES_DSN")
    audit_postgres_dsn: PostgresUrl | None = Field(default=None, validation_alias="AUDIT_POSTGRES_DSN")
    ops_listen: ListenAddress = Field(
        default=address("127.0.0.1:9465"), validation_alias="RECONCILER_OPS_LISTEN"
    )
    group: Annotated[str, Field(min_length=1, max_length=GROUP_CHARS_MAX)] = Field(
        default="profile-reconciler", validation_alias="RECONCILER_GROUP"
    )
    batch_events_max: Annotated[int, Field(ge=1, le=BATCH_EVENTS_LIMIT)] = Field(
        default=1000, validation_alias="RECONCILER_BATCH_EVENTS_MAX"
    )
    dispatch: bool = Field(default=True, validation_alias="RECONCILER_DISPATCH")
    thingspace_base_url: BaseUrl = Field(default=VERIZON, validation_alias="THINGSPACE_BASE_URL")
    thingspace_accounts_file: ReadableFile | None = Field(
        default=None, validation_alias="THINGSPACE_ACCOUNTS_FILE"
    )
    listener_watch: bool = Field(default=True, validation_alias="RECONCILER_LISTENER_WATCH")
    listener_watch_every: Every = Field(
        default=timedelta(minutes=5), validation_alias="RECONCILER_LISTENER_WATCH_EVERY"
    )
    callback_silence: Every = Field(
        default=timedelta(hours=24), validation_alias="RECONCILER_CALLBACK_SILENCE"
    )
    sweep: bool = Field(default=True, validation_alias="RECONCILER_SWEEP")
    sweep_steps: Steps = Field(default=STEPS, validation_alias="RECONCILER_SWEEP_SCHEDULE")
    sweep_apart: Apart = Field(default=APART, validation_alias="RECONCILER_SWEEP_APART")
    sweep_polls_per_minute: Annotated[int, Field(ge=1, le=POLLS_PER_MINUTE_LIMIT)] = Field(
        default=120, validation_alias="RECONCILER_SWEEP_POLLS_PER_MINUTE"
    )
    sweep_intent_deadline: Apart = Field(
        default=timedelta(minutes=5), validation_alias="RECONCILER_SWEEP_INTENT_DEADLINE"
    )

    requests: bool = Field(default=True, validation_alias="RECONCILER_REQUESTS")
    eid_lease: Apart = Field(default=timedelta(hours=1), validation_alias="RECONCILER_EID_LEASE")

    @property
    def sweep_schedule(self) -> Schedule:
        return Schedule(self.sweep_steps, self.sweep_apart)
