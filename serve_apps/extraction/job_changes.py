"""Requests that wait until something happens to a job: woken by the database, not by asking it again and again."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from storage import extraction_signals
from storage.extraction_records import JobRecord
from storage.signal_listener import SignalListener

LOOK_AGAIN_SECONDS = 10.0
"""How often a waiting request reads its job although nothing was heard, should a signal have been lost."""


class JobChanges:
    """One per replica: hears what changed and wakes those who wait for it."""

    def __init__(self, database_url: str) -> None:
        self._listener = SignalListener(database_url, [extraction_signals.CHANGED], self._hear, self._wake_all)
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._closing = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Inside the block signals are heard; at its end nobody waits any more."""
        listening = asyncio.create_task(self._listener.run(), name="job changes")
        try:
            yield
        finally:
            self.release_all()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def until(
        self,
        job_id: str,
        read: Callable[[], Awaitable[JobRecord]],
        reached: Callable[[JobRecord], bool],
        seconds: float,
    ) -> JobRecord:
        """The job as soon as it is what was waited for, or as it is after the time. Raises what `read` does."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        changed = asyncio.Event()
        self._waiting[job_id].add(changed)
        try:
            while True:
                # Cleared before the reading, so that a change that comes while it reads is not missed.
                changed.clear()
                job = await read()
                left = deadline - clock()
                if reached(job) or left <= 0 or self._closing:
                    return job
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(left, LOOK_AGAIN_SECONDS))
        finally:
            self._stop_waiting(job_id, changed)

    def _stop_waiting(self, job_id: str, changed: asyncio.Event) -> None:
        self._waiting[job_id].discard(changed)
        if not self._waiting[job_id]:
            del self._waiting[job_id]

    def _hear(self, _channel: str, job_id: str) -> None:
        for changed in self._waiting.get(job_id, ()):
            changed.set()

    def _wake_all(self) -> None:
        for waiting in self._waiting.values():
            for changed in waiting:
                changed.set()

    @property
    def closing(self) -> bool:
        """Whoever waits now does so no longer."""
        return self._closing

    def release_all(self) -> None:
        """Let every request that waits answer with what there is: the replica shuts down."""
        self._closing = True
        self._wake_all()
