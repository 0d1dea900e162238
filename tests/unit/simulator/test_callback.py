"""Messages look as the vendor prints them, and as odd as they were seen."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.simulator import content
from tests.simulator.callback import Callback, Fault, body_of
from tests.simulator.content import Json
from tests.simulator.device import device_of, with_luhn, with_mod97
from tests.simulator.script import sample
from tests.simulator.spelling import LAYOUTS, SPELLINGS, spelled

DEVICE = device_of("a device")


def shape(value: Json) -> Json:
    """The names and types of a value, in order."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    return [shape(item) for item in value[:1]] if isinstance(value, list) else type(value).__name__


def test_a_message_has_the_members_of_the_printed_one_in_its_order() -> None:
    printed = content.readable(sample("delete_success"))
    made = body_of(Callback("r", DEVICE, action="delete"))
    assert json.dumps(shape(made)) == json.dumps(shape(printed))


def test_the_printed_sample_is_the_vendors_byte_for_byte() -> None:
    assert hashlib.sha256(sample("delete_success")).hexdigest() == PRINTED


PRINTED = "706a3b58eb147bef2b09316b80cd90765dbe0d6c5ccd18b977ff6e99f12eae6f"


def test_a_fault_comes_without_a_device_response_when_nothing_else_is_said() -> None:
    made = body_of(Callback("r", DEVICE, action=None, euicc_status=None, fault=Fault("S.CODE", "text")))
    assert "deviceResponse" not in made
    assert made["faultResponse"] == {"faultcode": "S.CODE", "faultstring": "text"}


def test_check_digits_are_right() -> None:
    assert with_mod97("123450000000000000000000000001") == "12345000000000000000000000000186"
    assert with_luhn("49015420323751") == "490154203237518"
    assert int(DEVICE.eid) % 97 == 1
    assert len(DEVICE.eid) == 32
    assert len(device_of("old", eid_digits=30).eid) == 30


@pytest.mark.parametrize("name", [*SPELLINGS, *LAYOUTS])
def test_every_spelling_says_the_same_device_and_request(name: str) -> None:
    body = spelled(body_of(Callback("request-1", DEVICE)), [name])
    found = content.readable(body)
    assert found is not None
    assert content.text_of(found, "requestId") == "request-1"
    assert DEVICE.eid in json.dumps(found)


def test_spellings_differ_from_the_plain_message() -> None:
    plain = spelled(body_of(Callback("request-1", DEVICE)))
    assert len(
        {spelled(body_of(Callback("request-1", DEVICE)), [name]) for name in [*SPELLINGS, *LAYOUTS]}
    ) == len({*SPELLINGS, *LAYOUTS})
    assert plain == spelled(body_of(Callback("request-1", DEVICE)), ["compact"])


@pytest.mark.parametrize("name", ["escapes", "trailing_commas", "printed", "bom"])
def test_a_layout_is_the_same_message(name: str) -> None:
    plain, laid_out = (spelled(body_of(Callback("r", DEVICE)), names) for names in ([], [name]))
    assert plain != laid_out
    assert content.payload_id(plain) == content.payload_id(laid_out)
    assert content.with_attempt(laid_out, 2) != laid_out
