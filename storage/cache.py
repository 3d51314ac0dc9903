"""The Redis cache: versioned values, right whatever Redis does.

Every value carries the version of the row that it was made from, and nothing older ever replaces something newer: a
reader that loaded a row before a change commits cannot put it back after the change was announced. `invalidate`
leaves a marker (a version without a value) that only values of that version or newer may replace. When Redis cannot be
reached every read is a miss, and invalidations are kept and sent again; a value that escaped one lives for its TTL.
"""

import asyncio
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from storage.batching import Batcher
from storage.cache_keys import fence_before, fence_of
from storage.errors import Unavailable
from storage.redis_link import ANSWER_SECONDS, RedisLink, answer_in_time

log = logging.getLogger(__name__)

GONE = 2**53 - 1
"""The version of a row that was deleted: no value is newer. Lua counts in doubles, which are exact up to here."""

JITTER = 0.1
"""TTLs differ by up to this share, so that what was cached together does not expire together."""

MARKER_SECONDS = 60
"""Longer than any read of PostgreSQL may take, so that no reader outlives the marker."""

CONNECTIONS = 64
READS_AT_A_TIME = 128
READS_IN_FLIGHT = 2
RESEND_AFTER_SECONDS = 1.0
"""Between two attempts to deliver what was not announced."""

FENCE_SECONDS = 600
"""Of a deleted tenant: longer than any reader may hold what it read."""

MAX_PENDING = 100_000
RESEND_BATCH = 1000

# A newer version wins; a value may take the place of a marker of its own version. Nothing comes past the fence of a
# tenant that was deleted.
PUT_IF_NEWER = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local version, payload = ARGV[1], ARGV[2]
local current = redis.call('GET', KEYS[1])
if current then
  local separator = string.find(current, ':', 1, true)
  local theirs = tonumber(string.sub(current, 1, separator - 1))
  local is_marker = separator == #current
  if theirs > tonumber(version) or (theirs == tonumber(version) and not is_marker) then return 0 end
