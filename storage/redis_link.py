"""A way to Redis that is left alone while nobody answers at its end."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable
from typing import TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

T = TypeVar("T")

TIMEOUT_SECONDS = 1.0
"""Of each of two attempts. Shorter ones take an event loop with much to do for a server that is away."""
ANSWER_SECONDS = 0.5
"""For `answer_in_time`, where requests wait."""
WAIT_FOR_CONNECTION_SECONDS = 5.0
RETRY_AFTER_SECONDS = 1.0
"""Between two attempts to find a server that was lost."""
TURNS = 30
"""Within so many turns of the event loop a connection is made and an answer that has come is read."""


class RedisLink:
    """`client`, and whether it is worth asking: whoever has lost the server says so, and a task looks for it.

    Nobody else waits for a server that is away. `losses` counts every loss and every return: who sees the same number
    before and after had the server all the time, as far as this process knows.
    """

    def __init__(self, url: str, connections: int) -> None:
        self.client = Redis.from_pool(_pool(url, connections))
        self.is_away = False
        self.losses = 0
        self._looking: asyncio.Task[None] | None = None

    def lost(self, error: Exception) -> None:
        """A call has failed: leave the server alone until it answers again."""
        self.losses += 1
        if not self.is_away:
            log.warning("redis is away", extra={"reason": type(error).__name__})
            self.is_away = True
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while self.is_away:
            await asyncio.sleep(RETRY_AFTER_SECONDS)
            with contextlib.suppress(RedisError, OSError):
                await self.client.ping()
                self.losses += 1
                self.is_away = False
        log.info("redis is back")

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self.client.aclose()


def _pool(url: str, connections: int) -> BlockingConnectionPool:
    """Connections that callers wait for: with a pool that refuses, many requests at once would look like an outage."""
    return BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=WAIT_FOR_CONNECTION_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        # Once more at once: a restarted server has closed every connection that lay idle.
        retry=Retry(NoBackoff(), 1),
    )


async def answer_in_time(call: Awaitable[T], seconds: float) -> T:
    """What `call` returns. Raises `TimeoutError` when that takes longer, however busy this process is meanwhile.

    A plain timeout of so little time cannot tell a server that hangs from an event loop that has not come to reading
    its answer.
    """
    task = asyncio.ensure_future(call)
    try:
        for _ in range(TURNS):
            await asyncio.wait([task], timeout=seconds / TURNS)
            if task.done():
                return task.result()
        raise TimeoutError
    finally:
        task.cancel()
