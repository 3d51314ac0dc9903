"""Requests that wait until something happens to a job or a batch: woken by the database, not by asking it again."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from storage import extraction_signals
from storage.signal_listener import SignalListener

Watched = TypeVar("Watched")

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
        watched_id: str,
        read: Callable[[], Awaitable[Watched]],
        reached: Callable[[Watched], bool],
        seconds: float,
    ) -> Watched:
        """What is read as soon as it is what was waited for, or as it is after the time. Raises what `read` does.

        `watched_id` is a job's or a batch's.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        changed = asyncio.Event()
        self._waiting[watched_id].add(changed)
        try:
            while True:
                # Cleared before the reading, so that a change that comes while it reads is not missed.
                changed.clear()
                now = await read()
                left = deadline - clock()
                if reached(now) or left <= 0 or self._closing:
                    return now
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(left, LOOK_AGAIN_SECONDS))
        finally:
            self._stop_waiting(watched_id, changed)

    def _stop_waiting(self, watched_id: str, changed: asyncio.Event) -> None:
        self._waiting[watched_id].discard(changed)
        if not self._waiting[watched_id]:
            del self._waiting[watched_id]

    def _hear(self, _channel: str, watched_id: str) -> None:
        for changed in self._waiting.get(watched_id, ()):
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
