"""What can go wrong, by name, and whether it does now.

A fault strikes with its probability, or because somebody asked for it to strike next. Of `COURSES`, which
say how the news of one request gets lost or bent, at most one strikes a request.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tests.simulator.content import Json

COURSES = ("lost", "late", "contradicting", "expired", "warning_only")

FAULTS: Mapping[str, str] = {
    # How the news of a request travels; at most one of these in a request.
    "lost": "its callbacks never come",
    "late": "the final callback comes days later",
    "contradicting": "two finals that say the opposite, the wrong one first or second",
    "expired": "EXPIRED: ThingSpace does not know, whether the card did it or not",
    "warning_only": "a warning, and no final ever",
    # What happens on the card.
    "card_fails": "the card does nothing, and a failure is reported",
    "half_done": "the first of two steps is done, the second is not, and a failure is reported",
    "rolls_back": "an enable cannot attach and is rolled back, and a failure is reported",
    "falls_back": "some time after a success the card switches to its fall-back profile, and nobody is told",
    # What the callbacks look like.
    "warning": "a warning before the final",
    "final_first": "the warning arrives after the final",
    "duplicate": "the final comes again a little later, with the next count",
    "overlap": "two copies of the final at the same moment",
    "fault_envelope": "a failure as a faultResponse, without a deviceResponse",
    "bare_status": "a final without a deviceResponse",
    "iccid_differs": "the response names the bootstrap's ICCID, not the requested one",
    "pascal": "RequestId, Device, Kind, Identifier",
    "odd_kinds": "kinds in another casing",
    "numeric_ids": "identifiers as JSON numbers",
    "trailing_commas": "a comma before each closing brace",
    "odd_status": "the status in another spelling: WARNING, SUCCESS, Failure",
    "wrong_password": "a password that was never registered",
    "no_password": "no username, no password",
    "unknown_request": "one more callback, about a request nobody made",
    "with_warning": "a success with EXECUTED_WITHWARNING, which is final",
    "fault_and_response": "a failure with both a faultResponse and a deviceResponse",
    "unknown_members": "members that nobody documented",
    # What the caller of an action sees.
    "answer_lost": "accepted, and the connection closed without an answer",
    "answer_late": "accepted, and answered some seconds later",
    "answer_last": "accepted, and answered only when the first callback has been delivered",
    "accepted_504": "accepted, and answered with the gateway's time-out",
    # What the caller of anything sees.
    "server_error": "502 with a proxy's HTML page, and nothing done",
    "unavailable": "503, and nothing done",
    "too_many": "429 with Retry-After, and nothing done",
    "forbidden_xml": "the gateway's 403 in XML, and nothing done",
    "token_refused": "401: the token is refused, and gone",
    "session_refused": "the session is refused as expired, and gone",
}


@dataclass(frozen=True, slots=True)
class About:
    """What is being done, for one-shot faults that are meant for one thing only."""

    account: str | None = None
    action: str | None = None
    eid: str | None = None
    group: str | None = None


@dataclass(slots=True)
class Next:
    """Strike the next `times` occasions that fit; None fits all."""

    fault: str
    times: int = 1
    only: About = About()

    def fits(self, fault: str, about: About) -> bool:
        wanted = self.only
        pairs = (
            (wanted.account, about.account),
            (wanted.action, about.action),
            (wanted.eid, about.eid),
            (wanted.group, about.group),
        )
        return self.fault == fault and self.times > 0 and all(one in {None, other} for one, other in pairs)


class Faults:
    """Draws come from the caller's generator, so that they depend on what is done and not on when."""

    def __init__(self, probabilities: Mapping[str, float]) -> None:
        self.probabilities = dict(probabilities)
        self._next: list[Next] = []

    def strike_next(self, one: Next) -> None:
        self._next.append(one)

    def clear(self) -> None:
        self.probabilities.clear()
        self._next.clear()

    def strikes(self, fault: str, rng: random.Random, about: About) -> bool:
        drawn = rng.random() < self.probabilities.get(fault, 0.0)
        return self._asked_for(fault, about) or drawn

    def course(self, rng: random.Random, about: About) -> str | None:
        """The one course that strikes, or None: shares of one whole, so 30 % lost means 30 % of requests."""
        place = rng.random()
        for fault in COURSES:
            if self._asked_for(fault, about):
                return fault
        for fault in COURSES:
            place -= self.probabilities.get(fault, 0.0)
            if place < 0:
                return fault
        return None

    def _asked_for(self, fault: str, about: About) -> bool:
        for one in self._next:
            if one.fits(fault, about):
                one.times -= 1
                if not one.times:
                    self._next.remove(one)
                return True
        return False

    def view(self) -> Json:
        waiting: list[Json] = [{"fault": one.fault, "times": one.times} for one in self._next]
        probabilities: dict[str, Json] = dict(self.probabilities)
        return {"probabilities": probabilities, "next": waiting}
