"""Changes of tenants and files, and the events that their transactions write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from actors.tenant_changes import Change, UpdateFile
from storage.database import Database
from storage.errors import Unavailable
from storage.tenant_purge import TenantPurge
from tests.file_service import FileService, SampleTenant
from tests.told_events import waiting_events

WAIT = {"Prefer": "wait=60"}


async def events(tenant: SampleTenant) -> list[tuple[str, dict[str, Any]]]:
    """After the tenant's creation."""
    found = await waiting_events(tenant.service.services.database, tenant.code)
    assert found[0][0] == "tenant.created"
    return found[1:]


async def test_each_change_of_a_file_is_told_as_its_answer_shows_it(tenant: SampleTenant) -> None:
    created = await tenant.stored(b"some text", "a.txt")
    changed = (await tenant.patch(f"/files/{created['id']}", {"metadata": {"k": [1, "ä"]}}, '"m1"')).json()
    assert (await tenant.request("DELETE", f"/files/{created['id']}")).status_code == 204
    assert await events(tenant) == [("file.created", created), ("file.updated", changed), ("file.deleted", changed)]


async def test_each_file_of_a_batch_that_is_deleted_is_told(tenant: SampleTenant) -> None:
    stored = [await tenant.stored(b"%d" % number) for number in range(3)]
    ids = [file["id"] for file in stored]
    await tenant.request("POST", "/files:batch-delete", json={"ids": [*ids, ids[0]]})
    told = [(kind, data["id"]) for kind, data in await events(tenant)]
    assert told[:3] == [("file.created", file_id) for file_id in ids]
    assert sorted(told[3:]) == sorted(("file.deleted", file_id) for file_id in ids)


async def test_events_of_many_uploads_at_once_follow_each_other_as_the_changes_did(tenant: SampleTenant) -> None:
    stored = await asyncio.gather(*(tenant.stored(b"%d" % number) for number in range(20)))
    await asyncio.gather(*(tenant.request("DELETE", f"/files/{file['id']}") for file in stored))
    told = [(kind, data["id"]) for kind, data in await events(tenant)]
    assert sorted(told) == sorted((kind, file["id"]) for file in stored for kind in ("file.created", "file.deleted")), (
        "each once"
    )
    for file in stored:
        assert told.index(("file.created", file["id"])) < told.index(("file.deleted", file["id"]))


async def test_what_changes_nothing_is_not_told(service: FileService) -> None:
    tenant = await service.tenant(denied_extensions=[".exe"])
    stored = await tenant.stored(b"once", headers={"Idempotency-Key": "k"})
    assert (await tenant.stored(b"once", headers={"Idempotency-Key": "k"}))["id"] == stored["id"]
    assert (await tenant.upload(b"x", "a.exe")).status_code == 415
    assert (await tenant.patch(f"/files/{stored['id']}", {"tags": []}, '"m7"')).status_code == 412
    assert (await tenant.request("DELETE", "/files/fs_" + "0" * 25)).status_code == 404
    assert await events(tenant) == [("file.created", stored)]


async def test_a_change_that_is_sent_twice_is_told_once(tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host dies after its commit, before it answers."""
    stored = await tenant.stored()
    original = tenant.service.services.tenants.call

    async def answered_by_the_second(record: Any, change: Change[Any]) -> Any:
        if isinstance(change, UpdateFile):
            await original(record, change)
        return await original(record, change)

    monkeypatch.setattr(tenant.service.services.tenants, "call", answered_by_the_second)
    changed = await tenant.patch(f"/files/{stored['id']}", {"tags": ["new"]}, '"m1"')
    assert await events(tenant) == [("file.created", stored), ("file.updated", changed.json())]


async def test_a_change_that_is_not_committed_is_not_told(
    tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = await tenant.stored()
    original = Database.transaction

    @asynccontextmanager
    async def away_at_the_commit(self: Database, tenant_id: UUID) -> AsyncIterator[AsyncSession]:
        async with original(self, tenant_id) as session:
            yield session
            await session.flush()
            raise Unavailable("database")

    with monkeypatch.context() as patched:
        patched.setattr(Database, "transaction", away_at_the_commit)
        assert (await tenant.request("DELETE", f"/files/{stored['id']}")).status_code == 503
    assert await events(tenant) == [("file.created", stored)]


async def test_a_tenants_creation_and_changes_are_told_without_its_key(service: FileService) -> None:
    answer = (await service.http.post("/v1/tenants", json={"code": "told-tenant", "metadata": {"a": 1}})).json()
    secret, stats = answer.pop("api_key")["secret"], answer.pop("stats")
    assert await waiting_events(service.services.database, "told-tenant") == [("tenant.created", answer)]

    tenant = SampleTenant(service, "told-tenant", secret)
    changed = (await tenant.patch("", {"configuration": {"max_files": 5}}, '"m1"')).json()
    assert changed.pop("stats") == stats
    assert await events(tenant) == [("tenant.updated", changed)]


async def test_of_a_deleted_tenant_nothing_is_told_but_that(service: FileService, tenant: SampleTenant) -> None:
    """What nobody was told yet goes with the tenant."""
    await tenant.stored(b"secret text", "secret.txt")
    tenant_id = (await service.http.get(tenant.path)).json()["id"]
    operation = (await service.http.delete(tenant.path, headers=WAIT)).json()
    assert (operation["state"], operation["result"]["rows_left"]) == ("succeeded", 0)
    gone = {"id": tenant_id, "code": tenant.code, "operation_id": operation["id"]}
    assert await waiting_events(service.services.database, tenant.code) == [("tenant.deleted", gone)]


async def test_a_purge_that_is_repeated_tells_of_it_once(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies just before the last transaction commits."""
    operation_id = (await _dying_deletion(service, tenant, monkeypatch))["id"]
    assert await waiting_events(service.services.database, tenant.code) == []
    purge = TenantPurge(service.services.database, service.services.cache, service.services.disk)
    assert [await purge.run(operation_id) for _ in range(3)] == [True, False, False]
    assert [kind for kind, _ in await waiting_events(service.services.database, tenant.code)] == ["tenant.deleted"]


async def _dying_deletion(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    original = TenantPurge._conclude

    async def dies(self: TenantPurge, *arguments: Any) -> None:
        @asynccontextmanager
        async def rolled_back() -> AsyncIterator[AsyncSession]:
            async with service.services.database.transaction_across_tenants() as session:
                yield session
                await session.rollback()
                raise Unavailable("database")

        with monkeypatch.context() as patched:
            patched.setattr(self._database, "transaction_across_tenants", rolled_back)
            await original(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(TenantPurge, "_conclude", dies)
        answer = await service.http.delete(tenant.path)
        await asyncio.gather(*service.hosting._purges)
    found: dict[str, Any] = answer.json()
    return found
