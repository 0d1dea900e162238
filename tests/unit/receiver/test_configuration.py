"""What the receiver is told, read whole or refused whole."""

from pathlib import Path

import pytest

from receiver.check import Findings
from receiver.configuration import read_configuration
from receiver.settings import MIB
from schemas.settings import SettingsError
from tests.unit.receiver.endpoint import PASSWORD

ACCOUNT = f'[[account]]\nname = "a"\nusername = "u"\npassword = "{PASSWORD}"\n'


@pytest.fixture(autouse=True)
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing but a good accounts file."""
    for name in ("ALLOW", "LISTEN", "OPS_LISTEN", "TLS_CERT", "TLS_KEY", "BODY_BYTES_MAX", "TRUSTED_PROXIES"):
        monkeypatch.delenv(f"RECEIVER_{name}", raising=False)
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(ACCOUNT)
    monkeypatch.setenv("RECEIVER_ACCOUNTS_FILE", str(accounts))
    return accounts


def faults() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_configuration()
    assert PASSWORD not in str(caught.value)
    return list(caught.value.faults)


def test_the_defaults_are_those_of_the_interface() -> None:
    settings = read_configuration().settings
    assert str(settings.listen) == "127.0.0.1:8080"
    assert str(settings.ops_listen) == "127.0.0.1:9464"
    assert str(settings.spool_dir) == "var/spool"
    assert len(settings.allow.members) == 8
    assert settings.allow_mode == "flag"
    assert (settings.body_bytes_max, settings.body_timeout_s) == (65536, 5)
    assert (settings.connections_max, settings.header_timeout_s) == (2000, 5)
    assert (settings.kafka_patience_ms, settings.spool_bytes_max) == (500, 1024 * MIB)


def test_a_policy_holds_the_accounts_and_hides_their_secrets() -> None:
    policy = read_configuration().policy
    assert set(policy.accounts.by_name) == {"a"}
    assert PASSWORD not in repr(policy)
    assert policy.secrets.masked(PASSWORD) == "***"


def test_every_fault_is_told_at_once(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told.write_text(ACCOUNT.replace("username", "user"))
    monkeypatch.setenv("RECEIVER_ALLOW", "verizone")
    monkeypatch.setenv("RECEIVER_BODY_BYTES_MAX", "1")
    monkeypatch.setenv("RECEIVER_TLS_CERT", str(told))
    monkeypatch.setenv("RECEIVER_TLS_KEY", str(told))
    names = {fault.split(":")[0] for fault in faults()}
    assert names == {
        "RECEIVER_ACCOUNTS_FILE",
        "RECEIVER_ALLOW",
        "RECEIVER_BODY_BYTES_MAX",
        "RECEIVER_TLS_CERT",
    }


def test_relations_between_settings_are_checked(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECEIVER_TLS_CERT", str(told))
    monkeypatch.setenv("RECEIVER_TRUSTED_PROXIES", "any")
    first, second = faults()
    assert first.startswith("RECEIVER_TLS_CERT: a certificate and its key belong together")
    assert second.startswith("RECEIVER_TRUSTED_PROXIES: any")


def test_the_accounts_file_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECEIVER_ACCOUNTS_FILE", "")
    assert faults() == ["RECEIVER_ACCOUNTS_FILE: is required and not set; set it"]


def test_findings_become_text_json_and_an_exit_code() -> None:
    assert Findings().exit_code == 0
    assert Findings(failed=("A: b",)).exit_code == 1
    both = Findings(misused=("C: d: e",), failed=("A: b",))
    assert both.exit_code == 2
    assert both.as_text() == "C: d: e\nA: b"
    assert '{"setting": "C", "fault": "d: e"}' in both.as_json()
