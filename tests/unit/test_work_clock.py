"""A child's own working time, by a clock that the test sets."""

from actors.work_clock import WorkClock


class Watch:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def clock_and_watch() -> tuple[WorkClock, Watch]:
    watch = Watch()
    return WorkClock(step_seconds=10, total_seconds=25, now=watch), watch


def test_progress_gives_a_step_more_time() -> None:
    clock, watch = clock_and_watch()
    watch.time += 9
    assert clock.remaining() == 1
    clock.moved()
    assert clock.remaining() == 10


def test_no_progress_gives_more_than_there_is_in_all() -> None:
    clock, watch = clock_and_watch()
    watch.time += 20
    clock.moved()
    assert clock.remaining() == 5
    watch.time += 6
    assert clock.remaining() == 0
    assert clock.reason() == "The parse took longer than 25 seconds."


def test_a_pause_counts_for_nothing() -> None:
    clock, watch = clock_and_watch()
    watch.time += 4
    clock.pause()
    watch.time += 1000
    assert clock.remaining() is None
    clock.pause()
    clock.resume()
    watch.time += 1
    clock.resume()
    assert clock.remaining() == 5
    watch.time += 5
    assert clock.reason() == "The parse made no progress for 10 seconds."
