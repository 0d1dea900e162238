"""Which database, as which role, a command talks to. The two that fall back to the writer's DSN say so."""

from collections.abc import Callable

from reconciler.postgres.admin import Access
from reconciler.settings import ReconcilerSettings

WRITER = "PROFILE_POSTGRES_DSN"
OWNER = "MIGRATE_POSTGRES_DSN"
AUDITOR = "AUDIT_POSTGRES_DSN"


def writer_access(settings: ReconcilerSettings) -> Access:
    password = settings.postgres_password
    return Access(
        settings.postgres_dsn.get_secret_value(),
        WRITER,
        password.get_secret_value() if password is not None else None,
    )


def owner_access(settings: ReconcilerSettings, warn: Callable[[str], None]) -> Access:
    if settings.migrate_postgres_dsn is not None:
        return Access(settings.migrate_postgres_dsn.get_secret_value(), OWNER)
    return _fallback(settings, OWNER, "the schema will belong to profile_owner all the same", warn)


def auditor_access(settings: ReconcilerSettings, warn: Callable[[str], None]) -> Access:
    if settings.audit_postgres_dsn is not None:
        return Access(settings.audit_postgres_dsn.get_secret_value(), AUDITOR)
    return _fallback(settings, AUDITOR, "this reads with the writer's rights", warn)


def _fallback(
    settings: ReconcilerSettings, setting: str, meaning: str, warn: Callable[[str], None]
) -> Access:
    warn(f"{setting} is not set; using {WRITER} instead: {meaning}")
    return writer_access(settings)
