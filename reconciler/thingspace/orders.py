"""The body of every profile action, as a table: which identifiers it names, which members it has.

Nobody promises that an identifier is well-formed, so no check digit is asked for; what ThingSpace is known to
refuse, or an action cannot do without, is found here before anything is sent.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from reconciler.thingspace.accounts import SETTING, ThingSpaceAccount
from reconciler.thingspace.talk import Order, Unfit
from schemas.names import Json, JsonObject

Kind = Literal["eid", "iccid", "imei"]

REFUSED_CHARACTERS: Final = frozenset("'<\\")
"""ThingSpace answers INPUT_INVALID.Request.InvalidCharacter to them."""

_TRUTH: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a body beside the devices and the account. `option` is its name in an order."""

    name: str
    option: str
    required: bool = False
    by_account: bool = False
    """Whether the accounts file may say it for all orders of the account."""
    pattern: str = r".{1,200}"
    flag: bool = False
    """True or false; false where the order is silent."""


SMSR_OID: Final = Member("smsrOid", "smsr_oid", required=True, by_account=True, pattern=r"[0-9.]{3,46}")
SMSR_OID_MAYBE: Final = Member("smsrOid", "smsr_oid", by_account=True, pattern=r"[0-9.]{3,46}")
SERVICE_PLAN: Final = Member("servicePlan", "service_plan", required=True, by_account=True)
CARRIER_NAME: Final = Member("carrierName", "carrier_name", required=True, by_account=True)

LOCAL: Final = (SMSR_OID,)
GLOBAL: Final = (SERVICE_PLAN,)
ACTIVATION: Final = (
    CARRIER_NAME,
    SERVICE_PLAN,
    Member("mdnZipCode", "mdn_zip_code", required=True, pattern=r"[0-9]{5}"),
    SMSR_OID_MAYBE,
    Member("carrierIpPoolName", "carrier_ip_pool_name"),
)
DEACTIVATION: Final = (
    CARRIER_NAME,
    Member("reasonCode", "reason_code", required=True, pattern=r"[0-9A-Z]{2,32}"),
    Member("etfWaiver", "etf_waiver", flag=True),
    Member("checkFallbackProfile", "check_fallback_profile", flag=True),
)
BARE: Final[tuple[Member, ...]] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """What one action looks like on the wire."""

    named: tuple[Kind, ...]
    """Required."""
    members: tuple[Member, ...]
    one_of: tuple[Kind, ...] = ()
    """At least one of them is required too."""
    also: tuple[Kind, ...] = ()
    """Sent where it is known."""
    otherwise: tuple[Member, ...] | None = None
    """The members for a Global plan, of actions that local and Global profiles share."""


_CARD: Final[tuple[Kind, ...]] = ("eid", "iccid")

FORMS: Final[Mapping[str, Form]] = {
    "download_enable": Form(_CARD, LOCAL),
    "download_disable": Form(_CARD, LOCAL),
    "enable": Form(_CARD, LOCAL, otherwise=GLOBAL),
    "disable": Form(_CARD, LOCAL),
    "delete": Form(_CARD, LOCAL, otherwise=GLOBAL),
    "download": Form((*_CARD, "imei"), GLOBAL),
    "activate": Form(("eid",), ACTIVATION, one_of=("iccid", "imei")),
    "activate_enable": Form(("eid", "imei"), ACTIVATION, also=("iccid",)),
    "deactivate": Form(_CARD, DEACTIVATION, also=("imei",)),
    "setfallbackattribute": Form(("eid", "imei"), BARE, also=("iccid",)),
    "profile_suspend": Form(("iccid",), GLOBAL, also=("eid", "imei")),
    "profile_resume": Form(("iccid",), GLOBAL, also=("eid", "imei")),
    "device_suspend": Form(("eid",), BARE),
    "device_resume": Form(("eid",), BARE),
    "renew_activation_code": Form(("eid",), ACTIVATION, one_of=("iccid", "imei")),
}
"""Every profile action there is, by the last segment of its path."""

