"""The accounts file."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.accounts import AccountsError, read_accounts

CANARY = "kanarienvogel"


def write(folder: Path, text: str) -> Path:
    path = folder / "accounts.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> str:
    with pytest.raises(AccountsError) as caught:
        read_accounts(write(folder, text))
    assert CANARY not in str(caught.value)
    return "\n".join(caught.value.faults)


def test_an_account_with_its_secret_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "now").write_text("word\n")
    (tmp_path / "before").write_text("old\r\n")
    path = write(
        tmp_path,
        """
        [[account]]
        name = "1223334444-00001"
        username = "fleet"
        password_file = "now"
        previous_password_file = "before"
        previous_until = 2026-12-01T00:00:00Z
        """,
    )
    account = read_accounts(path).by_name["1223334444-00001"]
    assert (account.username, account.password, account.previous_password) == (b"fleet", b"word", b"old")
    assert account.previous_until == datetime(2026, 12, 1, tzinfo=UTC)
    assert account.services == {"DeviceProfileService", "CarrierService"}


def test_an_account_without_credentials_needs_its_path_secret(tmp_path: Path) -> None:
    plain = '[[account]]\nname = "a"\ncredentials = "none"\n'
    assert "path_secret_file" in faults(tmp_path, plain)
    account = read_accounts(write(tmp_path, plain + 'path_secret = "s"\n')).by_name["a"]
    assert account.password is None
    assert account.path_secret == b"s"


def test_all_faults_are_told_at_once_and_none_of_them_tells_a_secret(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    text = f"""
        [[account]]
        name = "a"
        password = "{CANARY}"
        path_secret_file = "nowhere"
        [[account]]
        name = "a"
        username = "u"
        password = "{CANARY}"
        password_file = "empty"
        services = ["x/y"]
        """
    told = faults(tmp_path, text)
    for part in ("username is missing", "nowhere' cannot be read", "both set", "slash", "twice"):
        assert part in told


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "account"),
        (f'[[account]]\nname = "a"\npasword = "{CANARY}"\n', "account 1: pasword: is not known; remove it"),
        ("", "account: is missing; add it"),
        (f'[[account]]\nname = "a"\nusername = 7\npassword = "{CANARY}"', "account 1: username"),
        (
            f'[[account]]\npassword = "{CANARY}" "{CANARY}"\n',
            "is not TOML (at line 2, column 28); correct it there",
        ),
        ('[[account]]\nname = "a"\nprevious_until = 2026-12-01T00:00:00', "previous_until"),
        (f"account = {'[' * 5000}{']' * 5000}", "beyond all measure"),
        (f"account = {'9' * 5000}", "beyond all measure"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, text: str, part: str) -> None:
    assert part in faults(tmp_path, text)


def test_a_missing_file_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match="cannot be read \\(No such file"):
        read_accounts(tmp_path / "nothing.toml")


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "accounts.toml").write_bytes(b'[[account]]\nname = "\xff"')
    with pytest.raises(AccountsError, match="UTF-8"):
        read_accounts(tmp_path / "accounts.toml")
