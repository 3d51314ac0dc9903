"""The rule of a window: never more than the limit in a minute, and room again when it said so."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.rate_windows import LONGEST_SECONDS, WINDOW_SECONDS, Limit, Reading, Taken, Window, end_of

TEN = Limit("requests", 10)


def take(window: Window, now: float, amount: int) -> Reading:
    """As a limiter does."""
    reading = window.read(now, amount)
    if reading.fits:
        window.add(Taken(now, reading.end, amount))
    return reading


# Pauses and amounts of a caller who tries and tries.
ATTEMPTS = st.lists(st.tuples(st.floats(0, 40, allow_subnormal=False), st.integers(1, 12)), max_size=60)


@given(ATTEMPTS)
def test_in_any_minute_no_more_than_the_limit_is_taken(attempts: list[tuple[float, int]]) -> None:
    window, now, taken = Window(TEN), 1000.25, list[tuple[float, int]]()
    for pause, amount in attempts:
        now += pause
        if amount <= TEN.amount and take(window, now, amount).fits:
            taken.append((now, amount))
    for start, _ in taken:
        assert sum(amount for at, amount in taken if start <= at < start + WINDOW_SECONDS) <= TEN.amount


@given(ATTEMPTS, st.integers(1, 50))
def test_whoever_waits_as_long_as_told_gets_it(attempts: list[tuple[float, int]], wanted: int) -> None:
    window, now = Window(TEN), 1000.25
    for pause, amount in attempts:
        now += pause
        take(window, now, amount)
    refused = window.read(now, wanted)
    if not refused.fits:
        assert not window.read(now + refused.seconds_until_it_fits - 1, wanted).fits
    assert window.read(now + refused.seconds_until_it_fits, wanted).fits


@given(st.lists(st.integers(1, 100), min_size=1, max_size=20))
def test_over_time_no_more_is_taken_than_the_limit_allows_however_large_it_comes(amounts: list[int]) -> None:
    """A caller who comes back the moment it may."""
    window, started, total = Window(TEN), 1000.0, 0
    now = started
    for amount in amounts:
        now += window.read(now, amount).seconds_until_it_fits
        assert take(window, now, amount).fits
        total += amount
        paid_by = now + window.read(now, TEN.amount).seconds_until_it_fits
        assert total <= TEN.amount * (paid_by - started) / WINDOW_SECONDS


def test_what_is_larger_than_the_limit_is_taken_alone_and_counts_for_longer() -> None:
    window = Window(TEN)
    take(window, 0, 1)
    assert not window.read(0, 25).fits
    assert take(window, 60, 25).fits
    assert window.read(60, 1).seconds_until_it_fits == 150
    assert (window.read(60, 1).remaining, window.read(210, 1).remaining) == (0, 10)


def test_nothing_counts_for_more_than_a_day() -> None:
    assert end_of(0, 2**62, Limit("upload-bytes", 1)) == LONGEST_SECONDS


def test_looking_always_fits_and_takes_nothing() -> None:
    window = Window(TEN)
    take(window, 0.5, 10)
    reading = take(window, 0.5, 0)
    assert (reading.fits, reading.remaining, reading.seconds_until_more) == (True, 0, 61)
    assert reading.after(Taken(0.5, reading.end, 0)) == reading


def test_a_reading_tells_how_it_is_after_the_taking() -> None:
    reading = Window(TEN).read(5, 3)
    assert (reading.remaining, reading.seconds_until_more) == (10, 0)
    after = reading.after(Taken(5, reading.end, 3))
    assert (after.remaining, after.seconds_until_more) == (7, 60)


@pytest.mark.parametrize("amount", [0, 3, 10, 40])
def test_a_taken_amount_can_be_made_another_one(amount: int) -> None:
    window = Window(TEN)
    taken = Taken(7, end_of(7, 8, TEN), 8)
    window.add(taken)
    changed = taken.changed_to(amount, TEN)
    window.remove(taken)
    window.add(changed)
    assert window.read(8, 0).used == amount
    assert changed.end == math.ceil(7 + max(60, 6 * amount))
    assert window.is_empty(8) is (amount == 0)
    assert window.is_empty(changed.end)


def test_removing_what_no_longer_counts_changes_nothing_else() -> None:
    window = Window(TEN)
    window.add(Taken(0, 60, 2))
    window.add(Taken(0, 60, 3))
    window.remove(Taken(0, 60, 2))
    assert window.read(1, 0).used == 3
    window.read(60, 0)
    window.remove(Taken(0, 60, 3))
    assert window.read(60, 0).used == 0
