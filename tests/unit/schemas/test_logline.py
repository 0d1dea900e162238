"""A log line: an event word, allowed fields, nothing secret."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.logline import ALLOWED, TEXT_CHARS_MAX, Log, say
from schemas.scrub import Secrets

NOW = datetime(2026, 11, 24, 6, 30, 15, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def logged(*, stream: io.StringIO | None = None, secrets: Secrets | None = None, **fields: Any) -> str:
    out = io.StringIO() if stream is None else stream
    log = Log("receiver", stream=out, now=lambda: NOW)
    if secrets is not None:
        log.conceal(secrets)
    log.emit("callback_stored", **fields)
    return out.getvalue()


def test_a_line_is_one_json_object() -> None:
    line = logged(account="a", count=3, seconds=0.5, request_id=None)
    assert line.endswith("}\n")
    assert json.loads(line) == {
        "time": "2026-11-24T06:30:15.000000Z",
        "level": "info",
        "program": "receiver",
        "event": "callback_stored",
        "account": "a",
        "count": 3,
        "seconds": 0.5,
        "request_id": None,
    }


def test_a_terminal_gets_plain_text() -> None:
    assert logged(stream=Terminal(), account="a b", count=3, level="error") == (
        "06:30:15 ✗ callback stored  account='a b' count=3\n"
    )


@pytest.mark.parametrize("field", ["body", "password", "username", "credentials", "headers", "raw", "value"])
def test_a_field_that_is_not_on_the_list_is_refused_and_never_printed(field: str) -> None:
    assert field not in ALLOWED
    out = io.StringIO()
    with pytest.raises(ValueError, match=field) as refusal:
        unlisted: dict[str, Any] = {field: "canary"}
        Log("receiver", stream=out).emit("refused", **unlisted)
    assert out.getvalue() == ""
    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize("word", ["", "Two words", "a\nb", "Étage", "x" + "!", "_a"])
def test_an_event_word_is_a_word(word: str) -> None:
    with pytest.raises(ValueError, match="no event word"):
        Log("receiver", stream=io.StringIO()).emit(word)


def test_no_line_shows_a_concealed_secret_in_any_field() -> None:
    secrets = Secrets(["canary-1", "424242"])
    line = logged(secrets=secrets, error="refused: canary-1", path="/x/canary%2D1", count=1424242)
    fields = json.loads(line)
    assert (fields["error"], fields["path"], fields["count"]) == ("refused: ***", "***", "***")


def test_a_text_is_bounded_and_stays_on_its_line() -> None:
    line = logged(error="a\nb\ud800" + "x" * 5000)
    assert line.count("\n") == 1
    assert len(json.loads(line)["error"]) == TEXT_CHARS_MAX + 1
    assert logged(stream=Terminal(), error="a\nb").count("\n") == 1


def test_a_huge_number_is_still_a_line() -> None:
    assert json.loads(logged(offset=2**80))["offset"] == str(2**80)


def test_a_sentence_for_a_person_goes_where_results_go(capsys: pytest.CaptureFixture[str]) -> None:
    say("done")
    assert capsys.readouterr().out == "done\n"
    out = io.StringIO()
    say("done", stream=out)
    assert out.getvalue() == "done\n"


def test_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Log("receiver").emit("started", port=8080)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["port"] == 8080
