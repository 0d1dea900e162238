"""The accounts file: what it gives, every fault at once, and no secret in any of them."""

from pathlib import Path

import pytest

from reconciler.thingspace.accounts import AccountsError, load_accounts
from reconciler.thingspace.callback_url import listener_url
from schemas.ids import AccountName

NAME = AccountName("1223334444-00001")
WHOLE = f"""
[[account]]
name = "{NAME}"
client_id = "key"
client_secret_file = "client"
username = "fleet"
password_file = "secrets/login"
callback_url = "https://callbacks.example.com:9001"
callback_username = "caller"
callback_password_file = "callback"
smsr_oid = "1.3.6.1.4.1.31746.1.500.200.101.5"
requests_per_minute = 30
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "client").write_text("canary-client\n")
    (tmp_path / "secrets/login").write_text("canary-login\n")
    (tmp_path / "callback").write_text("canary-callback")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "accounts.toml"
    path.write_text(text)
    return path


def faults_of(path: Path) -> tuple[str, ...]:
    with pytest.raises(AccountsError) as raised:
        load_accounts(path)
    assert "canary" not in str(raised.value)
    return raised.value.faults


def test_secrets_are_read_beside_the_file_and_never_shown(folder: Path) -> None:
    accounts = load_accounts(written(folder, WHOLE))
    account = accounts[NAME]
    assert account.secrets() == ("canary-client", "canary-login", "canary-callback")
    assert account.requests_per_minute == 30
    assert "canary" not in repr(accounts)


def test_every_fault_of_every_account_is_told_at_once(folder: Path) -> None:
    (folder / "long").write_text("x" * 41)
    text = WHOLE.replace("https://callbacks.example.com:9001", "http://callbacks.example.com:8080")
    text = text.replace('"callback"', '"long"').replace('"client"', '"nowhere"')
    other = WHOLE.replace('"caller"', '""').replace("requests_per_minute = 30", "")
    other = other.replace("callback_username", "# callback_username")
    faults = "\n".join(faults_of(written(folder, text + other)))
    for word in (
        *("account 1", "client_secret_file: ", "port that ThingSpace does not call", "uses http"),
        *("40 characters at most", "account 2", "belong together", "stands there twice"),
    ):
        assert word in faults


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "account"),
        ("[[account]]\nname = 5\n", "password_file: is missing"),
        (WHOLE + 'color = "red"\n', "color: is not known"),
        (WHOLE + "callback_url = [canary-\n", "is not TOML (at line"),
        (WHOLE.replace('"secrets/login"', '"callback"'), "holds the password of the login"),
        (WHOLE.replace("https://callbacks.example.com:9001", "https://u:p@h.example"), "names a user"),
        (WHOLE.replace("https://callbacks.example.com:9001", "callbacks.example.com"), "is no http address"),
        (WHOLE.replace("https://callbacks.example.com:9001", "https://[callbacks"), "is no http address"),
        (WHOLE.replace(NAME, "a/b"), "name holds"),
    ],
)
def test_a_fault_says_what_and_where(folder: Path, text: str, word: str) -> None:
    assert any(word in fault for fault in faults_of(written(folder, text)))


def test_http_is_taken_where_the_file_says_so(folder: Path) -> None:
    text = WHOLE.replace("https://callbacks.example.com:9001", "http://10.0.0.1:9001")
    assert load_accounts(written(folder, text + "callback_url_may_be_http = true\n"))


def test_a_simulator_on_this_machine_is_called_on_any_port(folder: Path) -> None:
    text = WHOLE.replace("https://callbacks.example.com:9001", "http://127.0.0.1:8080")
    assert load_accounts(written(folder, text))


def test_a_file_that_cannot_be_read_is_a_fault_too(tmp_path: Path) -> None:
    assert "cannot be read" in faults_of(tmp_path / "none.toml")[0]


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("https://h.example", "https://h.example/v1/callbacks/4%203TOM%2F1/CarrierService"),
        ("https://h.example:9001/", "https://h.example:9001/v1/callbacks/4%203TOM%2F1/CarrierService"),
        ("https://h.example/in", "https://h.example/in"),
        ("https://h.example/{service}?a={account}", "https://h.example/CarrierService?a=4%203TOM%2F1"),
    ],
)
def test_a_listeners_url_names_its_account_and_service(template: str, url: str) -> None:
    assert listener_url(template, "4 3TOM/1", "CarrierService") == url
