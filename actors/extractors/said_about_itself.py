"""What files say about themselves, as properties: bounded text, and times of RFC 3339."""

from datetime import UTC, datetime

from actors.extractors.assembly import clean_text

_MAX_LENGTH = 1000
_FIRST = {4: "-01-01", 7: "-01"}
"""What makes a day of a year, and of a year and month."""


def said_text(written: str | None) -> str | None:
    """On one line, or None where nothing is said."""
    return clean_text(" ".join((written or "").split()))[:_MAX_LENGTH] or None


def said_time(written: str | None) -> str | None:
    """An ISO 8601 time or date as RFC 3339; one without a zone is taken for UTC; None for what is none."""
    text = (written or "").strip()
    try:
        return rfc3339(datetime.fromisoformat(text + _FIRST.get(len(text), "")))
    except ValueError:
        return None


def rfc3339(moment: datetime) -> str | None:
    """In UTC, to the second; None for a moment that a time zone leads out of the calendar."""
    try:
        utc = moment.astimezone(UTC) if moment.tzinfo else moment
    except OverflowError:
        return None
    return utc.replace(tzinfo=None, microsecond=0).isoformat() + "Z"
