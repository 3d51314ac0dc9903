"""Limits on a real Valkey: exact over processes, the same rule there and here, and kept while the server is away."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.local.valkey import EmbeddedValkey
from storage import redis_link, shared_rate_windows
from storage.rate_limiter import Answer, RateLimiter
from storage.rate_windows import LONGEST_SECONDS, Limit, Reading, Taken, Window
from storage.redis_link import RedisLink
from storage.shared_rate_windows import SharedWindows, window_key
from tests.passing_time import Clock, age

TEN = Limit("requests", 10)
HUNDRED = Limit("upload-bytes", 100)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy with other things a server seems to be away."""
    monkeypatch.setattr(shared_rate_windows, "ANSWER_SECONDS", 60)


def link_to(url: str) -> RedisLink:
    return RedisLink(url, 8)


async def close(limiter: RateLimiter) -> None:
    await limiter._shared._link.close()


@pytest.fixture
async def shared(redis_url: str) -> AsyncIterator[SharedWindows]:
    opened = SharedWindows(link_to(redis_url))
    yield opened
    await opened._link.close()


@pytest.fixture
async def limiter(redis_url: str) -> AsyncIterator[RateLimiter]:
    opened = RateLimiter(link_to(redis_url))
    yield opened
    await close(opened)


@pytest.fixture
async def other(redis_url: str) -> AsyncIterator[RateLimiter]:
    """Of another process."""
    opened = RateLimiter(link_to(redis_url))
    yield opened
    await close(opened)


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A server of its own, to be stopped and killed."""
    server = EmbeddedValkey(tmp_path / "valkey-home", dict(os.environ))
    await server.start()
    yield server
    await server.stop()


def send(server: EmbeddedValkey, number: signal.Signals) -> None:
    assert server._child is not None
    os.kill(server._child.pid, number)


STEPS = st.lists(
    st.tuples(st.just("take"), st.integers(0, 250))
    | st.tuples(st.just("wait"), st.integers(1, 100))
    | st.tuples(st.just("change"), st.integers(0, 250)),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_redis_and_this_process_go_by_the_same_rule(shared: SharedWindows, steps: list[tuple[str, int]]) -> None:
    tenant_id, here, passed = uuid4(), Window(HUNDRED), 0
    last: tuple[Taken, Taken] | None = None
    for step, number in steps:
        if step == "wait":
            await age(shared, tenant_id, HUNDRED, number)
            passed += number
            last = None
        elif step == "take":
            found = await shared.take(tenant_id, [(HUNDRED, number)])
            assert found is not None
            [there] = found
            reading = here.read(there.now + passed, number)
            assert reading == Reading(
                HUNDRED,
                there.now + passed,
                there.used,
                there.frees_at + passed if there.frees_at else 0,
                there.fits_at + passed if there.fits_at else 0,
                there.end + passed,
            )
            if there.fits:
                taken = Taken(reading.now, reading.end, number)
                here.add(taken)
                last = Taken(there.now, there.end, number), taken
        elif last is not None:
            changed = last[0].changed_to(number, HUNDRED), last[1].changed_to(number, HUNDRED)
            await shared.replace(tenant_id, HUNDRED, last[0], changed[0])
            here.remove(last[1])
            here.add(changed[1])
            last = changed


async def admitted(limiters: list[RateLimiter], tenant_id: UUID, limit: Limit, amount: int, times: int) -> list[Answer]:
    """Of so many attempts, all at once and spread over the limiters."""
    attempts = (limiters[i % len(limiters)].take(tenant_id, [(limit, amount)]) for i in range(times))
    return [answer for answer in await asyncio.gather(*attempts) if answer.charges]


async def test_processes_together_admit_exactly_the_limit(limiter: RateLimiter, other: RateLimiter) -> None:
    tenant_id = uuid4()
    found = await admitted([limiter, other], tenant_id, TEN, 1, 200)
    assert len(found) == 10
    assert sorted(answer.readings[0].remaining for answer in found) == list(range(10))
    assert len(await admitted([limiter, other], tenant_id, HUNDRED, 30, 50)) == 3


async def test_all_limits_are_taken_from_or_none(limiter: RateLimiter) -> None:
    tenant_id = uuid4()
    assert (await limiter.take(tenant_id, [(TEN, 1), (HUNDRED, 100)])).charges
    refused = await limiter.take(tenant_id, [(TEN, 1), (HUNDRED, 1)])
    assert refused.charges == []
    assert [reading.remaining for reading in refused.readings] == [9, 0]
    assert 59 <= refused.readings[1].seconds_until_it_fits <= 61


async def test_a_refusal_that_this_process_knows_of_does_not_ask_redis(
    limiter: RateLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id = uuid4()
    assert (await limiter.take(tenant_id, [(TEN, 10)])).charges
    monkeypatch.setattr(limiter._shared, "take", None)
    assert (await limiter.take(tenant_id, [(TEN, 1)])).charges == []


async def test_what_others_took_is_known_from_redis(limiter: RateLimiter, other: RateLimiter) -> None:
    tenant_id = uuid4()
    await other.take(tenant_id, [(TEN, 7)])
    assert (await limiter.take(tenant_id, [(TEN, 4)])).charges == []
    assert (await limiter.take(tenant_id, [(TEN, 3)])).readings[0].remaining == 0


async def test_tenants_and_other_amounts_of_a_limit_do_not_share_a_window(limiter: RateLimiter) -> None:
    tenant_id = uuid4()
    await limiter.take(tenant_id, [(TEN, 10)])
    assert (await limiter.take(uuid4(), [(TEN, 10)])).charges
    assert (await limiter.take(tenant_id, [(Limit("requests", 11), 11)])).charges


async def test_windows_leave_nothing_in_redis(limiter: RateLimiter) -> None:
    tenant_id, redis = uuid4(), limiter._shared._link.client
    answer = await limiter.take(tenant_id, [(TEN, 3), (HUNDRED, 0)])
    assert await redis.keys(f"*{tenant_id}*") == [window_key(tenant_id, TEN).encode()]
    assert 59 <= await redis.ttl(window_key(tenant_id, TEN)) <= 61
    larger = await limiter.change(answer.charges[0], 40)
    assert 239 <= await redis.ttl(window_key(tenant_id, TEN)) <= 241
    await limiter.change(larger, 0)
    assert await redis.keys(f"*{tenant_id}*") == []
    await limiter.take(tenant_id, [(Limit("upload-bytes", 1), 2**62)])
    assert await redis.ttl(window_key(tenant_id, Limit("upload-bytes", 1))) <= LONGEST_SECONDS + 1


async def test_what_a_change_no_longer_finds_is_not_taken_away_twice(shared: SharedWindows) -> None:
    tenant_id = uuid4()
    [reading] = await shared.take(tenant_id, [(TEN, 6)]) or []
    await age(shared, tenant_id, TEN, 3600)
    await shared.replace(tenant_id, TEN, Taken(reading.now, reading.end, 6), Taken(0, 60, 4))
    assert await shared._link.client.exists(window_key(tenant_id, TEN)) == 1
    [reading] = await shared.take(tenant_id, [(TEN, 0)]) or []
    assert reading.used == 0


async def test_windows_of_this_process_that_are_empty_are_dropped(redis_url: str) -> None:
    clock = Clock()
    limiter = RateLimiter(link_to(redis_url), clock)
    tenants = [uuid4() for _ in range(3)]
    for tenant_id in tenants:
        await limiter.take(tenant_id, [(TEN, 1)])
    clock.ahead += 30
    await limiter.take(tenants[2], [(TEN, 1)])
    clock.ahead += 45
    await limiter.take(tenants[1], [(TEN, 0)])
    assert {tenant_id for tenant_id, _ in limiter._windows} == set(tenants[1:])
    await close(limiter)


async def test_each_process_keeps_the_limit_by_itself_while_redis_is_killed(valkey: EmbeddedValkey) -> None:
    limiters = [RateLimiter(link_to(valkey.url)), RateLimiter(link_to(valkey.url))]
    tenant_id = uuid4()
    assert len(await admitted(limiters, tenant_id, TEN, 1, 6)) == 6
    send(valkey, signal.SIGKILL)
    assert valkey._child is not None
    await valkey._child.wait()
    # Three of the six were this process's own: they are not forgotten.
    assert len(await admitted(limiters[:1], tenant_id, TEN, 1, 30)) == 7
    assert limiters[0]._shared._link.is_away
    await asyncio.gather(*(close(limiter) for limiter in limiters))


async def test_a_redis_that_comes_back_empty_is_used_again_and_gives_nobody_more(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "RETRY_AFTER_SECONDS", 0.01)
    limiters = [RateLimiter(link_to(valkey.url)), RateLimiter(link_to(valkey.url))]
    tenant_id = uuid4()
    await admitted(limiters[:1], tenant_id, TEN, 1, 9)
    send(valkey, signal.SIGKILL)
    assert valkey._child is not None
    await valkey._child.wait()
    charge = (await limiters[0].take(tenant_id, [(TEN, 1)])).charges[0]
    assert charge.shared is None
    await valkey.start()
    assert limiters[0]._shared._link._looking is not None
    await limiters[0]._shared._link._looking
    assert len(await admitted(limiters[:1], tenant_id, TEN, 1, 5)) == 0
    assert len(await admitted(limiters[1:], tenant_id, TEN, 1, 30)) == 10
    # What Redis never heard of is changed here alone.
    await limiters[0].change(charge, 0)
    assert (await limiters[0].take(tenant_id, [(TEN, 0)])).readings[0].remaining == 0
    await asyncio.gather(*(close(limiter) for limiter in limiters))


async def test_nobody_waits_long_for_a_redis_that_hangs(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "RETRY_AFTER_SECONDS", 0.01)
    limiter = RateLimiter(link_to(valkey.url))
    tenant_id = uuid4()
    answer = await limiter.take(tenant_id, [(TEN, 1)])
    send(valkey, signal.SIGSTOP)
    monkeypatch.setattr(shared_rate_windows, "ANSWER_SECONDS", redis_link.ANSWER_SECONDS)
    started = time.monotonic()
    await limiter.change(answer.charges[0], 2)
    assert time.monotonic() - started < 1
    assert limiter._shared._link.is_away
    started = time.monotonic()
    assert len(await admitted([limiter], tenant_id, TEN, 1, 30)) == 8
    await limiter.change(answer.charges[0], 1)
    assert time.monotonic() - started < 0.2
    send(valkey, signal.SIGCONT)
    monkeypatch.setattr(shared_rate_windows, "ANSWER_SECONDS", 60)
    assert limiter._shared._link._looking is not None
    await limiter._shared._link._looking
    assert (await limiter.take(uuid4(), [(TEN, 1)])).charges[0].shared is not None
    await close(limiter)
