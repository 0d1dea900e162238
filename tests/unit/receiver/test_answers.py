"""The bytes of an answer."""

from receiver.answers import NOT_STORED, ROWS, STORED, WRONG_METHOD, Renderer

NOON = 1_795_521_600


def test_an_answer_has_no_body_a_date_and_nothing_about_us() -> None:
    assert Renderer().render(STORED, "", NOON) == (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\n\r\n"
    )


def test_the_headers_that_a_row_asks_for() -> None:
    renderer = Renderer()
    assert b"\r\nAllow: POST\r\n" in renderer.render(WRONG_METHOD, "", NOON)
    assert b"\r\nRetry-After: 5\r\n" in renderer.render(NOT_STORED, "close", NOON)
    assert b"\r\nConnection: close\r\n" in renderer.render(NOT_STORED, "close", NOON)


def test_the_date_goes_on() -> None:
    renderer = Renderer()
    assert renderer.render(STORED, "", NOON) != renderer.render(STORED, "", NOON + 1)


def test_no_two_rows_are_counted_as_one() -> None:
    assert len({row.outcome for row in ROWS}) == len(ROWS)
