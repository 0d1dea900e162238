"""How hard and how long ThingSpace is asked: every bound of the client, and the two that keep time.

Nothing here reads a clock: the caller says when it is, in seconds of a clock that never goes back.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.http_date import http_date

BURST_SHARE: Final = 0.1
"""Of a minute's requests, how many may go at once."""
NEAREST_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """One for all accounts; what is per account stands in the accounts file."""

    connect_timeout_s: float = 10.0
    """Name, TCP and TLS together."""
    timeout_s: float = 30.0
    """The whole of one question and its answer."""
    body_bytes_max: int = 1_048_576
    token_early_s: float = 300.0
    """A token is renewed so long before it ends; asked within its hour, ThingSpace gives the same again."""
    token_life_s: float = 3600.0
    """Where ThingSpace does not say."""
    session_idle_s: float = 1140.0
    """A minute less than the 20 after which ThingSpace forgets an idle session."""
    logins_refused_max: int = 2
    """Five lock the account at Verizon, and people need some of them."""
    login_pause_s: float = 30.0
    """After a refused login, before the next."""
    turn_wait_max_s: float = 60.0
    """For a turn under the rate limit."""
    failures_max: int = 5
    """In a row, before the breaker opens."""
    open_s: float = 15.0
    open_s_max: float = 300.0
    pause_s: float = 60.0
    """After a 429 that does not say how long."""
    pause_s_max: float = 3600.0


class Bucket:
    """A token bucket. Turns are given in the order of asking; a turn may lie in the future."""

    def __init__(self, per_minute: int, now: float) -> None:
        self._interval_s = 60.0 / per_minute
        self._depth_s = self._interval_s * (max(1, round(per_minute * BURST_SHARE)) - 1)
        self._next = now - self._depth_s

    def turn(self, now: float, wait_max_s: float) -> float | None:
        """How many seconds to wait for the turn that this takes; None, and none taken, where too many."""
        earliest = max(self._next, now - self._depth_s)
        wait_s = max(0.0, earliest - now)
        if wait_s > wait_max_s:
            return None
        self._next = earliest + self._interval_s
        return wait_s

    def wait_s(self, now: float) -> float:
        return max(0.0, self._next - now)


class Breaker:
    """Closed, open, half-open: after `failures_max` failures in a row one question at a time tries the way.

    Each failed try doubles the time until the next, up to `open_s_max`.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._failures = 0
        self._open_s = limits.open_s
        self._open_until: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        return self._open_until is not None

    def wait_s(self, now: float) -> float:
        """0 where a question may pass now."""
        if self._open_until is None:
            return 0.0
        if self._trying:
            return max(self._open_until - now, NEAREST_S)
        return max(0.0, self._open_until - now)

    def enter(self, now: float) -> bool:
        """Only after `wait_s` said 0. True for the one that tries, which must `leave` in a `finally`."""
        assert self.wait_s(now) == 0.0
        self._trying = self.is_open
        return self._trying

    def leave(self) -> None:
        """What ended without a verdict, by cancellation, lets the next one try."""
        self._trying = False

    def succeeded(self) -> None:
        self._failures = 0
        self._open_s = self._limits.open_s
        self._open_until = None
        self._trying = False

    def failed(self, now: float) -> None:
        """While it is open only the one that tries counts, not those that were under way before."""
        self._failures += 1
        if self._trying:
            self._open_s = min(self._open_s * 2, self._limits.open_s_max)
            self._open_until = now + self._open_s
        elif self._open_until is None and self._failures >= self._limits.failures_max:
            self._open_until = now + self._open_s
        self._trying = False


def retry_after_s(header: str | None, now: datetime, limits: Limits) -> float:
    """Retry-After in either of its forms, bounded; the usual pause where it says nothing usable."""
    seconds = _seconds(header, now)
    return limits.pause_s if seconds is None else min(max(seconds, NEAREST_S), limits.pause_s_max)


def _seconds(header: str | None, now: datetime) -> float | None:
    written = (header or "").strip()
    if written.isascii() and written.isdigit():
        return float(written[:9])
    moment = http_date(written)
    return None if moment is None else (moment - now).total_seconds()
