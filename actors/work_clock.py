"""How long a parsing child has worked."""

import time
from collections.abc import Callable


class WorkClock:
    """Two limits on a child's own work: in all, and without a sign of progress. Waiting for OCR counts for neither."""

    def __init__(self, step_seconds: float, total_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._step_seconds, self._total_seconds, self._now = step_seconds, total_seconds, now
        self._worked = 0.0
        self._stepped = 0.0
        self._since: float | None = now()

    def pause(self) -> None:
        self._worked = self._elapsed()
        self._since = None

    def resume(self) -> None:
        self._worked = self._elapsed()
        self._since = self._now()

    def moved(self) -> None:
        """The child showed that it gets on."""
        self._stepped = self._elapsed()

    def remaining(self) -> float | None:
        """Seconds until a limit is reached, None while paused."""
        if self._since is None:
            return None
        elapsed = self._elapsed()
        left = min(self._total_seconds - elapsed, self._stepped + self._step_seconds - elapsed)
        return max(left, 0.0)

    def reason(self) -> str:
        if self._elapsed() >= self._total_seconds:
            return f"The parse took longer than {self._total_seconds:g} seconds."
        return f"The parse made no progress for {self._step_seconds:g} seconds."

    def _elapsed(self) -> float:
        return self._worked if self._since is None else self._worked + self._now() - self._since
