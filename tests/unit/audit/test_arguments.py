"""What `profile-audit` is asked for: a slip is told as one, before any database is."""

import pytest

from reconciler.audit.__main__ import main


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("as-of", "8904", "--at", "0001-01-01T00:00:00+14:00"), "is no time"),
        (("as-of", "8904", "--at", "9999-12-31T23:59:59-14:00"), "is no time"),
        (("events", "--since", "yesterday"), "is no time"),
        (("events", "--limit", "9" * 30), f"a number from 1 to {2**63 - 1} is needed"),
        (("events", "--limit", "0"), "a number from 1 to"),
    ],
)
def test_what_nobody_can_look_for_is_misuse(
    words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
