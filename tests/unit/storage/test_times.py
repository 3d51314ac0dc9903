from datetime import UTC, datetime, timedelta, timezone

import pytest

from storage.times import storable_moment, utc


def test_times_are_written_in_utc() -> None:
    moment = datetime(2025, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert utc(moment) == "2024-12-31T23:00:00Z"


def test_a_moment_is_kept_in_utc() -> None:
    assert storable_moment(None) is None
    moment = datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    found = storable_moment(moment)
    assert found == moment
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "moment",
    [datetime(2025, 1, 1), datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))],  # noqa: DTZ001 - without a zone
)
def test_what_is_no_moment_in_utc_is_refused(moment: datetime) -> None:
    with pytest.raises(ValueError, match="time"):
        storable_moment(moment)
