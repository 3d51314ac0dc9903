"""Many actors in one process: activated once, passivated when idle, gone after their end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from actors.tenant_actor import TenantActor
from actors.tenant_changes import DeleteTenant, UpdateTenant
from actors.tenant_hosting import TenantHosting
from storage import tenant_crud
from storage.cache import Cache
from storage.database import Database
from storage.errors import NotFound, TenantActorFenced, Unavailable
from storage.files_on_disk import FilesOnDisk
from storage.identifiers import new_id


class Hosts:
    """Processes that host tenants on the same servers."""

    def __init__(self, database_url: str, redis_url: str, base: Path) -> None:
        self.database = Database(database_url)
        self.cache = Cache(redis_url, 30)
        self.disk = FilesOnDisk(base)
        self.running: list[TenantHosting] = []

    def host(self, idle_seconds: float = 300) -> TenantHosting:
        hosting = TenantHosting(self.database, self.cache, self.disk, idle_seconds)
        self.running.append(hosting)
        return hosting

    async def tenant(self) -> str:
        code = f"t-{uuid4().hex[:20]}"
        await self.disk.prepare_tenant(code)
        async with self.database.transaction_across_tenants() as session:
            await tenant_crud.create(session, code, {}, {})
        return code

    async def epoch(self, code: str) -> int:
        async with self.database.reading_across_tenants() as session:
            found = await session.scalar(text("SELECT actor_epoch FROM tenants WHERE code = :code"), {"code": code})
        return int(found or 0)

    async def close(self) -> None:
        for hosting in self.running:
            await hosting.close()
        await self.cache.close()
        await self.database.close()
        await self.disk.close()


@pytest.fixture
async def hosts(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Hosts]:
    running = Hosts(database_url, redis_url, tmp_path)
    await running.disk.prepare()
    yield running
    await running.close()


def touch() -> UpdateTenant:
    return UpdateTenant(uuid4(), None, {}, {})


async def test_callers_that_come_together_activate_once(hosts: Hosts) -> None:
    hosting, code = hosts.host(), await hosts.tenant()
    records = await asyncio.gather(*(hosting.call(code, touch()) for _ in range(30)))
    assert sorted(record.version for record in records) == list(range(2, 32))
    assert await hosts.epoch(code) == 1
    assert len(hosting) == 1


async def test_a_tenant_that_is_not_there_is_asked_for_every_time(hosts: Hosts) -> None:
    hosting = hosts.host()
    answers = await asyncio.gather(*(hosting.call("no-tenant", touch()) for _ in range(5)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [NotFound] * 5
    assert len(hosting) == 0


async def test_a_failed_activation_is_nobody_elses(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The race: everybody who waited for an activation is gone when it fails."""
    hosting, code = hosts.host(), await hosts.tenant()
    begun, go_on = asyncio.Event(), asyncio.Event()
    original = TenantActor.activate

    async def failing(*_: Any) -> TenantActor:
        begun.set()
        await go_on.wait()
        raise Unavailable("database")

    monkeypatch.setattr(TenantActor, "activate", failing)
    caller = asyncio.create_task(hosting.call(code, touch()))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    activation = hosting._actors[code]
    go_on.set()
    await asyncio.wait([activation])
    monkeypatch.setattr(TenantActor, "activate", original)
    assert (await hosting.call(code, touch())).version == 2


async def test_when_two_hosts_have_a_tenant_the_older_finds_out_and_takes_it_back_when_asked(hosts: Hosts) -> None:
    first, second, code = hosts.host(), hosts.host(), await hosts.tenant()
    await first.call(code, touch())
    await second.call(code, touch())
    with pytest.raises(TenantActorFenced):
        await first.call(code, touch())
    assert len(first) == 0
    assert (await first.call(code, touch())).version == 4
    with pytest.raises(TenantActorFenced):
        await second.call(code, touch())


