"""The Ray actor's class by itself: what it answers, and what runs beside it."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from actors import tenant_hosts
from actors.tenant_changes import TenantState
from actors.tenant_host_line import HostCall, HostLine, Progress
from actors.tenant_hosts import TenantHost, host_names
from actors.upload_changes import AbandonFile, ReserveFile
from muniment.webhooks import verify
from storage import webhook_crud
from storage.errors import NotFound
from storage.files_on_disk import FilesOnDisk
from storage.models import Tenant
from storage.settings import Settings
from storage.webhook_secrets import WebhookSecrets, new_secret
from tests.file_service import PEPPER, FileService, SampleTenant
from tests.webhook_receiver import TRUSTING, receiving


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


def reservation(file_id: str) -> ReserveFile:
    return ReserveFile(uuid4(), file_id, "a.txt", "text/plain", ".txt", 3)


async def test_a_host_applies_changes_and_returns_expected_errors_as_values(
    host: TenantHost, tenant: SampleTenant
) -> None:
    reserve = reservation("fs_" + "a" * 25)
    line = HostLine(host.call_many)
    path, missing = await asyncio.gather(
        line.call(HostCall(tenant.code, reserve, "request-1")),
        line.call(HostCall("no-such-tenant", reserve, "request-2")),
    )
    assert path.startswith(f"{tenant.code}/")
    assert isinstance(missing, NotFound)
    assert await host.call_many([HostCall(tenant.code, AbandonFile(uuid4(), reserve.id), "request-3")]) == [False]
    facts = await host.facts()
    assert facts == {"name": "tenant-host-dev-0", "pid": os.getpid(), "tenants": 1}


async def test_a_defect_in_one_change_is_told_to_its_caller_alone(
    host: TenantHost, tenant: SampleTenant, caplog: pytest.LogCaptureFixture
) -> None:
    class Defect(AbandonFile):
        def apply(self, _: TenantState) -> bool:
            raise ZeroDivisionError

    line = HostLine(host.call_many)
    defect, fine = await asyncio.gather(
        *(line.call(HostCall(tenant.code, change(uuid4(), "fs_none"), "request")) for change in (Defect, AbandonFile))
    )
    assert isinstance(defect, RuntimeError)
    assert fine is False
    assert "change failed" in [record.message for record in caplog.records]


async def test_a_tenant_that_is_slow_does_not_hold_up_its_batch(
    host: TenantHost, service: FileService, tenant: SampleTenant
) -> None:
    """The race: a change waits for its tenant's row while its neighbours are done, and is asked for again."""
    other = await service.tenant()
    slow = HostCall(tenant.code, reservation("fs_" + "b" * 25), "request-1")
    quick = HostCall(other.code, reservation("fs_" + "c" * 25), "request-2")
    for code in (tenant.code, other.code):
        # Each by itself, which is waited for to its end: a host that has just started takes its time.
        await host.call_many([HostCall(code, AbandonFile(uuid4(), "fs_none"), "")])
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(select(Tenant).where(Tenant.code == tenant.code).with_for_update())
        answers: list[Any] = [Progress.STILL_RUNNING] * 2
        while answers[1] is Progress.STILL_RUNNING:
            answers = await host.call_many([slow, quick])
        assert answers[0] is Progress.STILL_RUNNING
        assert answers[1].startswith(other.code)
        key = tenant.code, slow.change.call_id
        running = host._running[key]
        again = asyncio.create_task(host.call_many([slow]))
        await asyncio.sleep(0)
        assert host._running[key] is running
    [path] = await again
    assert path.startswith(tenant.code)
    assert (await tenant.stats())["reserved_bytes"] == 3


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
        await running.call_many([HostCall(tenant.code, AbandonFile(uuid4(), "fs_" + "a" * 25), "request")])
        await running.passivate()
        await running.close()
    assert set(ended) == {f"tenant-host-dev-of-{tenant.code}"}


async def test_a_host_sends_what_waits_for_webhooks(
    settings: Settings, service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = settings.model_copy(
        update={"webhook_trusted_networks": TRUSTING, "key_pepper": SecretStr(PEPPER.decode())}
    )
    monkeypatch.setattr(tenant_hosts, "get_settings", lambda: trusting)
    await FilesOnDisk(settings.base_path).prepare()
    tenant_id, secret = UUID((await tenant.request("GET", "")).json()["id"]), new_secret()
    encrypted = WebhookSecrets(PEPPER).encrypt(tenant_id, secret)
    async with receiving() as receiver:
        async with service.services.database.transaction(tenant_id) as session:
            await webhook_crud.register(session, tenant_id, receiver.url, "", (), encrypted)
        file = await tenant.stored()
        running = TenantHost(host_names(settings)[0])
        await running.facts()
        [request] = await receiver.until(1)
        await running.close()
    assert verify(request.body, request.headers, secret)["data"] == file
