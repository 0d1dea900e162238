"""The access log: what went wrong, what was slow, and a sample of the rest; never a path, a header or a body.

Writing a line costs as much as answering a request, so the sample is thin and a flood of refusals is cut.
"""

import time
from collections.abc import Callable
from http import HTTPStatus

from receiver.answers import UNKNOWN_PATH, Answer
from receiver.notices import Notice
from receiver.routes import Route
from schemas.logline import Log

SAMPLE_ONE_IN = 1000
SLOW_S = 1.0
LINES_PER_S_MAX = 20
GOOD = HTTPStatus.OK
"""By a name of its own: looking it up in the enumeration takes longer than all the rest of `note`."""


class AccessLog:
    def __init__(
        self,
        log: Log,
        *,
        sample_one_in: int = SAMPLE_ONE_IN,
        slow_s: float = SLOW_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._sample_one_in = sample_one_in
        self._slow_s = slow_s
        self._clock = clock
        self._unknown_path = Notice(log, "unknown_path", clock=clock)
        self._until_sample = 1
        self._second = 0
        self._lines = 0

    def note(self, answer: Answer, route: Route | None, host: str, seconds: float) -> None:
        """After each answer. `host` is the transport's other end."""
        self._until_sample -= 1
        sampled = self._until_sample == 0
        if sampled:
            self._until_sample = self._sample_one_in
        if answer is UNKNOWN_PATH:
            self._unknown_path.give(source_ip=host)
        elif (sampled or answer.status is not GOOD or seconds >= self._slow_s) and self._has_room():
            self._log.emit(
                "request",
                level="info" if answer.status is GOOD else "warning",
                status=int(answer.status),
                outcome=answer.outcome,
                account=route.account.name if route else None,
                service=route.service if route else None,
                source_ip=host,
                seconds=round(seconds, 6),
            )

    def _has_room(self) -> bool:
        second = int(self._clock())
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        return self._lines <= LINES_PER_S_MAX
