"""No configured secret is kept, however a text hides it."""

import json
from html import escape
from urllib.parse import quote

import pytest

from schemas.scrub import MASK, Secrets
from tests.unit.schemas.samples import body, understood, with_profile

CANARY = 'Canary&7/x"y\\z é'
SECRETS = Secrets([CANARY, "1234567", "short-one", "short-one-longer"])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("nothing here", "nothing here"),
        (CANARY, MASK),
        (f"a{CANARY}b{CANARY}", f"a{MASK}b{MASK}"),
        ("short-one-longer", MASK),
        ("short-one!", f"{MASK}!"),
        ("100% & more \\ than", "100% & more \\ than"),
    ],
)
def test_a_secret_is_replaced_where_it_stands(text: str, masked: str) -> None:
    assert SECRETS.masked(text) == masked


@pytest.mark.parametrize(
    "hidden",
    [
        json.dumps(CANARY),
        json.dumps(json.dumps(CANARY)),
        "".join(f"\\u{ord(character):04x}" for character in CANARY),
        "".join(f"\\\\U{ord(character):04X}".replace("U", "u") for character in CANARY),
        "".join(f"\\x{ord(character):02x}" for character in CANARY),
        quote(CANARY, safe=""),
        quote(quote(CANARY, safe=""), safe=""),
        escape(CANARY),
        "".join(f"&#{ord(character)};" for character in CANARY),
        "".join(f"&#x{ord(character):x};" for character in CANARY),
        "".join(f"&#{'0' * 5000}{ord(character)};" for character in CANARY),
        "%5Cu0073hort-one",
    ],
)
def test_a_secret_behind_escapes_takes_the_whole_text_with_it(hidden: str) -> None:
    assert SECRETS.masked(f"before {hidden} after") == MASK


def test_escapes_without_end_are_taken_for_a_hiding_place() -> None:
    assert SECRETS.masked("%" + "25" * 40 + "41") == MASK
    assert Secrets().masked("%" + "25" * 40 + "41") != MASK


@pytest.mark.parametrize("zeros", ["", "0" * 5000])
def test_a_reference_to_a_number_beyond_all_characters_is_a_text_like_others(zeros: str) -> None:
    """Python refuses to read so many digits, and nobody who writes them may stop us by it."""
    text = f"before &#{zeros}{'9' * 5000}; after"
    assert SECRETS.masked(text) == text
    assert SECRETS.masked(f"{text} {CANARY}") == f"{text} {MASK}"
    assert understood(body(status=text), SECRETS).status == text


def test_a_mask_that_would_complete_a_secret_is_widened() -> None:
    assert Secrets(["ab", "***c"]).masked("xabc") == MASK


@pytest.mark.parametrize("value", [1234567, -1234567, 12345678, 0.1234567, 1.234567e6])
def test_a_number_that_shows_a_secret_becomes_the_mask(value: float) -> None:
    assert SECRETS.masked_value({"n": [value, 8, True, None]}) == {"n": [MASK, 8, True, None]}


def test_names_are_masked_too() -> None:
    assert SECRETS.masked_value({"x": {"my short-one": 1}}) == {"x": {f"my {MASK}": 1}}


def test_what_is_extracted_and_hashed_comes_from_the_masked_body() -> None:
    secrets = Secrets(["canary-secret"])
    hidden = with_profile(euiccStatusDesc="is canary-secret?", **{"canary-secret": "canary-secret"})
    hidden["requestId"] = "canary-secret"
    hidden["deviceIds"] = [{"kind": "eid", "id": "canary-secret"}]
    callback = understood(hidden, secrets)
    assert (callback.request_id, callback.eid, callback.euicc_status_desc) == (MASK, MASK, f"is {MASK}?")
    assert b"canary" not in callback.canonical
    assert "canary" not in repr(callback)


def test_a_secret_number_of_any_width_is_masked() -> None:
    for secret in ("2022326360", "89049032000000000000000000000163", "5e-07"):
        callback = understood(
            json.dumps(body(note=1)).replace('"note": 1', f'"note": {secret}').encode(), Secrets([secret])
        )
        assert callback.body["note"] == MASK


def test_the_copies_of_a_callback_stay_equal_when_the_password_rotates() -> None:
    secrets = Secrets(["old password", "new password"])
    old = understood(body(password="old password", echo="old password"), secrets)
    new = understood(body(password="new password", echo="new password"), secrets)
    assert old.canonical == new.canonical


def test_an_empty_set_of_secrets_finds_none() -> None:
    assert not Secrets(["", ""]).show_in("anything")
    assert Secrets().masked_escaped("anything") == "anything"


@pytest.mark.parametrize("name", ["callbackCount", "maxCallbackThreshold"])
@pytest.mark.parametrize("count", [1234567, "1234567", 12345678])
def test_a_secret_is_no_count(name: str, count: object) -> None:
    """What is no count is absent; twice, because the second copy may be read by its layout."""
    for _ in range(2):
        callback = understood(body(**{name: count}), SECRETS)
        assert "1234567" not in repr(callback)
        assert callback.attempts_max is None or callback.attempt is None
