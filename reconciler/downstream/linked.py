"""What a look at an app profile tells about one device, and since when it is linked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from reconciler.downstream.job import Seen

TIMES: Final = ("createdon", "last_opened")
ZONES_APART_MAX: Final = timedelta(days=1)
"""A time without a zone may be off by this much."""


def seen_in(profiles: Sequence[Mapping[str, str]], device_id: str, event_at: datetime) -> Seen:
    """`profiles` of one holder, as they were read; the device is told by its id alone, to the letter."""
    mine = [profile for profile in profiles if profile.get("deviceid") == device_id]
    others = len(profiles) - len(mine)
    if not mine:
        return Seen(there=False, others=others)
    written = [profile[name] for profile in mine for name in TIMES if profile.get(name)]
    times = [_time(text) for text in written]
    known = [time for time in times if time is not None]
    return Seen(
        there=True,
        others=others,
        linked_at=max((time for time, _ in known), default=None),
        doubtful=len(known) < len(times) or _is_near(known, event_at),
    )


def _is_near(times: Iterable[tuple[datetime, bool]], event_at: datetime) -> bool:
    """Whether one without a zone could be on the other side of the event."""
    return any(not zoned and abs(time - event_at) <= ZONES_APART_MAX for time, zoned in times)


def _time(text: str) -> tuple[datetime, bool] | None:
    """The moment, and whether it names its zone; without one it is taken for UTC."""
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (time, True) if time.tzinfo is not None else (time.replace(tzinfo=UTC), False)
