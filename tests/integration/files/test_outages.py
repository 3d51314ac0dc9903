"""Servers that are killed and started again under load: late answers and 503s, never wrong ones."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self
from uuid import uuid4

import httpx
import pytest

from muniment.local.postgres import EmbeddedPostgres
from muniment.local.valkey import EmbeddedValkey
from storage import cache as cache_module
from storage import migrate, redis_link
from tests.file_service import FileService, SampleTenant, file_service


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A server of its own, to be killed."""
    server = EmbeddedValkey(tmp_path / "valkey-home", dict(os.environ))
    await server.start()
    yield server
    await server.stop()


async def kill(server: EmbeddedValkey | EmbeddedPostgres) -> None:
    assert server._child is not None
    os.kill(server._child.pid, signal.SIGKILL)
    await server._child.wait()


class Watch:
    """Changes one file again and again through one replica, while others read it through another."""

    def __init__(self, writer: SampleTenant, reader: SampleTenant, path: str) -> None:
        self.writer, self.reader, self.path = writer, reader, path
        self.acknowledged = 1
        self.reads = 0
        self.stop = asyncio.Event()

    async def write(self) -> None:
        while not self.stop.is_set():
            answer = await self.writer.patch(self.path, {"metadata": {"n": self.acknowledged}}, "*")
            assert answer.status_code == 200, answer.text
            self.acknowledged = max(self.acknowledged, answer.json()["version"])

    async def read(self) -> None:
        while not self.stop.is_set():
            known = self.acknowledged
            answer = await self.reader.request("GET", self.path)
            assert answer.status_code == 200, answer.text
            assert answer.json()["version"] >= known, "older than what was acknowledged before it was asked for"
            self.reads += 1

    async def until_more(self, reads: int) -> None:
        """Until so many more reads and a change have been answered."""
        wanted, version = self.reads + reads, self.acknowledged
        async with asyncio.timeout(60):
            while self.reads < wanted or self.acknowledged == version:
                if (failed := next((task for task in self.tasks if task.done()), None)) is not None:
                    failed.result()
                await asyncio.sleep(0.005)

    async def __aenter__(self) -> Self:
        work = [self.write(), *(self.read() for _ in range(4))]
        self.tasks = [asyncio.create_task(one) for one in work]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await asyncio.gather(*self.tasks)


