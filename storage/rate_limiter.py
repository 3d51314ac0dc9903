"""Limits that hold over all replicas: counted in Redis, and in each process as far as it knows.

What a process admitted itself is a part of what Redis counts. Where it alone is too much Redis need not be asked, and
when Redis is away, or comes back without its memory, nobody begins anew.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from storage.rate_windows import WINDOW_SECONDS, Limit, Reading, Taken, Window
from storage.redis_link import RedisLink
from storage.shared_rate_windows import SharedWindows

Asked = Sequence[tuple[Limit, int]]
"""Limits, and how much of each is wanted; 0 only looks."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What was taken of a limit, in this process's window and in the shared one (None: Redis was away)."""

    tenant_id: UUID
    limit: Limit
    here: Taken
    shared: Taken | None


@dataclass(frozen=True, slots=True)
class Answer:
    """How the limits stand now, and what was taken of each: nothing, unless all had room."""

    readings: list[Reading]
    charges: list[Charge]


class RateLimiter:
    """`clock` counts the seconds of this process's own windows. Whoever made `link` closes it."""

    def __init__(self, link: RedisLink, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared = SharedWindows(link)
        self._clock = clock
        self._windows: dict[tuple[UUID, Limit], Window] = {}
        self._sweep_at = clock() + WINDOW_SECONDS

    async def take(self, tenant_id: UUID, asked: Asked) -> Answer:
        """Take all that is asked for, or nothing."""
        here = self._read(tenant_id, asked)
        if not _fit(here):
            return Answer(here, [])
        shared = await self._shared.take(tenant_id, asked)
        # While Redis was waited for others may have been admitted here.
        here = self._read(tenant_id, asked)
        found = here if shared is None else shared
        if not _fit(found):
            return Answer(found, [])
        charges = [
            Charge(tenant_id, limit, _taken(here[i], amount), _taken(shared[i], amount) if shared else None)
            for i, (limit, amount) in enumerate(asked)
        ]
        for charge in charges:
            self._window(tenant_id, charge.limit).add(charge.here)
        return Answer(
            [reading.after(charge.shared or charge.here) for reading, charge in zip(found, charges, strict=True)],
            charges,
        )

    async def change(self, charge: Charge, amount: int) -> Charge:
        """Make it `amount` that was taken, whether there is room for that or not."""
        limit, tenant_id = charge.limit, charge.tenant_id
        here = charge.here.changed_to(amount, limit)
        window = self._window(tenant_id, limit)
        window.remove(charge.here)
        window.add(here)
        shared = charge.shared and charge.shared.changed_to(amount, limit)
        if charge.shared and shared:
            await self._shared.replace(tenant_id, limit, charge.shared, shared)
        return Charge(tenant_id, limit, here, shared)

    def _read(self, tenant_id: UUID, asked: Asked) -> list[Reading]:
        now = self._clock()
        return [self._window(tenant_id, limit).read(now, amount) for limit, amount in asked]

    def _window(self, tenant_id: UUID, limit: Limit) -> Window:
        now = self._clock()
        if now >= self._sweep_at:
            self._windows = {key: window for key, window in self._windows.items() if not window.is_empty(now)}
            self._sweep_at = now + WINDOW_SECONDS
        return self._windows.setdefault((tenant_id, limit), Window(limit))


def _fit(readings: list[Reading]) -> bool:
    return all(reading.fits for reading in readings)


def _taken(reading: Reading, amount: int) -> Taken:
    return Taken(reading.now, reading.end, amount)
