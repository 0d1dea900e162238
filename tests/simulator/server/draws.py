"""Chance, drawn once for each device of a request when it is accepted, and what it makes of the card."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.simulator.server.euicc import Card, Refused, perform
from tests.simulator.server.faults import COURSES, FAULTS, About, Faults
from tests.simulator.server.settings import Times

COURSE_NAMES = frozenset(COURSES)
DRAWN_LATER = frozenset(
    {"server_error", "unavailable", "too_many", "forbidden_xml", "token_refused", "session_refused"}
)
ONCE = tuple(
    name for name in FAULTS if name not in DRAWN_LATER and not name.startswith(("answer", "accepted"))
)


@dataclass(frozen=True, slots=True)
class Draws:
    """`struck` names the faults; times are simulated seconds; the booleans decide between two evils."""

    course: str | None
    struck: frozenset[str]
    work_s: float
    warning_s: float
    late_s: float
    contradiction_s: float
    audit_s: float
    fall_back_s: float
    done_anyway: bool
    wrong_first: bool


def draw(faults: Faults, times: Times, rng: random.Random, about: About) -> Draws:
    course = faults.course(rng, about)
    struck = frozenset(name for name in ONCE if name not in COURSE_NAMES and faults.strikes(name, rng, about))
    ranges = times.work_s, times.warning_s, times.late_s, times.contradiction_s, times.audit_s
    work, warning, late, contradiction, audit = (rng.uniform(*one) for one in ranges)
    fall_back = rng.uniform(*times.fall_back_s)
    coins = rng.random() < 0.5, rng.random() < 0.5
    return Draws(course, struck, work, warning, late, contradiction, audit, fall_back, *coins)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What really happened: the card afterwards, whether that is what was asked, and what is said of it.

    `unknown`: ThingSpace cannot tell until it has audited the card. `unchanged`: profiles of a device that
    were suspended, or resumed, already.
    """

    card: Card
    done: bool
    what: str
    code: str = "1.2.365"
    text: str = "EUICC device profile has been updated"
    unknown: bool = False
    unchanged: frozenset[str] = frozenset()

    @property
    def told_as_done(self) -> bool:
        return self.done and not self.unknown


def carried_out(card: Card, action: str, iccid: str, draws: Draws) -> Outcome:
    steps = perform(card, action, iccid)
    if isinstance(steps, Refused):
        return refused(card, steps)
    last = steps[-1] if steps else card
    if draws.course == "expired":
        what = "done, and nobody knows" if draws.done_anyway else "not done, and nobody knows"
        found = last if draws.done_anyway else card
        return Outcome(found, draws.done_anyway, what, "1.6.5.3", "simulated: time to live expired", True)
    if "card_fails" in draws.struck:
        return Outcome(card, False, "failed", "8.4.4.2", "simulated: eUICC execution error")
    if "half_done" in draws.struck and len(steps) > 1:
        return Outcome(steps[0], False, "half done", "8.4.4.2", "simulated: the second step failed")
    if "rolls_back" in draws.struck and action == "enable":
        return Outcome(card, False, "rolled back", "1.6.5.4", "simulated: no network, rolled back")
    return Outcome(last, True, "done", unchanged=_already(card, action))


def _already(card: Card, action: str) -> frozenset[str]:
    """The profiles on which an action on the whole device finds nothing to do."""
    if action == "device_suspend":
        return card.suspended
    return card.present - card.suspended if action == "device_resume" else frozenset()


def refused(card: Card, why: Refused) -> Outcome:
    return Outcome(card, False, "refused", why.code, why.text)