async def test_answers_are_right_while_the_cache_is_killed_and_started_again(
    tmp_path: Path, database_url: str, valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "RESEND_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(redis_link, "RETRY_AFTER_SECONDS", 0.1)
    async with (
        file_service(tmp_path / "files", database_url, valkey.url) as first,
        file_service(tmp_path / "files", database_url, valkey.url) as second,
    ):
        writer = await first.tenant()
        reader = SampleTenant(second, writer.code, writer.key)
        file = await writer.stored()
        async with Watch(writer, reader, f"/files/{file['id']}") as watch:
            await watch.until_more(50)
            for _ in range(2):
                await kill(valkey)
                await watch.until_more(50)
                await valkey.start()
                await watch.until_more(50)
        # What could not be announced was announced later, and the cache is used again.
        async with asyncio.timeout(30):
            while first.services.cache._undelivered or await second.services.cache._redis.dbsize() < 3:
                await reader.request("GET", f"/files/{file['id']}")
                await asyncio.sleep(0.02)


async def test_keys_stop_working_at_once_although_the_cache_is_away(
    tmp_path: Path, database_url: str, valkey: EmbeddedValkey
) -> None:
    async with file_service(tmp_path / "files", database_url, valkey.url) as service:
        tenant = await service.tenant()
        key = (await tenant.request("POST", "/api-keys", json={"scopes": ["files:read"]})).json()
        headers = {"Authorization": f"Bearer {key['secret']}"}
        assert (await service.http.get(f"{tenant.path}/files", headers=headers)).status_code == 200
        await kill(valkey)
        assert (await tenant.request("DELETE", f"/api-keys/{key['id']}")).status_code == 204
        assert (await service.http.get(f"{tenant.path}/files", headers=headers)).status_code == 401
        await valkey.start()
        assert (await service.http.get(f"{tenant.path}/files", headers=headers)).status_code == 401


async def test_a_tenants_deletion_waits_for_the_cache(
    tmp_path: Path, database_url: str, valkey: EmbeddedValkey
) -> None:
    """Its end says that nothing is cached: that cannot be known while the cache is away."""
    async with file_service(tmp_path / "files", database_url, valkey.url) as service:
        tenant = await service.tenant()
        await kill(valkey)
        answer = await service.http.delete(tenant.path)
        await asyncio.gather(*service.hosting._purges)
        path = answer.headers["location"]
        assert (await service.http.get(path)).json()["state"] == "running"
        assert (await service.http.get(tenant.path)).status_code == 404
        await valkey.start()
        await service.hosting._purge.run(answer.json()["id"])
        assert (await service.http.get(path)).json()["state"] == "succeeded"


class Load:
    """Clients that upload and change, and note what was acknowledged."""

    def __init__(self, tenant: SampleTenant) -> None:
        self.tenant = tenant
        self.stored: dict[str, int] = {}
        self.statuses: list[int] = []
        self.answered, self.stop = asyncio.Event(), asyncio.Event()

    async def client(self) -> None:
        while not self.stop.is_set():
            upload = await self._noted(self.tenant.upload(uuid4().bytes, "a.bin", "application/octet-stream"))
            if upload.status_code != 201:
                assert upload.headers["retry-after"]
                continue
            file_id = upload.json()["id"]
            self.stored[file_id] = 1
            patch = await self._noted(self.tenant.patch(f"/files/{file_id}", {"tags": ["x"]}, '"m1"'))
            if patch.status_code == 200:
                self.stored[file_id] = 2

    async def _noted(self, call: object) -> httpx.Response:
        answer: httpx.Response = await call  # type: ignore[misc]
        assert answer.status_code in {200, 201, 412, 503}, answer.text
        self.statuses.append(answer.status_code)
        self.answered.set()
        return answer

    async def until_answered(self, count: int, status: set[int]) -> None:
        """Until so many more requests have ended like this."""
        seen = len(self.statuses)
        async with asyncio.timeout(120):
            while sum(answer in status for answer in self.statuses[seen:]) < count:
                self.answered.clear()
                await self.answered.wait()


async def test_nothing_acknowledged_is_lost_when_the_database_is_killed(tmp_path: Path, redis_url: str) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres-home", dict(os.environ))
    url = await server.start()
    try:
        await asyncio.to_thread(migrate.upgrade, url)
        async with file_service(tmp_path / "files", url, redis_url) as service:
            await _under_load(service, server)
    finally:
        await server.stop()


async def _under_load(service: FileService, server: EmbeddedPostgres) -> None:
    load = Load(await service.tenant())
    clients = [asyncio.create_task(load.client()) for _ in range(8)]
    await load.until_answered(20, {201})
    await kill(server)
    await load.until_answered(8, {503})
    ready = await service.http.get("/healthz/ready")
    assert ready.status_code == 503
    await server.start()
    await load.until_answered(20, {201})
    load.stop.set()
    await asyncio.gather(*clients)

    listed: dict[str, int] = {}
    cursor: dict[str, str] = {}
    while cursor is not None:
        page = (await load.tenant.request("GET", "/files", params={"limit": "200"} | cursor)).json()
        listed |= {item["id"]: item["version"] for item in page["items"]}
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    # A commit whose acknowledgement was lost may be there as well.
    assert load.stored.keys() <= listed.keys()
    assert all(listed[file_id] >= version for file_id, version in load.stored.items())
    stats = await load.tenant.stats()
    assert (stats["file_count"], stats["total_bytes"]) == (len(listed), 16 * len(listed))
