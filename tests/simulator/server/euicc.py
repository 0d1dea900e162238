"""The card: profiles of one eUICC, and what each action does to them, step by step. No clock, no chance.

One profile is enabled, always: that is how the card is built, not a rule that is checked. The profile with
the fall-back attribute (the bootstrap, at first) takes over when the enabled one is disabled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

State = Literal["not_downloaded", "disabled", "enabled", "deleted"]


@dataclass(frozen=True, slots=True)
class Card:
    """`present` holds every profile on the card, `enabled` and `fallback` among them."""

    eid: str
    fallback: str
    enabled: str
    present: frozenset[str]
    deleted: frozenset[str] = frozenset()
    suspended: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        assert {self.enabled, self.fallback} <= self.present
        assert not self.deleted & self.present
        assert self.suspended <= self.present

    def state(self, iccid: str) -> State:
        if iccid in self.deleted:
            return "deleted"
        if iccid not in self.present:
            return "not_downloaded"
        return "enabled" if iccid == self.enabled else "disabled"


@dataclass(frozen=True, slots=True)
class Refused:
    """The card, or its manager, says no and nothing changes. `code` is GSMA's subject and reason."""

    code: str
    text: str


Steps: TypeAlias = "tuple[Card, ...] | Refused"

UNKNOWN_PROFILE = Refused("8.2.1.3.9", "simulated: ICCID unknown on this EID")
WRONG_STATE = Refused("8.2.1.1.2", "simulated: profile in the wrong state for the function")
IS_FALLBACK = Refused("8.2.3.3.8", "simulated: the profile carries the fall-back attribute")
BUSY = Refused("1.2.4.4", "simulated: another profile change is pending on this eUICC")
ALREADY_SUSPENDED = Refused("8.2.1.1.2", "Profile is already suspended")
ALREADY_RESUMED = Refused("8.2.1.1.2", "Profile is already resumed")


def new_card(eid: str, bootstrap: str) -> Card:
    return Card(eid, bootstrap, bootstrap, frozenset({bootstrap}))


def perform(card: Card, action: str, iccid: str) -> Steps:
    """The cards after each step of an action, the last after success; none if it has no part in it."""
    rule = RULES.get(action)
    return () if rule is None else rule(card, iccid)


def fallen_back(card: Card) -> Card:
    """The card after it lost its network and switched by itself."""
    return replace(card, enabled=card.fallback)


def _downloaded(card: Card, iccid: str) -> Card:
    return replace(card, present=card.present | {iccid}, deleted=card.deleted - {iccid})


def _download(card: Card, iccid: str) -> Steps:
    return WRONG_STATE if iccid in card.present else (_downloaded(card, iccid),)


def _download_enable(card: Card, iccid: str) -> Steps:
    if iccid in card.present:
        return WRONG_STATE
    downloaded = _downloaded(card, iccid)
    return downloaded, replace(downloaded, enabled=iccid)


def _activate_enable(card: Card, iccid: str) -> Steps:
    if iccid in card.present:
        return (replace(card, enabled=iccid),)
    return _download_enable(card, iccid)


def _enable(card: Card, iccid: str) -> Steps:
    if iccid not in card.present:
        return UNKNOWN_PROFILE
    return WRONG_STATE if iccid == card.enabled else (replace(card, enabled=iccid),)


def _disable(card: Card, iccid: str) -> Steps:
    if iccid not in card.present:
        return UNKNOWN_PROFILE
    if iccid == card.fallback:
        return IS_FALLBACK
    return (fallen_back(card),) if iccid == card.enabled else WRONG_STATE


def _delete(card: Card, iccid: str) -> Steps:
    if iccid not in card.present:
        return UNKNOWN_PROFILE
    if iccid == card.fallback:
        return IS_FALLBACK
    disabled = fallen_back(card) if iccid == card.enabled else card
    gone = replace(
        disabled,
        present=card.present - {iccid},
        deleted=card.deleted | {iccid},
        suspended=card.suspended - {iccid},
    )
    return (gone,) if disabled is card else (disabled, gone)


def _set_fallback(card: Card, iccid: str) -> Steps:
    return (replace(card, fallback=iccid),) if iccid in card.present else UNKNOWN_PROFILE


def _suspend(card: Card, iccid: str) -> Steps:
    if iccid not in card.present:
        return UNKNOWN_PROFILE
    if iccid in card.suspended:
        return ALREADY_SUSPENDED
    return (replace(card, suspended=card.suspended | {iccid}),)


def _resume(card: Card, iccid: str) -> Steps:
    if iccid not in card.present:
        return UNKNOWN_PROFILE
    if iccid not in card.suspended:
        return ALREADY_RESUMED
    return (replace(card, suspended=card.suspended - {iccid}),)


def _suspend_all(card: Card, _iccid: str) -> Steps:
    return (replace(card, suspended=card.present),)


def _resume_all(card: Card, _iccid: str) -> Steps:
    return (replace(card, suspended=frozenset()),)


RULES: Mapping[str, Callable[[Card, str], Steps]] = {
    "download": _download,
    "download_disable": _download,
    "download_enable": _download_enable,
    "activate_enable": _activate_enable,
    "enable": _enable,
    "disable": _disable,
    "delete": _delete,
    "setfallbackattribute": _set_fallback,
    "profile_suspend": _suspend,
    "profile_resume": _resume,
    "device_suspend": _suspend_all,
    "device_resume": _resume_all,
}
