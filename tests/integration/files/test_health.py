"""Whether the service works, and whether it can serve; and what it says of itself."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve_apps import health
from serve_apps.health import Readiness
from storage.cache import Cache
from tests.file_service import FileService, file_service


@pytest.fixture
async def service(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[FileService]:
    """One for each test, to be broken."""
    async with file_service(tmp_path / "files", database_url, redis_url) as running:
        yield running


@pytest.fixture
def stranger(service: FileService) -> httpx.AsyncClient:
    """Has no key."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url="http://files")


async def test_a_service_that_can_serve_says_so_to_everyone(stranger: httpx.AsyncClient) -> None:
    live, ready = await stranger.get("/healthz/live"), await stranger.get("/healthz/ready")
    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert live.headers["x-request-id"]


async def test_the_contract_can_be_read_by_everyone(stranger: httpx.AsyncClient) -> None:
    paths = (await stranger.get("/openapi.json")).json()["paths"]
    assert {"/v1/tenants", "/v1/tenants/{code}/files", "/v1/tenants/{code}/files/{file_id}/content"} <= paths.keys()
    assert (await stranger.get("/docs")).status_code == 200


async def test_a_volume_that_cannot_be_written_makes_it_unready(
    service: FileService, stranger: httpx.AsyncClient
) -> None:
    shutil.rmtree(service.services.disk.base)
    answer = await stranger.get("/healthz/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert "storage volume" in answer.json()["detail"]
    assert answer.headers["retry-after"]
    assert (await stranger.get("/healthz/live")).status_code == 200


@pytest.mark.parametrize("what", ["full", "read-only"])
async def test_a_volume_that_takes_nothing_makes_it_unready(
    tmp_path: Path, database_url: str, redis_url: str, what: str
) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    if not await _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(volume)):
        pytest.skip("only root can mount a small volume")
    try:
        async with file_service(volume / "files", database_url, redis_url) as service:
            assert (await service.http.get("/healthz/ready")).status_code == 200
            service.app.state.readiness = Readiness(service.services)
            if what == "full":
                with pytest.raises(OSError, match="No space left"):
                    (volume / "ballast").write_bytes(bytes(2 * 2**20))
            else:
                assert await _mount("-o", "remount,ro", str(volume))
            answer = await service.http.get("/healthz/ready")
            assert (answer.status_code, "storage volume" in answer.json()["detail"]) == (503, True)
    finally:
        await (await asyncio.create_subprocess_exec("umount", "--lazy", str(volume))).wait()


async def _mount(*arguments: str) -> bool:
    mount = await asyncio.create_subprocess_exec("mount", *arguments, stderr=asyncio.subprocess.DEVNULL)
    return await mount.wait() == 0


async def test_a_cache_that_is_away_makes_it_unready(
    service: FileService, stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Cache("redis://127.0.0.1:1/0", 30)
    monkeypatch.setattr(service.services.cache, "ping", away.ping)
    answer = await stranger.get("/healthz/ready")
    assert (answer.status_code, "cache" in answer.json()["detail"]) == (503, True)
    await away.close()


async def test_a_check_that_hangs_makes_it_unready(
    stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(health, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(Readiness, "_check_database", lambda _: hang())
    answer = await stranger.get("/healthz/ready")
    assert (answer.status_code, "database" in answer.json()["detail"]) == (503, True)


async def test_the_servers_are_asked_once_in_two_seconds(
    service: FileService, stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(health, "CACHED_SECONDS", 3600.0)
    original = service.services.cache.ping

    async def counted() -> None:
        asked.append(None)
        await original()

    monkeypatch.setattr(service.services.cache, "ping", counted)
    service.app.state.readiness = Readiness(service.services)
    for _ in range(3):
        assert (await stranger.get("/healthz/ready")).status_code == 200
    assert len(asked) == 1


async def test_a_replica_that_shuts_down_is_not_ready(service: FileService, stranger: httpx.AsyncClient) -> None:
    service.app.state.readiness.shutting_down = True
    answer = await stranger.get("/healthz/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "shutting-down")
