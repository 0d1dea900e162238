"""A moment as HTTP headers write it."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def http_date(written: str) -> datetime | None:
    """UTC where it names no zone; None of what is no time."""
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, OverflowError):  # the latter where a year or a zone is beyond any number of C
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
