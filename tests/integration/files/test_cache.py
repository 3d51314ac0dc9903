"""The cache on a real Valkey: never older than what a caller may know of, right when the server is away."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import RedisError

from storage import cache as cache_module
from storage.cache import GONE, Cache, Versioned
from storage.errors import Unavailable


@pytest.fixture
async def cache(redis_url: str) -> AsyncIterator["WatchedCache"]:
    opened = WatchedCache(redis_url, ttl=30)
    await opened._redis.flushdb()
    yield opened
    await opened.close()


class WatchedCache(Cache):
    """Tells when so many callers have missed; from there to their load they go on without a pause."""

    def __init__(self, url: str, ttl: float) -> None:
        super().__init__(url, ttl)
        self.misses = asyncio.Semaphore(0)

    async def get(self, key: str, *, is_large: bool = False) -> bytes | None:
        found = await super().get(key, is_large=is_large)
        self.misses.release()
        return found

    async def until_missed(self, count: int) -> None:
        async with asyncio.timeout(10):
            for _ in range(count):
                await self.misses.acquire()
        await asyncio.sleep(0)


async def no_row() -> Versioned | None:
    return None


class Row:
    """A row that changes, and readers of it that the test holds up between their reading and their answer."""

    def __init__(self) -> None:
        self.version = 1
        self.loads = 0
        self.read = asyncio.Event()
        self.go_on = asyncio.Event()

    async def load(self) -> Versioned:
        self.loads += 1
        version = self.version
        self.read.set()
        await self.go_on.wait()
        return Versioned(version, b"v%d" % version)


async def test_a_value_is_loaded_once_and_then_cached(cache: WatchedCache) -> None:
    row = Row()
    row.go_on.set()
    assert [await cache.get_or_load("k", row.load) for _ in range(3)] == [b"v1"] * 3
    assert row.loads == 1
    assert await cache.get("k") == b"v1"


async def test_what_is_not_there_is_asked_for_every_time(cache: WatchedCache) -> None:
    assert await cache.get_or_load("k", no_row) is None
    assert await cache.get("k") is None


async def test_values_may_hold_anything_and_be_empty(cache: WatchedCache) -> None:
    await cache.put("k", Versioned(1, b"a:b:\0\xff"))
    assert await cache.get("k") == b"a:b:\0\xff"


async def test_an_older_value_never_replaces_a_newer_one(cache: WatchedCache) -> None:
    for version, expected in ((2, b"2"), (1, b"2"), (2, b"2"), (10, b"10"), (9, b"10")):
        await cache.put("k", Versioned(version, b"%d" % version))
        assert await cache.get("k") == expected


async def test_an_invalidated_value_is_gone_until_one_of_that_version_comes(cache: WatchedCache) -> None:
    await cache.put("k", Versioned(1, b"1"))
    await cache.invalidate({"k": 3, "other": 2})
    assert await cache.get("k") is None
    for version, expected in ((1, None), (2, None), (3, b"3")):
        await cache.put("k", Versioned(version, b"%d" % version))
        assert await cache.get("k") == expected
    # An announcement that comes late takes nothing back.
    await cache.invalidate({"k": 2})
    assert await cache.get("k") == b"3"
    await cache.invalidate({})


async def test_nothing_takes_the_place_of_a_row_that_is_gone(cache: WatchedCache) -> None:
    await cache.invalidate({"k": GONE})
    await cache.put("k", Versioned(2**52, b"x"))
    assert await cache.get("k") is None


async def test_a_row_read_before_a_change_is_not_cached_after_it(cache: WatchedCache) -> None:
    """The race: a reader has the old row, the change commits and is announced, the reader stores the old row."""
    row = Row()
    reader = asyncio.create_task(cache.get_or_load("k", row.load))
    await row.read.wait()
    row.version = 2
    await cache.invalidate({"k": 2})
    row.go_on.set()
    assert await reader == b"v1"
    assert await cache.get("k") is None
    assert await cache.get_or_load("k", row.load) == b"v2"


async def test_what_is_old_is_not_read_after_a_change_that_nobody_announced(cache: WatchedCache) -> None:
    """The process died between its commit and the announcement; before the commit it had foretold it."""
    await cache.put("k", Versioned(1, b"old"))
    await cache.forewarn({})
    await cache.forewarn({"k": 2})
    await cache.put("k", Versioned(1, b"read before the commit"))
    assert await cache.get("k") is None
    await cache.put("k", Versioned(2, b"new"))
    assert await cache.get("k") == b"new"


async def test_whoever_comes_after_a_change_never_gets_what_was_read_before_it(cache: WatchedCache) -> None:
    """The race: a load that began before the change is under way when callers come that know of the change."""
    row = Row()
    early = [asyncio.create_task(cache.get_or_load("k", row.load)) for _ in range(3)]
    await row.read.wait()
    row.version = 2
    await cache.invalidate({"k": 2})
    row.read.clear()
    late = [asyncio.create_task(cache.get_or_load("k", row.load)) for _ in range(50)]
    await cache.until_missed(3 + 50)
    row.go_on.set()
    assert set(await asyncio.gather(*late)) == {b"v2"}
    # The early callers that came while the first of them loaded may have got either.
    assert set(await asyncio.gather(*early)) <= {b"v1", b"v2"}
    assert row.loads == 2


async def test_callers_that_miss_together_load_once(cache: WatchedCache) -> None:
    row = Row()
    first = asyncio.create_task(cache.get_or_load("k", row.load))
    await row.read.wait()
    others = [asyncio.create_task(cache.get_or_load("k", row.load)) for _ in range(100)]
    await cache.until_missed(1 + 100)
    row.go_on.set()
    assert set(await asyncio.gather(first, *others)) == {b"v1"}
    assert row.loads == 2


async def test_a_cancelled_caller_does_not_take_the_value_from_the_others(cache: WatchedCache) -> None:
    row = Row()
    first = asyncio.create_task(cache.get_or_load("k", row.load))
    await row.read.wait()
    second = asyncio.create_task(cache.get_or_load("k", row.load))
    await cache.until_missed(2)
    first.cancel()
    row.go_on.set()
    assert await second == b"v1"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_failed_load_is_everybodys_who_waited_for_it_and_nobody_elses(cache: WatchedCache) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def failing() -> Versioned:
        begun.set()
        await go_on.wait()
        raise Unavailable("database")

    caller = asyncio.create_task(cache.get_or_load("k", failing))
    await begun.wait()
    go_on.set()
    with pytest.raises(Unavailable):
        await caller
    assert await cache.get_or_load("k", no_row) is None
    assert (cache._running, cache._following) == ({}, {})


async def test_many_callers_at_once_wait_for_a_connection_and_are_no_outage(cache: WatchedCache) -> None:
    async def put_and_get(number: int) -> bytes | None:
        await cache.put(f"k{number}", Versioned(1, b"x"))
        return await cache.get(f"k{number}")

    found = await asyncio.gather(*(put_and_get(number) for number in range(300)))
    assert set(found) == {b"x"}
    await asyncio.gather(*(cache.invalidate({f"k{number}": 2}) for number in range(300)))
    assert cache._undelivered == {}
    assert not cache.link.is_away


async def test_all_entries_of_a_tenant_are_found_and_removed(cache: WatchedCache) -> None:
    await cache._redis.mset({f"file:tenant-1:{number}": b"1:x" for number in range(2500)})
    await cache.put("file:tenant-2:1", Versioned(1, b"x"))
    assert await cache.forget_tenant("tenant-1") == 2500
    assert await cache.forget_tenant("tenant-1") == 0
    assert await cache.get("file:tenant-2:1") == b"x"


async def test_entries_expire(cache: WatchedCache) -> None:
    await cache.put("k", Versioned(1, b"x"), ttl=100)
    assert 80 < await cache._redis.ttl("k") <= 111
    await cache.put("short", Versioned(1, b"x"))
    assert 20 < await cache._redis.ttl("short") <= 34
    await cache.invalidate({"marker": 3})
    assert 50 < await cache._redis.ttl("marker") <= 60


async def test_a_closed_cache_leaves_no_task(redis_url: str) -> None:
    cache, row = WatchedCache(redis_url, ttl=30), Row()
    caller = asyncio.create_task(cache.get_or_load("never", row.load))
    await row.read.wait()
    following = asyncio.create_task(cache.get_or_load("never", row.load))
    await cache.until_missed(2)
    cache._keep_for_later({"k": 1})
    await cache.close()
    for task in (caller, following):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert cache._resending is not None
    assert cache._resending.done()


@pytest.fixture
async def unreachable() -> AsyncIterator[Cache]:
    opened = Cache("redis://127.0.0.1:1/0", ttl=30)
    yield opened
    await opened.close()


async def test_without_a_server_every_read_is_a_miss(unreachable: Cache) -> None:
    row = Row()
    row.go_on.set()
    for expected in (1, 2):
        assert await unreachable.get_or_load("k", row.load) == b"v1"
        assert row.loads == expected
    assert unreachable.link.is_away
    with pytest.raises(Unavailable):
        await unreachable.forget_tenant("t")
    with pytest.raises(RedisError):
        await unreachable.ping()


async def test_a_large_value_that_cannot_be_read_is_a_miss_too(unreachable: Cache) -> None:
    assert await unreachable.get("k", is_large=True) is None
    assert unreachable.link.is_away


async def test_a_change_that_is_foretold_is_not_kept_for_later_without_a_server(unreachable: Cache) -> None:
    """It is announced after the commit anyhow."""
    await unreachable.forewarn({"k": 3})
    assert unreachable.link.is_away
    await unreachable.forewarn({"k": 3})
    assert unreachable._undelivered == {}


async def test_the_first_put_that_fails_leaves_the_server_alone(unreachable: Cache) -> None:
    await unreachable.put("k", Versioned(1, b"x"))
    assert unreachable.link.is_away


async def test_what_waits_to_be_announced_never_gets_less(unreachable: Cache) -> None:
    await unreachable.invalidate({"k": 3})
    await unreachable.invalidate({"k": 2})
    assert unreachable._undelivered == {"k": 3}
    # In this process the key is not read until the others can have heard.
    unreachable.link.is_away = False
    assert await unreachable.get("k") is None
    await unreachable.put("k", Versioned(3, b"x"))


async def test_there_is_an_end_to_what_is_kept_for_later(unreachable: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MAX_PENDING", 2)
    for number in range(4):
        await unreachable.invalidate({f"k{number}": 1})
    assert set(unreachable._undelivered) == {"k0", "k1"}


async def test_what_was_announced_anew_while_it_was_sent_is_sent_again(
    cache: WatchedCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "RESEND_AFTER_SECONDS", 0.01)
    original = cache._send_markers
    sent: list[dict[str, int]] = []

    async def send(versions: dict[str, int]) -> None:
        sent.append(dict(versions))
        await original(versions)
        if len(sent) == 1:
            cache._keep_for_later({"k": 5})

    monkeypatch.setattr(cache, "_send_markers", send)
    cache._keep_for_later({"k": 4})
    assert cache._resending is not None
    await cache._resending
    assert sent == [{"k": 4}, {"k": 5}]
    assert cache._undelivered == {}


async def test_reads_of_a_moment_are_one_command(cache: Cache) -> None:
    await cache._redis.mset({f"k{number}": f"1:{number}" for number in range(50)})
    await cache._redis.config_resetstat()
    assert await asyncio.gather(*(cache.get(f"k{number}") for number in range(50))) == [
        str(number).encode() for number in range(50)
    ]
    counted = await cache._redis.info("commandstats")
    assert counted["cmdstat_mget"]["calls"] == 1
    assert await cache.get("k1", is_large=True) == b"1"
    assert (await cache._redis.info("commandstats"))["cmdstat_get"]["calls"] == 1


async def test_a_read_that_waits_when_redis_is_lost_does_not_wait_for_it(cache: Cache) -> None:
    await cache._redis.set("k", "1:x")
    reading = asyncio.create_task(cache.get("k"))
    await asyncio.sleep(0)
    cache.link.lost(ConnectionError())
    assert await reading is None
