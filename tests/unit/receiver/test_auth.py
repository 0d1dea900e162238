"""Whom the receiver believes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from receiver.auth import Account, credentials_right, path_opens, source_verdict

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FLEET = Account("a", frozenset({"S"}), username=b"fleet", password="grün".encode())
ROTATED = replace(FLEET, previous_password=b"old", previous_until=NOW)
OPEN = Account("b", frozenset({"S"}), path_secret=b"key")


@pytest.mark.parametrize(
    ("username", "password", "right"),
    [
        ("fleet", "grün", True),
        ("fleet", "grun", False),
        ("Fleet", "grün", False),
        ("fleet", "", False),
        ("", "grün", False),
        (None, None, False),
        ("fleet", "\ud800", False),
    ],
)
def test_username_and_password_must_both_be_right(
    username: str | None, password: str | None, right: bool
) -> None:
    assert credentials_right(FLEET, username, password, NOW) is right


@pytest.mark.parametrize(("early", "right"), [(timedelta(seconds=1), True), (timedelta(0), False)])
def test_the_previous_password_is_good_until_its_time(early: timedelta, right: bool) -> None:
    assert credentials_right(ROTATED, "fleet", "old", NOW - early) is right
    assert credentials_right(ROTATED, "fleet", "grün", NOW - early)


def test_a_previous_password_without_an_end_stays_good() -> None:
    assert credentials_right(replace(ROTATED, previous_until=None), "fleet", "old", NOW)


def test_without_credentials_any_are_taken() -> None:
    assert credentials_right(OPEN, "", "", NOW)
    assert credentials_right(OPEN, "x", None, NOW)


@pytest.mark.parametrize(
    ("account", "segment", "opens"),
    [
        (FLEET, None, True),
        (FLEET, b"key", False),
        (FLEET, b"", False),
        (OPEN, b"key", True),
        (OPEN, b"kez", False),
        (OPEN, b"", False),
        (OPEN, None, False),
    ],
)
def test_the_path_secret_is_wanted_where_there_is_one_and_nowhere_else(
    account: Account, segment: bytes | None, opens: bool
) -> None:
    assert path_opens(account, segment) is opens


def test_an_unlisted_source_is_flagged_or_refused() -> None:
    assert source_verdict(FLEET, listed=True, mode="enforce") == "listed"
    assert source_verdict(FLEET, listed=False, mode="flag") == "unlisted"
    assert source_verdict(FLEET, listed=False, mode="enforce") == "refused"
    assert source_verdict(OPEN, listed=False, mode="flag") == "refused"
    assert source_verdict(OPEN, listed=True, mode="flag") == "listed"


def test_an_account_shows_no_secret() -> None:
    text = repr(replace(ROTATED, path_secret=b"key"))
    assert "grün" not in text
    assert "old" not in text
    assert "key" not in text
    assert set(ROTATED.secrets()) == {"grün", "old"}
