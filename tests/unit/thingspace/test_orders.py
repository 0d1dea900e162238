"""Every action has its body; what is missing is named with its remedy before anything is sent."""

from dataclasses import replace

import pytest
from pydantic import JsonValue

from reconciler.thingspace.orders import FORMS, order_body, order_faults
from reconciler.thingspace.talk import Order, Unfit
from schemas.ids import Eid, Iccid
from schemas.signal import ACTIONS
from tests.unit.thingspace.platform import NAME, account, order

ALL = {
    "service_plan": "a plan",
    "carrier_name": "Verizon Wireless",
    "mdn_zip_code": "12345",
    "reason_code": "FF",
}
EID = {"kind": "eid", "id": "89049032000000000000000000000163"}
ICCID = {"kind": "iccid", "id": "89148000000840784251"}
IMEI = {"kind": "imei", "id": "490154203237518"}
OID = "1.3.6.1.4.1.31746.1.500.200.101.5"


def ids_of(body: dict[str, JsonValue]) -> JsonValue:
    devices = body.pop("devices")
    assert isinstance(devices, list)
    assert len(devices) == 1
    assert isinstance(devices[0], dict)
    return devices[0]["deviceIds"]


def test_the_table_has_every_action_that_callbacks_may_name() -> None:
    assert set(FORMS) == set(ACTIONS)


@pytest.mark.parametrize(
    ("action", "options", "ids", "members"),
    [
        ("enable", {}, [EID, ICCID], {"smsrOid": OID}),
        ("enable", {"service_plan": "a plan"}, [EID, ICCID], {"servicePlan": "a plan"}),
        ("delete", {"service_plan": "a plan", "smsr_oid": "1.2"}, [EID, ICCID], {"smsrOid": "1.2"}),
        ("download_enable", {"smsr_oid": "1.2.3"}, [EID, ICCID], {"smsrOid": "1.2.3"}),
        ("download", ALL, [EID, ICCID, IMEI], {"servicePlan": "a plan"}),
        (
            "activate",
            ALL,
            [EID, ICCID, IMEI],
            {
                "carrierName": "Verizon Wireless",
                "servicePlan": "a plan",
                "mdnZipCode": "12345",
                "smsrOid": OID,
            },
        ),
        (
            "deactivate",
            {**ALL, "etf_waiver": "true"},
            [EID, ICCID, IMEI],
            {
                "carrierName": "Verizon Wireless",
                "reasonCode": "FF",
                "etfWaiver": True,
                "checkFallbackProfile": False,
            },
        ),
        ("setfallbackattribute", {}, [EID, IMEI, ICCID], {}),
        ("profile_suspend", ALL, [ICCID, EID, IMEI], {"servicePlan": "a plan"}),
        ("device_resume", {}, [EID], {}),
    ],
)
def test_an_action_has_the_body_that_is_documented(
    action: str, options: dict[str, str], ids: JsonValue, members: dict[str, JsonValue]
) -> None:
    body = order_body(order(action, options=options), account())
    assert ids_of(body) == ids
    assert body == {"accountName": NAME, **members}


@pytest.mark.parametrize("action", ACTIONS)
def test_an_empty_order_says_all_that_it_lacks(action: str) -> None:
    faults = order_faults(Order(action, NAME, None, None), replace(account(), smsr_oid=None))
    form = FORMS[action]
    needed = [kind.upper() for kind in form.named] + [
        member.option for member in form.members if member.required
    ]
    for name in needed:
        assert any(name in fault for fault in faults), name


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"smsr_oid": "one"}, "does not take"),
        ({"colour": "red"}, "the option colour is not known"),
        ({"service_plan": "O'Hara"}, "which ThingSpace refuses"),
    ],
)
def test_what_thingspace_refuses_is_not_sent(options: dict[str, str], word: str) -> None:
    assert any(word in fault for fault in order_faults(order(options=options), account()))


def test_a_remedy_says_where_the_value_may_come_from() -> None:
    with pytest.raises(Unfit, match=r"give it with the order, or smsr_oid for the account") as raised:
        order_body(order(), replace(account(), smsr_oid=None))
    assert len(raised.value.faults) == 1


def test_activation_wants_one_of_two_identifiers() -> None:
    bare = Order("activate", NAME, Eid("1"), None, None, ALL)
    assert any("ICCID or the IMEI" in fault for fault in order_faults(bare, account()))
    assert not order_faults(replace(bare, iccid=Iccid("2")), account())


def test_an_unknown_action_is_answered_with_those_that_exist() -> None:
    assert "setfallbackattribute" in order_faults(order("erase"), account())[0]
