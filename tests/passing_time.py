"""Time that passes for rate limits without anybody waiting for it."""

import time
from uuid import UUID

from storage.rate_limiter import RateLimiter
from storage.rate_windows import Limit
from storage.shared_rate_windows import SharedWindows, window_key


class Clock:
    """As monotonic as the real one, and as far ahead of it as the test says."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


async def age(shared: SharedWindows, tenant_id: UUID, limit: Limit, seconds: int) -> None:
    """Everything in a window in Redis ends so much sooner."""
    key, redis = window_key(tenant_id, limit), shared._link.client
    found = await redis.hgetall(key)
    if found:
        await redis.delete(key)
        await redis.hset(key, mapping={int(end) - seconds: taken for end, taken in found.items()})


async def pass_time(limiter: RateLimiter, tenant_id: UUID, limit: Limit, seconds: int) -> None:
    """For a limiter with a `Clock`, and for what it counts in Redis."""
    assert isinstance(limiter._clock, Clock)
    limiter._clock.ahead += seconds
    await age(limiter._shared, tenant_id, limit, seconds)
