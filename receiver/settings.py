"""The settings of `profile-receiver` (interfaces.md 2)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from receiver.auth import AllowMode
from receiver.sources import Networks, Sources, networks
from schemas.setting_types import Bytes, ListenAddress, ReadableFile, address
from schemas.settings import Shared

KIB: Final = 1024
MIB: Final = 1024 * KIB


def _networks(value: object) -> Networks:
    return value if isinstance(value, Networks) else networks(str(value))


PeerList = Annotated[Networks, BeforeValidator(_networks)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class SpoolSettings(Shared):
    """What the spool commands need."""

    spool_dir: Path = Field(default=Path("var/spool"), validation_alias="RECEIVER_SPOOL_DIR")


class ReceiverSettings(SpoolSettings):
    listen: ListenAddress = Field(default=address("127.0.0.1:8080"), validation_alias="RECEIVER_LISTEN")
    ops_listen: ListenAddress = Field(
        default=address("127.0.0.1:9464"), validation_alias="RECEIVER_OPS_LISTEN"
    )
    accounts_file: ReadableFile = Field(validation_alias="RECEIVER_ACCOUNTS_FILE")
    allow: PeerList = Field(default=networks("verizon"), validation_alias="RECEIVER_ALLOW")
    allow_mode: AllowMode = Field(default="flag", validation_alias="RECEIVER_ALLOW_MODE")
    trusted_proxies: PeerList = Field(default=Networks(), validation_alias="RECEIVER_TRUSTED_PROXIES")
    tls_cert: ReadableFile | None = Field(default=None, validation_alias="RECEIVER_TLS_CERT")
    tls_key: ReadableFile | None = Field(default=None, validation_alias="RECEIVER_TLS_KEY")
    body_bytes_max: Annotated[Bytes, Field(ge=KIB, le=512 * KIB)] = Field(
        default=64 * KIB, validation_alias="RECEIVER_BODY_BYTES_MAX"
    )
    body_timeout_s: Seconds = Field(default=5.0, validation_alias="RECEIVER_BODY_TIMEOUT_S")
    connections_max: Annotated[int, Field(ge=2, le=100_000)] = Field(
        default=2000, validation_alias="RECEIVER_CONNECTIONS_MAX"
    )
    header_timeout_s: Seconds = Field(default=5.0, validation_alias="RECEIVER_HEADER_TIMEOUT_S")
    kafka_patience_ms: Annotated[int, Field(ge=10, le=60_000)] = Field(
        default=500, validation_alias="RECEIVER_KAFKA_PATIENCE_MS"
    )
    spool_bytes_max: Annotated[Bytes, Field(ge=MIB)] = Field(
        default=1024 * MIB, validation_alias="RECEIVER_SPOOL_BYTES_MAX"
    )
    queue_bytes_max: Annotated[Bytes, Field(ge=MIB)] = Field(
        default=64 * MIB, validation_alias="RECEIVER_QUEUE_BYTES_MAX"
    )

    @property
    def sources(self) -> Sources:
        return Sources(self.allow, self.trusted_proxies)

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if (self.tls_cert is None) != (self.tls_key is None):
            yield (
                "RECEIVER_TLS_CERT: a certificate and its key belong together; "
                "set RECEIVER_TLS_KEY too, or neither"
            )
        if self.trusted_proxies.everything:
            yield (
                "RECEIVER_TRUSTED_PROXIES: any would believe everybody's X-Forwarded-For; "
                "name your proxies' networks"
            )
