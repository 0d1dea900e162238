"""machines.md 1, row by row."""

import pytest

from schemas.signal import (
    ACTIONS,
    SIGNAL_RULES,
    Signal,
    classify,
    classify_poll,
    judge,
    normalize_action,
)

ROWS: list[tuple[str, str | None, str | None, str | None, str | None, Signal]] = [
    # 1: held
    ("on hold", "Failed", None, "REQUEST_ONHOLD", None, "held"),
    ("on hold, of a service", "Failed", None, "UnifiedWebService.REQUEST_ONHOLD.Approval", None, "held"),
    ("on hold, odd case", "Success", "EXECUTED_SUCCESS", "request-onhold", "x", "held"),
    # 2: interim
    ("warning", "Warning", None, None, None, "interim"),
    ("warning, capitals and space", " WARNING ", None, None, None, "interim"),
    ("warning with the eUICC's final word", "warning", "EXECUTED_SUCCESS", None, None, "interim"),
    ("warning with expiry", "warning", "EXPIRED", None, None, "interim"),
    ("warning with a fault", "Warned", "FAILED", "X.REQUEST_FAILED", "text", "interim"),
    ("pending", "Pending", None, None, None, "interim"),
    ("queued", "Queued", None, None, None, "interim"),
    ("in progress", "In Progress", None, None, None, "interim"),
    ("in-progress", "in-progress", None, None, None, "interim"),
    ("inprogress", "InProgress", None, None, None, "interim"),
    # 3: nobody knows
    ("expired", "Failed", "EXPIRED", None, None, "unclear"),
    ("expired, said to be a success", "Success", "Expired", None, None, "unclear"),
    ("no response", "Failed", "DELIVEREDWITHNORESPONSE", "X.Y", "z", "unclear"),
    ("an unknown word of the eUICC", "Success", "EXECUTED_SOMEHOW", None, None, "unclear"),
    # 4: failure
    ("fault and Failed", "Failed", None, "S.REQUEST_FAILED.X", "text", "failure"),
    ("fault alone", None, None, "S.REQUEST_FAILED.X", None, "failure"),
    ("fault text alone", None, None, None, "text", "failure"),
    ("fault with an unknown status", "Odd", None, "S.X", None, "failure"),
    ("failed", "failed", None, None, None, "failure"),
    ("failure", "Failure", "FAILED", None, None, "failure"),
    ("fail", "FAIL", "NOTEXECUTED", None, None, "failure"),
    ("error", "Error", "EXECUTED_FAILED", None, None, "failure"),
    # 5: success
    ("success", "Success", None, None, None, "success"),
    ("success of the eUICC too", "SUCCESS", "EXECUTED_SUCCESS", None, None, "success"),
    ("a remark of the eUICC is a success", "success", "EXECUTED_WITHWARNING", None, None, "success"),
    ("the same with underscore", "success", "Executed-With-Warning", None, None, "success"),
    # 6: anything else
    ("success with a fault", "Success", None, "S.X", "text", "unclear"),
    ("success with a failing eUICC", "Success", "FAILED", None, None, "unclear"),
    ("failed with a succeeding eUICC", "Failed", "EXECUTED_SUCCESS", None, None, "unclear"),
    ("fault with a succeeding eUICC", None, "EXECUTED_SUCCESS", "S.X", None, "unclear"),
    ("no status", None, None, None, None, "unclear"),
    ("no status, the eUICC succeeded", None, "EXECUTED_SUCCESS", None, None, "unclear"),
    ("no status, the eUICC failed", None, "FAILED", None, None, "unclear"),
    ("an unknown status", "Delivered", None, None, None, "unclear"),
    ("an empty status", "", None, None, None, "unclear"),
]


@pytest.mark.parametrize(
    ("status", "euicc_status", "fault_code", "fault_text", "signal"),
    [row[1:] for row in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_the_first_row_that_fits_gives_the_signal(
    status: str | None,
    euicc_status: str | None,
    fault_code: str | None,
    fault_text: str | None,
    signal: Signal,
) -> None:
    assert classify(status, euicc_status, fault_code, fault_text) == signal


def test_every_row_of_the_table_is_reached() -> None:
    reached = {row[5] for row in ROWS}
    assert reached == {signal for _, signal in SIGNAL_RULES}
    assert len(SIGNAL_RULES) == 6


def test_a_fault_without_code_and_text_is_none() -> None:
    assert classify("Success", None, None, None) == classify("Success", None, "", "") == "success"


def test_a_word_may_be_absurdly_long() -> None:
    assert classify("warn" + "x" * 100_000, None, None, None) == "interim"
    assert classify("Success" + " " * 100, None, None, None) == "success"
    assert classify("success" + "x" * 100_000, None, None, None) == "unclear"


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_known_in_any_casing_and_spacing(action: str) -> None:
    assert normalize_action(f" {action.upper().replace('_', ' ')} ") == action
    assert normalize_action(action.title().replace("_", "-")) == action


@pytest.mark.parametrize(
    ("said", "action"),
    [
        ("deleted", "delete"),
        ("DOWNLOAD_ENABLED", "download_enable"),
        ("Downloaded", "download"),
        ("profile suspended", "profile_suspend"),
        ("device-resumed", "device_resume"),
        ("deactivated", "deactivate"),
        ("SetFallbackAttribute", "setfallbackattribute"),
        ("none", None),
        ("NOT_DOWNLOADED", None),
        ("", None),
        (None, None),
    ],
)
def test_past_forms_name_the_action_and_other_words_none(said: str | None, action: str | None) -> None:
    assert normalize_action(said) == action


@pytest.mark.parametrize(
    ("status", "euicc_status", "profile_status", "flags"),
    [
        ("Success", "EXECUTED_SUCCESS", "delete", ()),
        (None, None, None, ()),
        ("Delivered", None, None, ("unknown_status",)),
        ("Failed", "EXPIRED", "enable", ()),
        ("Success", "DONE", None, ("unknown_euicc_status",)),
        ("warn!", None, "UNKNOWN", ("unknown_action",)),
        ("What", "ever", "it", ("unknown_status", "unknown_euicc_status", "unknown_action")),
    ],
)
def test_words_that_the_tables_do_not_know_are_flagged(
    status: str | None, euicc_status: str | None, profile_status: str | None, flags: tuple[str, ...]
) -> None:
    assert judge(status, euicc_status, None, None, profile_status).flags == flags


@pytest.mark.parametrize(
    ("status", "signal"),
    [
        ("Success", "poll_success"),
        (" SUCCESS", "poll_success"),
        ("Failed", "poll_failure"),
        ("Failure", "poll_failure"),
        ("Pending", "poll_pending"),
        ("Whatever", "poll_pending"),
        (None, "poll_pending"),
    ],
)
def test_a_polled_status_decides_only_when_it_is_known(status: str | None, signal: str) -> None:
    assert classify_poll(status) == signal