_OPTIONS: Final = frozenset(
    member.option
    for form in FORMS.values()
    for members in (form.members, form.otherwise or ())
    for member in members
)


def order_faults(order: Order, account: ThingSpaceAccount) -> tuple[str, ...]:
    """Why this cannot be sent, each with its remedy; empty when it can."""
    form = FORMS.get(order.action)
    if form is None:
        return (
            f"the action {order.action!r} is none of ThingSpace's; use one of {', '.join(sorted(FORMS))}",
        )
    members = _members(form, order, account)
    return (
        *_identifier_faults(form, order),
        *(fault for member in members for fault in _member_faults(member, _value(member, order, account))),
        *_character_faults(order),
        *(
            f"the option {name} is not known; use one of {', '.join(sorted(_OPTIONS))}"
            for name in sorted(order.options.keys() - _OPTIONS)
        ),
    )


def order_body(order: Order, account: ThingSpaceAccount) -> JsonObject:
    """For one device; raises `Unfit`."""
    faults = order_faults(order, account)
    if faults:
        raise Unfit(faults)
    form = FORMS[order.action]
    body: JsonObject = {"devices": [{"deviceIds": _device_ids(form, order)}], "accountName": account.name}
    for member in _members(form, order, account):
        value = _value(member, order, account)
        if member.flag:
            body[member.name] = _TRUTH[value or "false"]
        elif value is not None:
            body[member.name] = value
    return body


def _members(form: Form, order: Order, account: ThingSpaceAccount) -> tuple[Member, ...]:
    """A local profile has an SM-SR, a Global one a plan; what the order says goes before the account."""
    if form.otherwise is None:
        return form.members
    said = order.options.keys()
    if "smsr_oid" in said or ("service_plan" not in said and account.smsr_oid is not None):
        return form.members
    plan_known = "service_plan" in said or account.service_plan is not None
    return form.otherwise if plan_known else form.members


def _value(member: Member, order: Order, account: ThingSpaceAccount) -> str | None:
    said = order.options.get(member.option)
    if said or not member.by_account:
        return said or None
    return _OF_ACCOUNT[member.option](account)


_OF_ACCOUNT: Final[Mapping[str, Callable[[ThingSpaceAccount], str | None]]] = {
    "smsr_oid": lambda account: account.smsr_oid,
    "service_plan": lambda account: account.service_plan,
    "carrier_name": lambda account: account.carrier_name,
}


def _identifiers(order: Order) -> dict[Kind, str | None]:
    return {"eid": order.eid, "iccid": order.iccid, "imei": order.imei}


def _device_ids(form: Form, order: Order) -> list[Json]:
    known = _identifiers(order)
    kinds = dict.fromkeys((*form.named, *form.one_of, *form.also))
    return [{"kind": kind, "id": known[kind]} for kind in kinds if known[kind]]


def _identifier_faults(form: Form, order: Order) -> Iterator[str]:
    known = _identifiers(order)
    for kind in form.named:
        if not known[kind]:
            yield f"{order.action} needs the {kind.upper()} of the device; add it to the order"
    if form.one_of and not any(known[kind] for kind in form.one_of):
        kinds = " or the ".join(kind.upper() for kind in form.one_of)
        yield f"{order.action} needs the {kinds} of the device; add one of them to the order"


def _member_faults(member: Member, value: str | None) -> Iterator[str]:
    if value is None:
        if member.required:
            where = f", or {member.option} for the account in {SETTING}" if member.by_account else ""
            yield f"{member.option} is missing; give it with the order{where}"
    elif member.flag and value not in _TRUTH:
        yield f"{member.option} is {value!r}; write true or false"
    elif not re.fullmatch(member.pattern, value):
        yield f"{member.option} is {value!r}, which ThingSpace does not take; correct it"


def _character_faults(order: Order) -> Iterator[str]:
    for name, value in (*_identifiers(order).items(), *order.options.items()):
        if value and (REFUSED_CHARACTERS.intersection(value) or not value.isprintable()):
            yield f"{name} holds ', <, \\ or a control character, which ThingSpace refuses; remove it"
