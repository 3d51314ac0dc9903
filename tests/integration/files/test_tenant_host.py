"""The Ray actor's class by itself: what it answers, and what runs beside it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from actors import tenant_hosts
from actors.tenant_changes import AbandonFile, ReserveFile
from actors.tenant_hosts import TenantHost, host_names
from storage.errors import NotFound
from storage.files_on_disk import FilesOnDisk
from storage.settings import Settings
from tests.file_service import SampleTenant


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    found = Settings(database_url=database_url, redis_url=redis_url, storage_base_path=tmp_path / "files")
    monkeypatch.setattr(tenant_hosts, "get_settings", lambda: found)
    monkeypatch.setattr(tenant_hosts, "configure_logging", lambda *_: None)
    return found


@pytest.fixture
async def host(settings: Settings) -> AsyncIterator[TenantHost]:
    await FilesOnDisk(settings.base_path).prepare()
    running = TenantHost(host_names(settings)[0])
    yield running
    await running.close()


async def test_a_host_applies_changes_and_returns_expected_errors_as_values(
    host: TenantHost, tenant: SampleTenant
) -> None:
    reserve = ReserveFile(uuid4(), "fs_" + "a" * 25, "a.txt", "text/plain", ".txt", 3)
    path = await host.call(tenant.code, reserve, "request-1")
    assert path.startswith(f"{tenant.code}/")
    assert await host.call(tenant.code, AbandonFile(uuid4(), reserve.id), "request-2") is None
    assert isinstance(await host.call("no-such-tenant", reserve, "request-3"), NotFound)
    facts = await host.facts()
    assert facts == {"name": "tenant-host-dev-0", "pid": os.getpid(), "tenants": 1}


async def test_a_host_for_one_tenant_ends_when_that_is_idle(
    settings: Settings, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = settings.model_copy(update={"tenant_idle_seconds": 0.0})
    monkeypatch.setattr(tenant_hosts, "get_settings", lambda: impatient)
    ended: list[str] = []
    monkeypatch.setattr(TenantHost, "_ask_to_end", lambda host: ended.append(host._name))
    await FilesOnDisk(settings.base_path).prepare()
    for name in (f"tenant-host-dev-of-{tenant.code}", host_names(settings)[0]):
        running = TenantHost(name)
        await running.call(tenant.code, AbandonFile(uuid4(), "fs_" + "a" * 25), "request")
        await running.passivate()
        await running.close()
    assert ended == [f"tenant-host-dev-of-{tenant.code}"]