async def test_idle_tenants_are_passivated_and_come_back(hosts: Hosts) -> None:
    hosting, codes = hosts.host(idle_seconds=10), [await hosts.tenant() for _ in range(3)]
    for code in codes:
        await hosting.call(code, touch())
    now = asyncio.get_running_loop().time()
    assert await hosting.passivate_idle() == 0
    assert await hosting.passivate_idle(now + 11) == 3
    assert len(hosting) == 0
    assert (await hosting.call(codes[0], touch())).version == 3
    assert await hosts.epoch(codes[0]) == 2


async def test_a_tenant_that_is_called_while_others_are_passivated_stays(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: all were idle when the round began; while the first is closed somebody calls the second."""
    hosting, codes = hosts.host(idle_seconds=10), [await hosts.tenant() for _ in range(2)]
    for code in codes:
        await hosting.call(code, touch())
    original = TenantActor.close
    calls: list[asyncio.Task[Any]] = []

    async def close_slowly(actor: TenantActor) -> None:
        calls.append(asyncio.create_task(hosting.call(codes[1], touch())))
        await asyncio.sleep(0)
        await original(actor)

    monkeypatch.setattr(TenantActor, "close", close_slowly)
    # `last_used` is later than the moment that the round is told: only being at work keeps the second.
    assert await hosting.passivate_idle(asyncio.get_running_loop().time() + 11) == 1
    assert (await calls[0]).version == 3
    assert await hosts.epoch(codes[1]) == 1


async def test_a_caller_that_gives_up_does_not_stop_the_activation_of_the_others(hosts: Hosts) -> None:
    hosting, code = hosts.host(), await hosts.tenant()
    calls = [asyncio.create_task(hosting.call(code, touch())) for _ in range(3)]
    await asyncio.sleep(0)
    calls[0].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == ["CancelledError", "TenantRecord", "TenantRecord"]


async def test_a_host_that_closes_leaves_nothing_running(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    hosting, code, other = hosts.host(), await hosts.tenant(), await hosts.tenant()
    await hosting.call(code, touch())
    begun = asyncio.Event()

    async def endless(*_: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(hosting._purge, "run", endless)
    await hosting.call(code, DeleteTenant(uuid4(), new_id("op")))
    await begun.wait()
    begun.clear()
    monkeypatch.setattr(TenantActor, "activate", endless)
    waiting = asyncio.create_task(hosting.call(other, touch()))
    await begun.wait()
    before = asyncio.all_tasks()
    await hosting.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    left = {task for task in before if not task.done() and task is not asyncio.current_task()}
    assert not [task for task in left if "tenant" in task.get_name() or "purge" in str(task)]


async def test_many_deletions_at_once_do_not_use_up_the_connections(hosts: Hosts) -> None:
    """Each purge holds one connection while it uses another; a pool has twenty."""
    hosting, codes = hosts.host(), [await hosts.tenant() for _ in range(30)]
    operations = [new_id("op") for _ in codes]
    await asyncio.gather(
        *(
            hosting.call(code, DeleteTenant(uuid4(), operation))
            for code, operation in zip(codes, operations, strict=True)
        )
    )
    await asyncio.gather(*hosting._purges)
    async with hosts.database.reading_across_tenants() as session:
        states = await session.scalars(
            text("SELECT DISTINCT state FROM operations WHERE id = ANY(:ids)"), {"ids": operations}
        )
        assert states.all() == ["succeeded"]


@pytest.mark.parametrize("error", [Unavailable("cache"), ZeroDivisionError()])
async def test_a_purge_that_fails_is_left_to_the_sweeper(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    hosting, code = hosts.host(), await hosts.tenant()

    async def fail(_: str) -> bool:
        raise error

    monkeypatch.setattr(hosting._purge, "run", fail)
    await hosting.call(code, DeleteTenant(uuid4(), new_id("op")))
    await asyncio.gather(*hosting._purges)
    assert "purge interrupted" in [record.message for record in caplog.records]
