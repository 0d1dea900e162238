"""Random histories of one eUICC, and what the ledger gets to hear of them.

ThingSpace is honest and lossy: announcements, echoes and finals get lost, finals are disputed or replaced by
"nobody knows", polls and operators settle some. What the rules take for granted is kept: operations begin one
after the other, and so do the first words of them; of each that was begun some final word comes, if only an
unclear one; and `allowed`.
"""

from dataclasses import dataclass, field
from random import Random

from reconciler.core.evidence import Evidence, Fact
from tests.unit.core.euicc import Card
from tests.unit.core.tell import Said, callback, decision, poll, request

ICCIDS = tuple(f"891480000000000000{last}0" for last in range(1, 6))
FALL_BACK = ICCIDS[0]
ACTIONS = (
    *("download", "download_enable", "download_disable", "activate_enable", "enable", "enable"),
    *("disable", "disable", "delete", "delete", "setfallbackattribute", "profile_suspend"),
)
LOADS = ("download", "download_enable", "download_disable", "activate_enable")
REPORTS_TARGET = ("download_enable", "enable", "activate_enable")
ENDINGS = ("final", "final", "final", "polled", "decided", "unclear", "disputed", "settled by a poll")
SLOT_S = 1000
"""Operations begin this far apart; what is told of one may come much later."""


@dataclass(slots=True)
class History:
    """`told` holds what was heard of each operation; in an `exact` one all succeed and all is told."""

    rng: Random
    exact: bool = False
    card: Card = field(init=False)
    told: list[list[Evidence]] = field(default_factory=list)
    fall_back_open: bool = False
    """The fall-back profile may be named: the ledger knows it, or knows that it does not."""
    known: set[str] = field(default_factory=set)
    """Profiles the ledger has certainly heard of."""

    def __post_init__(self) -> None:
        preloaded = [] if self.exact else self.rng.sample(ICCIDS[1:], self.rng.randrange(3))
        self.card = Card.issued(self.rng, FALL_BACK, preloaded)

    def maybe(self, chance: float) -> bool:
        return self.rng.random() < chance

    def allowed(self, action: str, iccid: str) -> bool:
        """No bootstrap is named while its ICCID is unknown; what is loaded and never heard of is absent."""
        if iccid == self.card.fall_back and not self.fall_back_open:
            return action == "setfallbackattribute"
        return action not in LOADS or not self.card.there(iccid) or iccid in self.known

    def go_on(self) -> None:
        """One more request: mostly for one profile, sometimes for two."""
        if not self.exact and self.maybe(0.1):
            self._ask_nothing_done()
            return
        action = self.rng.choice(ACTIONS)
        iccids = sorted(self.rng.sample(ICCIDS, 2 if not self.exact and self.maybe(0.15) else 1))
        found = [row for iccid in iccids for row in self._perform(action, iccid, alone=len(iccids) == 1)]
        if found:
            self.told.append(found)

    def _ask_nothing_done(self) -> None:
        """Asked, perhaps warned of, and never begun."""
        asked = Heard(self, self.rng.choice(ACTIONS), self.rng.choice(ICCIDS), alone=True)
        self.told.append([asked.announcement(full=True), asked.callback("interim")])

    def _perform(self, action: str, iccid: str, *, alone: bool) -> list[Evidence]:
        if not self.allowed(action, iccid):
            return []
        stops_after = None if self.exact or self.maybe(0.7) else self.rng.randrange(2)
        done = self.card.perform(action, iccid, stops_after)
        if self.exact and not done:
            return []
        heard = Heard(self, action, iccid, alone=alone)
        ending = "final" if self.exact else self.rng.choice(ENDINGS)
        full = self.exact or not alone or self.maybe(0.6)
        found = heard.beginning(full=full) + heard.ending(ending, "success" if done else "failure")
        if action == "setfallbackattribute" and (done or (alone and ending in ("unclear", "disputed"))):
            self.fall_back_open = True
        if full and done and alone and ending not in ("unclear", "disputed"):
            self.known.add(iccid)
        return found


@dataclass(slots=True)
class Heard:
    """Makes what is heard of one operation."""

    history: History
    action: str
    iccid: str
    alone: bool
    begins: float = field(init=False)
    first: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        self.begins = float(len(self.history.told) * SLOT_S)

    def _said(self) -> Said:
        """The first word comes before the next operation; later ones, when they like."""
        slots = 1 if self.first else 8
        self.first = False
        at = self.begins + round(self.history.rng.uniform(1, slots * SLOT_S - 1), 3)
        return Said(request=f"R{len(self.history.told)}", at=at)

    def announcement(self, *, full: bool) -> Evidence:
        said = self._said()
        said["action"], said["requested"] = self.action, self.begins
        if full:
            said["iccid"] = self.iccid
        return request("announced", **said)

    def callback(self, word: Fact, *, named: bool = False) -> Evidence:
        maybe, said = self.history.maybe, self._said()
        said["action"] = self.action
        if named or maybe(0.4):
            said["iccid"] = self.iccid
        if word == "success" and maybe(0.7):
            said["reported"] = self.iccid if self.action in REPORTS_TARGET else self.history.card.active
        return callback(word, **said)

    def polled(self, word: Fact) -> Evidence:
        said = self._said()
        if not self.alone or self.history.maybe(0.5):
            said["iccid"] = self.iccid
        if self.history.maybe(0.5):
            said["reported"] = self.iccid
        return poll("poll_success" if word == "success" else "poll_failure", **said)

    def decided(self, word: Fact) -> Evidence:
        said = self._said()
        said["iccid"], said["sequence"] = self.iccid, 1
        return decision("decided_success" if word == "success" else "decided_failure", **said)

    def beginning(self, *, full: bool) -> list[Evidence]:
        if full or self.history.maybe(0.5):
            return [self.announcement(full=full)]
        return [self.callback("interim")]

    def ending(self, ending: str, truth: Fact) -> list[Evidence]:
        """No lie stands alone: of one of two profiles a true word that names none would say nothing."""
        lie: Fact = "failure" if truth == "success" else "success"
        match ending:
            case "final":
                return [self.callback(truth)]
            case "polled":
                return [self.polled(truth)]
            case "decided":
                return [self.callback("unclear"), self.decided(truth)]
            case "unclear":
                return [self.callback("interim"), self.callback("unclear")]
            case "disputed":
                return [self.callback(truth, named=not self.alone), self.callback(lie)]
            case _:
                return [self.callback(truth), self.callback(lie), self.polled(truth)]
