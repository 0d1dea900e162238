"""When the API is away: for a while somebody asked for, or for a share of the time that the seed spreads."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulator.content import Json
from tests.simulator.journal import stamp
from tests.simulator.server.settings import Away, Group, OutageKind


@dataclass(frozen=True, slots=True)
class Outage:
    group: Group
    kind: OutageKind
    until: float


class Outages:
    def __init__(self, shares: Sequence[Away], seed: str, began: float) -> None:
        self._shares, self._seed, self._began = tuple(shares), seed, began
        self._asked: list[Outage] = []

    def begin(self, outage: Outage) -> None:
        self._asked.append(outage)

    def end_all(self) -> None:
        """The API is back, and stays: outages by share end for good too."""
        self._asked.clear()
        self._shares = ()

    def share(self, shares: Sequence[Away]) -> None:
        self._shares = tuple(shares)

    def now(self, group: str, now: float) -> Outage | None:
        """The outage a call of this group runs into, else None."""
        self._asked = [one for one in self._asked if one.until > now]
        for one in self._asked:
            if one.group in {"all", group}:
                return one
        for place, share in enumerate(self._shares):
            found = self._drawn(place, share, now)
            if found is not None and share.group in {"all", group}:
                return found
        return None

    def _drawn(self, place: int, share: Away, now: float) -> Outage | None:
        """Once in each period, at a place that depends on nothing but the seed and the period's number."""
        number = math.floor((now - self._began) / share.period_s)
        rng = random.Random(f"{self._seed}/away/{place}/{number}")
        length = share.share * share.period_s
        start = self._began + number * share.period_s + rng.uniform(0, share.period_s - length)
        kind = rng.choice(share.kinds)
        return Outage(share.group, kind, start + length) if start <= now < start + length else None

    def view(self) -> Json:
        asked: list[Json] = [
            {"group": one.group, "kind": one.kind, "until": stamp(one.until)} for one in self._asked
        ]
        shares: list[Json] = [
            {"group": one.group, "share": one.share, "period_s": one.period_s} for one in self._shares
        ]
        return {"asked": asked, "shares": shares}
