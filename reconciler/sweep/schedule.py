"""RECONCILER_SWEEP_SCHEDULE: when to ask about an operation, as people write it.

`5m,15m,1h/24h,1d/30d` is the default: after 5 and 15 minutes, then every hour until a day has passed, then
every day until the thirtieth. A trailing `…` goes on as the default does.
"""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator

from reconciler.core.schedule import GIVEN_UP_AFTER, STEPS
from schemas.setting_types import duration

STEPS_MAX: Final = 5000
EXAMPLE: Final = "write for example 5m,15m,1h/24h,1d/30d"
_AND_SO_ON: Final = ("…", "...")


def steps(text: object) -> tuple[timedelta, ...]:
    """Rising lengths of time since an operation was first known, the last no later than it is given up."""
    if isinstance(text, tuple):
        return tuple(map(duration, text))
    parts = [part.strip() for part in str(text).split(",") if part.strip()]
    if not parts:
        raise ValueError(f"names no length of time; {EXAMPLE}")
    found: list[timedelta] = []
    for number, part in enumerate(parts, 1):
        if part in _AND_SO_ON:
            if number != len(parts):
                raise ValueError(f"goes on after {part!r}, which must be last; {EXAMPLE}")
            found += [step for step in STEPS if not found or step > found[-1]]
        else:
            found += _steps_of(part, found[-1] if found else timedelta())
        if len(found) > STEPS_MAX:
            raise ValueError(f"comes to more than {STEPS_MAX} looks; ask less often")
    return tuple(found)


def _steps_of(part: str, before: timedelta) -> list[timedelta]:
    """One step, or with EVERY/UNTIL all multiples of EVERY that come later than `before`."""
    every_text, repeated, until_text = part.partition("/")
    every = duration(every_text)
    until = duration(until_text) if repeated else every
    if every <= timedelta():
        raise ValueError(f"{part!r} is no time at all; {EXAMPLE}")
    if until > GIVEN_UP_AFTER:
        raise ValueError(f"{part!r} is later than {GIVEN_UP_AFTER.days} days, when nobody asks any more")
    if until <= before:
        raise ValueError(f"{part!r} is no later than the step before it; let the steps rise")
    if until < every:
        raise ValueError(f"{part!r} ends before it begins; write EVERY/UNTIL, like 1h/24h")
    first = before // every + 1 if repeated else 1
    last = min(until // every, first + STEPS_MAX)
    return [every * number for number in range(first, last + 1)]


def _apart(text: object) -> timedelta:
    found = duration(text)
    if not timedelta() < found <= timedelta(days=1):
        raise ValueError(f"{text!r} is not between nothing and a day; write for example 30s")
    return found


Apart = Annotated[timedelta, BeforeValidator(_apart)]
Steps = Annotated[tuple[timedelta, ...], BeforeValidator(steps)]
