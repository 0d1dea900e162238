"""Settings: read once, from the environment or a file it names; every fault told at once (interfaces.md 2).

A program declares its settings as a subclass of `Shared`, each with its name as `validation_alias`, what must
hold between them in `faults`, and calls `load`. The environment wins over the file; an empty value counts as
unset in both.
"""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from schemas.setting_types import AddressList, ReadableFile, SecretInFile, TopicPrefix, addresses
from schemas.topics import Topics

ENV_FILE: Final = "PROFILE_ENV_FILE"

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class SettingsError(Exception):
    """Settings that cannot be used. The text has one line a fault: NAME: what is wrong; remedy."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class Shared(BaseSettings):
    """The settings that every program has."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True, validate_default=False
    )

    kafka_bootstrap: AddressList = Field(
        default=addresses("127.0.0.1:9092"), validation_alias="PROFILE_KAFKA_BOOTSTRAP"
    )
    kafka_security_protocol: SecurityProtocol = Field(
        default="PLAINTEXT", validation_alias="PROFILE_KAFKA_SECURITY_PROTOCOL"
    )
    kafka_sasl_mechanism: SaslMechanism = Field(
        default="PLAIN", validation_alias="PROFILE_KAFKA_SASL_MECHANISM"
    )
    kafka_sasl_username: str | None = Field(default=None, validation_alias="PROFILE_KAFKA_SASL_USERNAME")
    kafka_sasl_password: SecretInFile | None = Field(
        default=None, validation_alias="PROFILE_KAFKA_SASL_PASSWORD_FILE"
    )
    kafka_ssl_cafile: ReadableFile | None = Field(default=None, validation_alias="PROFILE_KAFKA_SSL_CAFILE")
    kafka_ssl_certfile: ReadableFile | None = Field(
        default=None, validation_alias="PROFILE_KAFKA_SSL_CERTFILE"
    )
    kafka_ssl_keyfile: ReadableFile | None = Field(default=None, validation_alias="PROFILE_KAFKA_SSL_KEYFILE")
    topic_prefix: TopicPrefix = Field(default="", validation_alias="PROFILE_TOPIC_PREFIX")

    @property
    def topics(self) -> Topics:
        return Topics(self.topic_prefix)

    @property
    def kafka_bootstrap_servers(self) -> list[str]:
        """As Kafka's clients want them."""
        return [str(address) for address in self.kafka_bootstrap]

    @property
    def kafka_uses_tls(self) -> bool:
        return self.kafka_security_protocol in {"SSL", "SASL_SSL"}

    @property
    def kafka_uses_sasl(self) -> bool:
        return self.kafka_security_protocol in {"SASL_PLAINTEXT", "SASL_SSL"}

    def faults(self) -> Iterator[str]:
        """What is wrong between settings that are right one by one, as `NAME: what; remedy`."""
        if self.kafka_uses_sasl and self.kafka_sasl_username is None:
            yield f"PROFILE_KAFKA_SASL_USERNAME: {self.kafka_security_protocol} needs it; set it"
        if self.kafka_uses_sasl and self.kafka_sasl_password is None:
            yield f"PROFILE_KAFKA_SASL_PASSWORD_FILE: {self.kafka_security_protocol} needs it; name the file"
        if (self.kafka_ssl_certfile is None) != (self.kafka_ssl_keyfile is None):
            yield (
                "PROFILE_KAFKA_SSL_CERTFILE: a client certificate and its key belong together; "
                "set PROFILE_KAFKA_SSL_KEYFILE too, or neither"
            )
        tls_files = (self.kafka_ssl_cafile, self.kafka_ssl_certfile, self.kafka_ssl_keyfile)
        if not self.kafka_uses_tls and any(tls_files):
            yield (
                f"PROFILE_KAFKA_SECURITY_PROTOCOL: {self.kafka_security_protocol} uses no certificates, "
                "but some are set; choose SSL or SASL_SSL, or unset PROFILE_KAFKA_SSL_*"
            )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given by hand, and our own reading of the environment and its file."""
        return init_settings, _Environment(settings_cls)


class _Environment(PydanticBaseSettingsSource):
    """Values by the names of the settings: plain texts, which the settings' types read."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        name = _name_of(field_name, field)
        return environment().get(name), name, False

    def __call__(self) -> dict[str, object]:
        found = environment()
        names = (_name_of(key, field) for key, field in self.settings_cls.model_fields.items())
        return {name: found[name] for name in names if name in found}


S = TypeVar("S", bound=Shared)


def load(settings: type[S]) -> S:
    """The settings, whole; raises `SettingsError` with every fault there is."""
    faults = list(_file_faults())
    try:
        loaded = settings()
    except ValidationError as error:
        faults += [_fault(settings, details) for details in error.errors(include_url=False)]
    else:
        faults += loaded.faults()
        if not faults:
            return loaded
    raise SettingsError(faults)


def environment() -> dict[str, str]:
    """The environment over the file that it names; what is empty is not there."""
    merged = {**_file_values(os.environ.get(ENV_FILE, "")), **_set(dict(os.environ))}
    return _set(merged)


def _set(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value.strip()}


def _file_faults() -> Iterator[str]:
    path = os.environ.get(ENV_FILE, "")
    try:
        _read_file(path)
    except OSError as error:
        yield f"{ENV_FILE}: {path!r} cannot be read ({error.strerror}); name a readable file, or unset it"
    except ValueError as error:
        yield f"{ENV_FILE}: {path!r} {error}; write one NAME=value a line"


def _file_values(path: str) -> dict[str, str]:
    try:
        return _read_file(path)
    except (OSError, ValueError):
        return {}  # `_file_faults` tells of it


def _read_file(path: str) -> dict[str, str]:
    """Lines `NAME=value`, quoted as a shell quotes, `export` before it or not; `#` begins a comment line."""
    values: dict[str, str] = {}
    if not path.strip():
        return values
    lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    for word in shlex.split(text):
        name, sign, value = word.partition("=")
        if sign and name.isidentifier():
            values[name] = value
        elif word != "export":
            raise ValueError("holds something else than settings")
    return values


def _name_of(key: str, field: FieldInfo) -> str:
    return field.validation_alias if isinstance(field.validation_alias, str) else key.upper()


def _fault(settings: type[Shared], details: ErrorDetails) -> str:
    """One line about one setting; never the value, unless the setting's type put it there."""
    place = str(details["loc"][0]) if details["loc"] else ""
    name = next(
        (
            _name_of(key, field)
            for key, field in settings.model_fields.items()
            if place in {key, _name_of(key, field)}
        ),
        place,
    )
    if details["type"] == "missing":
        return f"{name}: is required and not set; set it"
    if details["type"] == "value_error":
        return f"{name}: {details['ctx']['error']}"
    return f"{name}: {details['msg'][0].lower()}{details['msg'][1:]}; correct it, or unset it for the default"
