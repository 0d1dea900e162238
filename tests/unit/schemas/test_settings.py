"""Settings: one frozen value, read once, with every fault told at once."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from schemas.setting_types import Address, Bytes, ListenAddress
from schemas.settings import SettingsError, Shared, load


class Example(Shared):
    """A program's settings, as a program would declare them."""

    listen: ListenAddress = Field(default=Address("127.0.0.1", 8080), validation_alias="EXAMPLE_LISTEN")
    accounts_file: str = Field(validation_alias="EXAMPLE_ACCOUNTS_FILE")
    body_bytes_max: Bytes = Field(default=65536, validation_alias="EXAMPLE_BODY_BYTES_MAX")
    patience_ms: int = Field(default=500, gt=0, validation_alias="EXAMPLE_PATIENCE_MS")

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if self.body_bytes_max > 2**20:
            yield "EXAMPLE_BODY_BYTES_MAX: more than Kafka takes; lower it"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PROFILE_", "EXAMPLE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EXAMPLE_ACCOUNTS_FILE", "accounts.toml")


def faults() -> tuple[str, ...]:
    with pytest.raises(SettingsError) as error:
        load(Example)
    assert str(error.value) == "\n".join(error.value.faults)
    return error.value.faults


def test_what_is_not_set_has_its_default() -> None:
    settings = load(Example)
    assert settings.listen == Address("127.0.0.1", 8080)
    assert settings.kafka_bootstrap_servers == ["127.0.0.1:9092"]
    assert settings.topics.events == "profile.events.v1"
    assert not settings.kafka_uses_tls
    assert not settings.kafka_uses_sasl


def test_the_environment_is_read_by_the_settings_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_LISTEN", "[::1]:0")
    monkeypatch.setenv("EXAMPLE_BODY_BYTES_MAX", "64 KiB")
    monkeypatch.setenv("PROFILE_KAFKA_BOOTSTRAP", "a:1,b:2")
    monkeypatch.setenv("PROFILE_TOPIC_PREFIX", "t-")
    settings = load(Example)
    assert settings.listen == Address("::1", 0)
    assert settings.body_bytes_max == 65536
    assert settings.kafka_bootstrap_servers == ["a:1", "b:2"]
    assert settings.topics.state == "t-profile.state.v1"


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_setting_counts_as_unset(monkeypatch: pytest.MonkeyPatch, empty: str) -> None:
    monkeypatch.setenv("EXAMPLE_PATIENCE_MS", empty)
    monkeypatch.setenv("PROFILE_ENV_FILE", empty)
    assert load(Example).patience_ms == 500
    monkeypatch.setenv("EXAMPLE_ACCOUNTS_FILE", empty)
    assert faults() == ("EXAMPLE_ACCOUNTS_FILE: is required and not set; set it",)


def test_a_file_of_shell_lines_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "a folder" / "env"
    file.parent.mkdir()
    file.write_text(
        "# written by profile-stack\n"
        "export PROFILE_KAFKA_BOOTSTRAP=127.0.0.1:19092\n"
        "export EXAMPLE_ACCOUNTS_FILE='it'\"'\"'s here#1/accounts.toml'\n"
        'EXAMPLE_PATIENCE_MS="7"\n'
        "export PROFILE_TOPIC_PREFIX=file-\n"
        "export EXAMPLE_LISTEN=\n"
        "export PATH_OF_ANOTHER='x y'\n"
        "\n"
    )
    monkeypatch.setenv("PROFILE_ENV_FILE", str(file))
    monkeypatch.setenv("EXAMPLE_ACCOUNTS_FILE", "")
    monkeypatch.setenv("PROFILE_TOPIC_PREFIX", "environment-")
    settings = load(Example)
    assert settings.kafka_bootstrap_servers == ["127.0.0.1:19092"]
    assert settings.accounts_file == "it's here#1/accounts.toml"
    assert (settings.patience_ms, settings.topic_prefix) == (7, "environment-")
    assert settings.listen.port == 8080


def test_every_fault_is_told_at_once_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PROFILE_ENV_FILE": "/nowhere/env",
        "EXAMPLE_ACCOUNTS_FILE": "",
        "EXAMPLE_LISTEN": "8080",
        "EXAMPLE_PATIENCE_MS": "soon",
        "PROFILE_KAFKA_SECURITY_PROTOCOL": "carrier pigeon",
        "PROFILE_KAFKA_SSL_CAFILE": "/nowhere/ca.pem",
    }.items():
        monkeypatch.setenv(name, value)
    told = faults()
    assert {fault.split(":")[0] for fault in told} == {
        "PROFILE_ENV_FILE",
        "EXAMPLE_ACCOUNTS_FILE",
        "EXAMPLE_LISTEN",
        "EXAMPLE_PATIENCE_MS",
        "PROFILE_KAFKA_SECURITY_PROTOCOL",
        "PROFILE_KAFKA_SSL_CAFILE",
    }
    assert all("; " in fault and "\n" not in fault for fault in told)


@pytest.mark.parametrize("text", ["just words\n", "export A='open\n", "\xff\n"])
def test_a_file_that_holds_no_settings_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "env"
    file.write_bytes(text.encode("latin-1"))
    monkeypatch.setenv("PROFILE_ENV_FILE", str(file))
    (fault,) = faults()
    assert fault.startswith("PROFILE_ENV_FILE: ")


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"EXAMPLE_BODY_BYTES_MAX": "2 MiB"}, ["EXAMPLE_BODY_BYTES_MAX"]),
        (
            {"PROFILE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
            ["PROFILE_KAFKA_SASL_USERNAME", "PROFILE_KAFKA_SASL_PASSWORD_FILE"],
        ),
        (
            {"PROFILE_KAFKA_SECURITY_PROTOCOL": "SSL", "PROFILE_KAFKA_SSL_CERTFILE": __file__},
            ["PROFILE_KAFKA_SSL_CERTFILE"],
        ),
        ({"PROFILE_KAFKA_SSL_CAFILE": __file__}, ["PROFILE_KAFKA_SECURITY_PROTOCOL"]),
    ],
)
def test_relations_between_settings_are_checked(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], names: list[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert [fault.split(":")[0] for fault in faults()] == names


def test_a_secret_comes_from_a_file_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("hush-hush\n")
    monkeypatch.setenv("PROFILE_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("PROFILE_KAFKA_SASL_USERNAME", "user")
    monkeypatch.setenv("PROFILE_KAFKA_SASL_PASSWORD_FILE", str(file))
    settings = load(Example)
    assert settings.kafka_sasl_password is not None
    assert settings.kafka_sasl_password.get_secret_value() == "hush-hush"
    assert "hush-hush" not in repr(settings) + str(settings)


def test_settings_are_frozen_and_can_be_made_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PATIENCE_MS", "9")
    settings = Example(accounts_file="x", patience_ms=3)
    assert (settings.accounts_file, settings.patience_ms) == ("x", 3)
    with pytest.raises(ValidationError):
        settings.patience_ms = 4  # type: ignore[misc]
