"""Times as clients send and read them: RFC 3339."""

from datetime import UTC, datetime


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def storable_moment(moment: datetime | None) -> datetime | None:
    """The moment in UTC. Raises `ValueError` for one without a zone, or beyond the calendar in UTC."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone, such as Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("this time is beyond the calendar") from None
