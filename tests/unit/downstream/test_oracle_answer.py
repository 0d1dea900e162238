"""What Oracle's answers mean: done is one thing only."""

import pytest

from reconciler.downstream.answer import Outcome
from reconciler.downstream.oracle_answer import read

DONE = b'{"responseCode":"0","responseMessage":"","status":true}'
DONE_XML = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    b"<StatusResponse><responseCode>0</responseCode><responseMessage></responseMessage><status>true</status>"
    b"</StatusResponse>"
)


@pytest.mark.parametrize(
    ("http_status", "body", "outcome"),
    [
        (200, DONE, "confirmed"),
        (200, DONE_XML, "confirmed"),
        (200, b'{"responseCode":0,"status":true}', "confirmed"),
        (200, b'{"responseCode":"0","status":false}', "unknown"),
        (200, b'{"responseCode":"1","status":true}', "unknown"),
        (200, b'{"status":true}', "unknown"),
        (200, b'{"responseCode":"0"}', "unknown"),
        (200, b"<html>log in</html>", "broken"),
        (200, b"", "broken"),
        (200, b"{}", "broken"),
        (200, b'<!DOCTYPE a [<!ENTITY b "0">]><StatusResponse/>', "broken"),
        (201, DONE, "unknown"),
        (302, b"", "broken"),
        (400, b"", "refused"),
        (401, b"", "broken"),
        (403, b"", "broken"),
        (404, b'{"responseCode":"1","status":false}', "not_there"),
        (404, b"<html>", "not_there"),
        (405, b"", "broken"),
        (412, b"", "refused"),
        (429, b"", "throttled"),
        (500, b"", "away"),
        (503, b"", "away"),
    ],
)
def test_an_answer_means(http_status: int, body: bytes, outcome: Outcome) -> None:
    assert read(http_status, body).outcome == outcome


def test_its_words_can_be_kept() -> None:
    assert read(400, rb'{"responseCode":"1","responseMessage":"a\u0000b","status":false}').text == "a\ufffdb"
