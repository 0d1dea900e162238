"""The devices there are: an eUICC in a modem each, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from tests.simulator.content import Json
from tests.simulator.device import Device, device_of
from tests.simulator.server.euicc import Card, new_card, perform
from tests.simulator.server.settings import DeviceSeed, Profile

State = Literal["not_downloaded", "disabled", "enabled"]
BEFORE_DOWNLOAD = frozenset({"download", "download_disable", "download_enable", "activate"})


@dataclass(slots=True)
class Line:
    """A device of an account, with its card as it is now and what was done to the card, oldest first."""

    account: str
    imei: str
    mdn: str
    bootstrap_iccid: str
    card: Card
    working: bool = False
    requests: int = 0
    history: list[str] = field(default_factory=list)

    def device(self, iccid: str) -> Device:
        """As callbacks name it, when they are about this profile."""
        return Device(self.card.eid, self.imei, iccid, self.mdn, self.bootstrap_iccid)

    def change(self, card: Card, why: str) -> None:
        if card is not self.card:
            self.card = card
            self.history.append(why)

    def view(self) -> dict[str, Json]:
        card = self.card
        known = sorted(card.present | card.deleted)
        profiles: list[Json] = [
            {
                "iccid": one,
                "state": card.state(one),
                "suspended": one in card.suspended,
                "fallback": one == card.fallback,
            }
            for one in known
        ]
        return {
            "eid": card.eid,
            "account": self.account,
            "imei": self.imei,
            "mdn": self.mdn,
            "bootstrap_iccid": self.bootstrap_iccid,
            "enabled": card.enabled,
            "profiles": profiles,
            "working": self.working,
            "history": list(self.history),
        }


class Fleet:
    def __init__(self, seed: str, account: str) -> None:
        self._seed, self._account = seed, account
        self._lines: dict[str, Line] = {}
        self._made = 0

    def find(self, eid: str) -> Line | None:
        return self._lines.get(eid)

    def find_by(self, kind: str, value: str) -> Line | None:
        """The line of an EID, IMEI, MDN or ICCID; None where there is none."""
        return self.find(value) if kind == "eid" else self._first(kind, value)

    def _first(self, kind: str, value: str) -> Line | None:
        for line in self._lines.values():
            named = {"imei": {line.imei}, "mdn": {line.mdn}, "iccid": line.card.present}
            if value in named.get(kind, ()):
                return line
        return None

    def of_account(self, account: str) -> list[Line]:
        return [line for line in self._lines.values() if line.account == account]

    def add(self, wanted: DeviceSeed) -> Line:
        """A new device, or one to put in the place of another with its EID; request ids never come again."""
        self._made += wanted.eid is None
        made = device_of(wanted.eid or f"{self._seed}/{self._made}")
        eid = wanted.eid or made.eid
        bootstrap = wanted.bootstrap_iccid or made.bootstrap_iccid
        line = Line(
            wanted.account or self._account,
            wanted.imei or made.imei,
            wanted.mdn or made.mdn,
            bootstrap,
            _with_profiles(new_card(eid, bootstrap), wanted.profiles),
        )
        before = self._lines.get(eid)
        line.requests = 0 if before is None else before.requests
        self._lines[eid] = line
        return line

    def add_many(self, account: str | None, count: int, state: State) -> list[Line]:
        """Devices from the seed, each with one profile in the state given, or none for `not_downloaded`."""
        return [self._add_one(account, state) for _ in range(count)]

    def _add_one(self, account: str | None, state: State) -> Line:
        line = self.add(DeviceSeed(account=account))
        iccid = device_of(f"{self._seed}/{self._made}").iccid
        if state == "disabled" or state == "enabled":
            line.card = _with_profiles(line.card, [Profile(iccid=iccid, state=state)])
        return line

    def make_for(self, account: str, eid: str, iccid: str | None, imei: str | None, action: str) -> Line:
        """The device nobody mentioned before, as it must be for the action to make sense."""
        profiles: tuple[Profile, ...] = ()
        if iccid is not None and action not in BEFORE_DOWNLOAD:
            state: Literal["disabled", "enabled"] = "enabled" if action == "disable" else "disabled"
            profiles = (Profile(iccid=iccid, state=state),)
        return self.add(DeviceSeed(account=account, eid=eid, imei=imei, profiles=profiles))


def _with_profiles(card: Card, profiles: Iterable[Profile]) -> Card:
    for one in profiles:
        done = perform(card, "download_enable" if one.state == "enabled" else "download_disable", one.iccid)
        if isinstance(done, tuple):
            card = done[-1]
    return card
