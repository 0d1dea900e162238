"""The reconciler's settings: defaults, every fault at once, and no secret in any message."""

from pathlib import Path

import pytest

from reconciler.access import auditor_access, owner_access, writer_access
from reconciler.kafka.security import security_options
from reconciler.settings import ReconcilerSettings
from schemas.settings import SettingsError, load

NAMES = (
    "PROFILE_ENV_FILE",
    "PROFILE_KAFKA_BOOTSTRAP",
    "PROFILE_POSTGRES_DSN",
    "PROFILE_POSTGRES_PASSWORD_FILE",
    "MIGRATE_POSTGRES_DSN",
    "AUDIT_POSTGRES_DSN",
    "RECONCILER_OPS_LISTEN",
    "RECONCILER_GROUP",
    "RECONCILER_BATCH_EVENTS_MAX",
    "PROFILE_KAFKA_SECURITY_PROTOCOL",
    "THINGSPACE_BASE_URL",
    "THINGSPACE_ACCOUNTS_FILE",
)


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_the_defaults_are_those_of_the_interface() -> None:
    settings = load(ReconcilerSettings)
    assert settings.kafka_bootstrap_servers == ["127.0.0.1:9092"]
    assert str(settings.ops_listen) == "127.0.0.1:9465"
    assert settings.group == "profile-reconciler"
    assert settings.batch_events_max == 1000
    assert writer_access(settings).dsn == "postgresql:///profile_ledger"


def test_every_fault_is_told_at_once_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {
        "PROFILE_POSTGRES_DSN": "mysql://u:hidden@host/db",
        "MIGRATE_POSTGRES_DSN": "postgresql://u:hidden@host:port/db",
        "AUDIT_POSTGRES_DSN": "hidden",
        "PROFILE_POSTGRES_PASSWORD_FILE": "/nonexistent/password",
        "RECONCILER_OPS_LISTEN": "9465",
        "RECONCILER_BATCH_EVENTS_MAX": "many",
    }
    for name, value in bad.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load(ReconcilerSettings)
    assert {fault.partition(":")[0] for fault in raised.value.faults} == set(bad)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///profile_ledger",
        "postgres://u@h/db",
        "postgresql://u:p%40@[::1]:5432/db?sslmode=require",
        "postgresql://u@h1:5432,h2:5433/db?target_session_attrs=read-write",
        "postgresql://u@/db?host=/run/postgresql",
    ],
)
def test_urls_that_libpq_takes_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PROFILE_POSTGRES_DSN", url)
    assert writer_access(load(ReconcilerSettings)).dsn == url


def test_an_own_dsn_is_used_silently_and_a_fallback_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    settings = load(ReconcilerSettings)
    assert owner_access(settings, said.append).setting == "PROFILE_POSTGRES_DSN"
    assert auditor_access(settings, said.append).setting == "PROFILE_POSTGRES_DSN"
    assert [line.split()[0] for line in said] == ["MIGRATE_POSTGRES_DSN", "AUDIT_POSTGRES_DSN"]
    monkeypatch.setenv("MIGRATE_POSTGRES_DSN", "postgresql://owner@h/db")
    monkeypatch.setenv("AUDIT_POSTGRES_DSN", "postgresql://auditor@h/db")
    settings = load(ReconcilerSettings)
    assert owner_access(settings, said.append).setting == "MIGRATE_POSTGRES_DSN"
    assert auditor_access(settings, said.append).setting == "AUDIT_POSTGRES_DSN"
    assert len(said) == 2


def test_the_password_comes_from_its_file_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("hidden\n")
    monkeypatch.setenv("PROFILE_POSTGRES_PASSWORD_FILE", str(file))
    monkeypatch.setenv("PROFILE_POSTGRES_DSN", "postgresql://u:hidden@h:1/db")
    settings = load(ReconcilerSettings)
    access = writer_access(settings)
    assert access.password == "hidden"
    assert access.place == "h:1, database db"
    assert "hidden" not in repr(settings) + repr(access)


def test_kafka_security_is_plain_unless_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert security_options(load(ReconcilerSettings)) == {"security_protocol": "PLAINTEXT"}
    file = tmp_path / "password"
    file.write_text("hidden")
    monkeypatch.setenv("PROFILE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("PROFILE_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
    monkeypatch.setenv("PROFILE_KAFKA_SASL_USERNAME", "ledger")
    monkeypatch.setenv("PROFILE_KAFKA_SASL_PASSWORD_FILE", str(file))
    options = security_options(load(ReconcilerSettings))
    assert options["sasl_plain_password"] == "hidden"
    assert "ssl_context" in options


def test_a_certificate_that_is_none_is_a_fault_of_its_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    monkeypatch.setenv("PROFILE_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("PROFILE_KAFKA_SSL_CAFILE", str(file))
    with pytest.raises(SettingsError, match="PROFILE_KAFKA_SSL_CAFILE"):
        security_options(load(ReconcilerSettings))


def test_thingspace_is_verizons_unless_told_otherwise_and_has_no_accounts() -> None:
    settings = load(ReconcilerSettings)
    assert settings.thingspace_base_url == "https://thingspace.verizon.com/api"
    assert settings.thingspace_accounts_file is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8099/api", "http://[::1]:1/api/", "https://gateway.example/api"]
)
def test_http_serves_a_simulator_on_this_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGSPACE_BASE_URL", url)
    assert load(ReconcilerSettings).thingspace_base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://thingspace.verizon.com/api",
        "https://user:hidden@thingspace.verizon.com/api",
        "https://thingspace.verizon.com:port/api",
        "https:///api",
        "ftp://127.0.0.1/api",
        "https://thingspace.verizon.com/api?x=1",
    ],
)
def test_credentials_go_to_no_unsafe_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGSPACE_BASE_URL", url)
    monkeypatch.setenv("THINGSPACE_ACCOUNTS_FILE", "/nonexistent/accounts.toml")
    with pytest.raises(SettingsError) as raised:
        load(ReconcilerSettings)
    assert {fault.partition(":")[0] for fault in raised.value.faults} == {
        "THINGSPACE_BASE_URL",
        "THINGSPACE_ACCOUNTS_FILE",
    }
    assert "hidden" not in str(raised.value)
