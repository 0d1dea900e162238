"""The command: what it prints, and how it ends when it is misused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.simulator.__main__ import main

NOBODY = ["--url", "http://127.0.0.1:1", "--account", "A"]


def test_scenarios_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "--json"]) == 0
    names = [one["name"] for one in json.loads(capsys.readouterr().out)]
    assert {"vendor-delete", "fleet-day", "bulk-thirty"} <= set(names)
    assert main(["scenarios", "four-copies"]) == 0
    assert "copies = 4" in capsys.readouterr().out


def test_send_shows_what_it_would_send(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["send", *NOBODY, "--print", "--seed", "1", "--eid", "77", "--status", "Warning"]) == 0
    body = json.loads(capsysbinary.readouterr().out)
    assert body["status"] == "Warning"
    assert {"id": "77", "kind": "eid"} in body["deviceIds"]


def test_a_file_is_sent_byte_for_byte(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"\xff\x00 not JSON,}")
    assert main(["send", *NOBODY, "--print", "--file", str(path)]) == 0
    assert capsysbinary.readouterr().out == b"\xff\x00 not JSON,}\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["play", "no-such-story", *NOBODY], "neither a scenario nor a file"),
        (["scenarios", "no-such-story"], "no scenario file named"),
        (["play", "success", *NOBODY, "--password-file", "/nowhere/at-all"], "/nowhere/at-all: No such file"),
        (["play", "success", *NOBODY, "--journal", "/nowhere/at-all"], "/nowhere/at-all: No such file"),
        (["send", *NOBODY, "--echo", "colour"], "echo"),
    ],
)
def test_misuse_is_one_message_and_exit_code_2(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert named in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_nobody_listening_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", *NOBODY, "--count", "1"]) == 1
    assert "onnect" in capsys.readouterr().err
    assert main(["play", "success", *NOBODY, "--clock-scale", "1000", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["fates"] == {"lost": 1}
