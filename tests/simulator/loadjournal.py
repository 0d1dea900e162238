"""The journal of a load, written when it is over, so that it costs nothing while it runs."""

from __future__ import annotations

import time
from typing import TextIO

from tests.simulator.delivery import Answer
from tests.simulator.journal import Journal
from tests.simulator.load import LoadPlan, LoadReport, Requests
from tests.simulator.message import Listener, Message
from tests.simulator.story import Truth

STORY = "load"


def write_load(stream: TextIO, listener: Listener, plan: LoadPlan, report: LoadReport) -> None:
    """One `attempt` line per answer, one `truth` per callback that was accepted."""
    journal, requests = Journal(stream, listener), Requests(plan, listener)
    offset = time.time() - time.perf_counter()
    url = listener.url(0, "DeviceProfileService")
    accepted: set[int] = set()
    for number, status, due, answered in report.order:
        message = Message(str(number), requests.body(number), requests.request_id(number))
        answer = Answer(status or None, None if status else "unanswered")
        journal.attempt(STORY, message, 1, url, due + offset, answered + offset, answer)
        if answer.accepted:
            accepted.add(number)
    for number in sorted(accepted):
        truth = Truth("operation", requests.request_id(number), requests.eid(number), "enable", "succeeded")
        journal.truth(STORY, truth)
