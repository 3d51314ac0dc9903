"""A bound on the processor time of a piece of pure Python, for libraries that can be led into endless work."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OutOfBudget(BaseException):
    """Not an Exception, so that no library's own handler takes it for one of its errors."""


@contextmanager
def cpu_budget(seconds: float) -> Iterator[None]:
    """Raise OutOfBudget inside once `seconds` of processor time are used. Main thread only."""

    def over(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfBudget

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