end
redis.call('SET', KEYS[1], version .. ':' .. payload, 'PX', ARGV[3])
return 1
"""


@dataclass(frozen=True, slots=True)
class Versioned:
    """A value to cache, and the version of the row that it was made from."""

    version: int
    value: bytes


Flight = asyncio.Task[bytes | None]
Load = Callable[[], Awaitable[Versioned | None]]


def _as_bytes(reply: bytes | str) -> bytes:
    return reply.encode() if isinstance(reply, str) else reply


class Cache:
    """Times are seconds. No method raises when Redis is away, except `ping` and `forget_tenant`."""

    def __init__(self, url: str, ttl: float) -> None:
        self.link = RedisLink(url, CONNECTIONS)
        """Whoever else asks this Redis knows with the cache when it is away."""
        self._redis = self.link.client
        self._put = self._redis.register_script(PUT_IF_NEWER)
        self._reads: Batcher[str, bytes | str | None] = Batcher(
            self._read, largest=READS_AT_A_TIME, in_flight=READS_IN_FLIGHT
        )
        self._ttl = ttl
        self._running: dict[str, Flight] = {}
        self._following: dict[str, Flight] = {}
        self._undelivered: dict[str, int] = {}
        self._resending: asyncio.Task[None] | None = None

    async def ping(self) -> None:
        """Raises `RedisError` or `OSError` when Redis does not answer."""
        await self._redis.ping()

    async def get(self, key: str, *, is_large: bool = False) -> bytes | None:
        """The value, or None when there is none, it was invalidated, or Redis is away.

        Reads that wait together are one command, unless the value may be so large that others would wait for it.
        """
        if self.link.is_away or key in self._undelivered:
            return None
        try:
            found = await (self._redis.get(key) if is_large else self._reads.ask(key))
        except (RedisError, OSError) as error:
            self.link.lost(error)
            return None
        if not found:
            return None
        return _as_bytes(found).partition(b":")[2] or None

    async def _read(self, keys: list[str]) -> list[bytes | str | None]:
        # Lost while they waited: nobody waits for a server that is away.
        if self.link.is_away:
            return [None] * len(keys)
        try:
            return await answer_in_time(self._redis.mget(keys), ANSWER_SECONDS)
        except (RedisError, OSError) as error:
            # Here, before the next who wait are read for.
            self.link.lost(error)
            return [None] * len(keys)

    async def put(self, key: str, entry: Versioned, ttl: float | None = None) -> None:
        """Cache a value, unless a newer one or a newer invalidation is there."""
        if self.link.is_away or key in self._undelivered:
            return
        seconds = (ttl or self._ttl) * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - not a secret
        try:
            await self._put(keys=[key, fence_before(key)], args=[entry.version, entry.value, int(seconds * 1000)])
        except (RedisError, OSError) as error:
            self.link.lost(error)

    async def get_or_load(
        self, key: str, load: Load, ttl: float | None = None, *, is_large: bool = False
    ) -> bytes | None:
        """The cached value, else what `load` returns, which is cached. Callers that miss together load once."""
        if (found := await self.get(key, is_large=is_large)) is not None:
            return found
        # A load that is under way may have read the row before a change that this caller knows of: wait for the
        # one after it, together with everybody else who came since.
        running = self._running.get(key)
        if running is None:
            flight = self._running[key] = _begin(self._fly(key, load, ttl))
        elif (flight_or_none := self._following.get(key)) is not None:
            flight = flight_or_none
        else:
            flight = self._following[key] = _begin(self._fly(key, load, ttl, running))
        # Whoever came first may be cancelled; those who wait with it still get the value.
        return await asyncio.shield(flight)

    async def _fly(self, key: str, load: Load, ttl: float | None, after: Flight | None = None) -> bytes | None:
        me = asyncio.current_task()
        if after is not None:
            await asyncio.wait([after])
            self._running[key] = self._following.pop(key)
        losses = self.link.losses
        try:
            entry = await load()
            if entry is None:
                return None
            # Over an outage markers are lost: what was read before or during it may be older than one of them.
            if losses == self.link.losses:
                await self.put(key, entry, ttl)
            return entry.value
        finally:
            if self._running.get(key) is me:
                del self._running[key]

    async def forewarn(self, versions: Mapping[str, int]) -> None:
        """Announce before the commit what `invalidate` announces after it.

        A process may die between the two; what is old must not be read until its TTL ends then. While Redis is away
        nothing waits for it.
        """
        if not versions or self.link.is_away:
            return
        try:
            await self._send_markers(versions)
        except (RedisError, OSError) as error:
            self.link.lost(error)

    async def invalidate(self, versions: Mapping[str, int]) -> None:
        """Announce, after the commit, that these rows now have at least these versions (`GONE`: none at all)."""
        if not versions:
            return
        # Tried although Redis may be away for this process: others may reach it, and would read what is old.
        try:
            await self._send_markers(versions)
        except (RedisError, OSError) as error:
            self.link.lost(error)
            self._keep_for_later(versions)

    async def _send_markers(self, versions: Mapping[str, int]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key, version in versions.items():
                keys = [key, fence_before(key)]
                await self._put(keys=keys, args=[version, b"", MARKER_SECONDS * 1000], client=pipeline)
            await pipeline.execute()

    def _keep_for_later(self, versions: Mapping[str, int]) -> None:
        if len(self._undelivered) < MAX_PENDING:
            for key, version in versions.items():
                self._undelivered[key] = max(version, self._undelivered.get(key, 0))
        if self._resending is None or self._resending.done():
            self._resending = asyncio.create_task(self._resend())

    async def _resend(self) -> None:
        while self._undelivered:
            await asyncio.sleep(RESEND_AFTER_SECONDS)
            await self._resend_once()

    async def _resend_once(self) -> None:
        """Send what waits, until it is all sent or Redis does not answer."""
        while batch := dict(itertools.islice(self._undelivered.items(), RESEND_BATCH)):
            try:
                await self._send_markers(batch)
            except (RedisError, OSError) as error:
                self.link.lost(error)
                return
            for key, version in batch.items():
                if self._undelivered.get(key) == version:
                    del self._undelivered[key]

    async def forget_tenant(self, tenant_id: str) -> int:
        """Remove every entry of a tenant that is deleted (keys carry its id), and take no more; how many there were.

        What was read before the deletion and comes to be cached after it finds a fence. Raises `Unavailable` when Redis
        is away.
        """
        removed = 0
        try:
            await self._redis.set(fence_of(tenant_id), b"", ex=FENCE_SECONDS)
            async for key in self._redis.scan_iter(match=f"*{tenant_id}*", count=1000):
                removed += int(await self._redis.unlink(key))
        except (RedisError, OSError) as error:
            raise Unavailable("cache") from error
        return removed

    async def close(self) -> None:
        tasks = [*self._running.values(), *self._following.values(), *filter(None, [self._resending])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._reads.close()
        await self.link.close()


def _begin(flight: Coroutine[Any, Any, bytes | None]) -> Flight:
    task = asyncio.create_task(flight)
    # When everybody who waited was cancelled, nobody asks for its error.
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return task
