"""A Redis that hangs: whoever notices waits once, nobody else does, and it is used again when it answers."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from muniment.local.valkey import EmbeddedValkey
from storage import redis_link
from storage.cache import Cache, Versioned
from storage.redis_link import RedisLink, answer_in_time


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A server of its own, to be stopped."""
    server = EmbeddedValkey(tmp_path / "valkey-home", dict(os.environ))
    await server.start()
    yield server
    send(server, signal.SIGCONT)
    await server.stop()


def send(server: EmbeddedValkey, number: signal.Signals) -> None:
    assert server._child is not None
    os.kill(server._child.pid, number)


async def test_reads_do_not_wait_for_a_server_that_hangs(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "RETRY_AFTER_SECONDS", 0.01)
    cache = Cache(valkey.url, 30)
    await cache.put("k", Versioned(1, b"x"))
    send(valkey, signal.SIGSTOP)
    started = time.monotonic()
    assert await cache.get("k") is None
    assert redis_link.ANSWER_SECONDS * 0.9 <= time.monotonic() - started < 2
    # The link looks for the server again and again meanwhile; these do not.
    started = time.monotonic()
    assert [await cache.get("k") for _ in range(1000)] == [None] * 1000
    assert time.monotonic() - started < 0.3
    send(valkey, signal.SIGCONT)
    assert cache.link._looking is not None
    await cache.link._looking
    assert await cache.get("k") == b"x"
    await cache.close()


async def test_what_was_read_before_the_server_came_back_is_not_cached(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: a reader has a row, another process cannot announce its change, and then Redis is there again."""
    monkeypatch.setattr(redis_link, "RETRY_AFTER_SECONDS", 0.01)
    cache = Cache(valkey.url, 30)

    async def load() -> Versioned:
        assert cache.link._looking is not None
        await cache.link._looking
        return Versioned(1, b"old")

    cache.link.lost(RedisError("as if it had been away"))
    assert await cache.get_or_load("k", load) == b"old"
    assert not cache.link.is_away
    assert await cache.get("k") is None
    await cache.close()


async def test_a_link_that_is_closed_looks_no_more(redis_url: str) -> None:
    link = RedisLink(redis_url, 1)
    link.lost(RedisError("away"))
    link.lost(RedisError("away"))
    assert link.losses == 2
    await link.close()
    assert link._looking is not None
    assert link._looking.cancelled()


async def test_an_answer_that_came_in_time_counts_although_nobody_had_time_to_read_it() -> None:
    """The race: the answer comes, and the loop is busy until long after the time is up."""
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    answer: asyncio.Future[bytes] = loop.create_future()

    def read() -> None:
        if not answer.done():
            answer.set_result(os.read(reader, 1))

    loop.add_reader(reader, read)

    async def asked() -> bytes:
        os.write(writer, b"x")
        busy_until = time.monotonic() + 0.2
        while time.monotonic() < busy_until:
            pass
        return await answer

    assert await answer_in_time(asked(), 0.05) == b"x"
    loop.remove_reader(reader)
    os.close(reader)
    os.close(writer)


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    gone = asyncio.Event()

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    with pytest.raises(TimeoutError):
        await answer_in_time(never(), 0.01)
    await gone.wait()


async def test_a_call_ends_with_whoever_waits_for_it() -> None:
    begun, gone = asyncio.Event(), asyncio.Event()

    async def never() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    waiting = asyncio.create_task(answer_in_time(never(), 60))
    await begun.wait()
    waiting.cancel()
    await gone.wait()
