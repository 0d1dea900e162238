"""The settings of `profile-downstream`."""

from collections.abc import Iterator

from pydantic import Field, SecretStr

from reconciler.postgres.admin import Access
from reconciler.settings import PostgresUrl
from schemas.setting_types import ListenAddress, ReadableFile, SecretInFile, address
from schemas.settings import Shared

JOBS = "DOWNSTREAM_POSTGRES_DSN"
OWNER = "MIGRATE_POSTGRES_DSN"


class DownstreamSettings(Shared):
    """`targets_file` is what turns anything on at all."""

    postgres_dsn: PostgresUrl | None = Field(default=None, validation_alias=JOBS)
    postgres_password: SecretInFile | None = Field(
        default=None, validation_alias="DOWNSTREAM_POSTGRES_PASSWORD_FILE"
    )
    migrate_postgres_dsn: PostgresUrl | None = Field(default=None, validation_alias=OWNER)
    targets_file: ReadableFile | None = Field(default=None, validation_alias="DOWNSTREAM_TARGETS_FILE")
    ops_listen: ListenAddress = Field(
        default=address("127.0.0.1:9466"), validation_alias="DOWNSTREAM_OPS_LISTEN"
    )

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.postgres_dsn is None:
            yield f"{JOBS}: is not set; write postgresql://profile_downstream@host:5432/database"

    def access(self) -> Access:
        """To the job ledger."""
        dsn = self.postgres_dsn or SecretStr("")
        password = self.postgres_password
        return Access(dsn.get_secret_value(), JOBS, password.get_secret_value() if password else None)

    def owner_access(self) -> Access:
        """To the same database, with the right to make schemas; the engine's own where none is set."""
        if self.migrate_postgres_dsn is None:
            return self.access()
        return Access(self.migrate_postgres_dsn.get_secret_value(), OWNER)
