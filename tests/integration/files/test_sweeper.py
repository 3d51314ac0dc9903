"""Whatever a crash leaves half done is finished by a sweep, and what still lives is spared."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from actors import sweeper as sweeper_module
from actors.sweeper import Sweeper
from actors.upload_changes import CommitFile, ReserveFile
from storage import tenant_crud
from storage.abandoned_folders import AbandonedFolders
from storage.errors import NotFound, Unavailable
from storage.identifiers import new_id
from storage.tenant_purge import TenantPurge
from tests.file_service import FileService, SampleTenant, left_of

GRACE = timedelta(hours=1)
LONG_AGO = datetime.now(UTC) - timedelta(hours=3)


@pytest.fixture
async def sweeper(service: FileService) -> Sweeper:
    services = service.services
    async with services.database.transaction_across_tenants() as session:
        # Of other tests: this sweep works on its own.
        await session.execute(text("DELETE FROM removals"))
        await session.execute(text("UPDATE operations SET state = 'failed' WHERE state = 'running'"))
    return Sweeper(services.database, services.cache, services.disk, service.hosting, GRACE)


class DeadUpload:
    """An upload whose process died at some step."""

    def __init__(self, tenant: SampleTenant) -> None:
        self.tenant, self.id = tenant, new_id("fs")
        self.service = tenant.service
        self.path = ""

    async def reserve(self) -> None:
        change = ReserveFile(uuid4(), self.id, "a.txt", "text/plain", ".txt", 9)
        self.path = await self.service.hosting.call(self.tenant.code, change)

    async def receive(self) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"some text"

        self.received = await self.service.services.disk.receive(self.tenant.code, self.id, chunks(), 100)

    async def rename(self) -> None:
        await self.service.services.disk.keep(self.received, self.path)

    async def grow_old(self, *, bytes_too: bool = True) -> None:
        async with self.service.services.database.transaction_across_tenants() as session:
            await session.execute(
                text("UPDATE files SET time_created = :then WHERE id = :id"), {"then": LONG_AGO, "id": self.id}
            )
        for place in self.places() if bytes_too else ():
            os.utime(place, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))

    def places(self) -> list[Path]:
        return [path for path in self.tenant.files_on_disk() if self.id in path.name]

    async def row(self) -> str | None:
        async with self.service.services.database.reading_across_tenants() as session:
            found: str | None = await session.scalar(text("SELECT state FROM files WHERE id = :id"), {"id": self.id})
        return found


@pytest.fixture
def upload(tenant: SampleTenant) -> DeadUpload:
    return DeadUpload(tenant)


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_an_upload_that_died_at_any_step_is_swept_with_its_bytes(
    sweeper: Sweeper, upload: DeadUpload, steps: int
) -> None:
    for step in [upload.reserve, upload.receive, upload.rename][:steps]:
        await step()
    await sweeper.sweep()
    assert await upload.row() == "pending"
    assert (await upload.tenant.stats())["reserved_bytes"] == 9

    await upload.grow_old()
    await sweeper.sweep()
    assert await upload.row() is None
    assert upload.places() == []
    assert (await upload.tenant.stats())["reserved_bytes"] == 0


@pytest.mark.parametrize("renamed", [False, True])
async def test_an_upload_whose_last_byte_is_fresh_is_spared_however_old_its_row(
    sweeper: Sweeper, upload: DeadUpload, renamed: bool
) -> None:
    """It may be receiving still, or just between its rename and its commit."""
    await upload.reserve()
    await upload.receive()
    if renamed:
        await upload.rename()
    await upload.grow_old(bytes_too=False)
    await sweeper.sweep()
    assert await upload.row() == "pending"
    assert len(upload.places()) == 1
    commit = CommitFile(uuid4(), upload.id, 9, "text/plain", "ab" * 32, [], {})
    assert (await upload.service.hosting.call(upload.tenant.code, commit)).id == upload.id


async def test_an_upload_that_was_swept_by_mistake_is_told_so_and_leaves_nothing(
    tenant: SampleTenant, sweeper: Sweeper
) -> None:
    """Its sender was silent for longer than the grace time, and then goes on."""
    silent, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * 2**20
        silent.set()
        await go_on.wait()
        yield b"y"

    headers = {"Content-Disposition": "attachment; filename=a.txt", "Content-Type": "text/plain"}
    request = asyncio.create_task(tenant.request("POST", "/files", content=slow(), headers=headers))
    await silent.wait()
    (place,) = tenant.files_on_disk()
    upload = DeadUpload(tenant)
    upload.id = place.name
    await upload.grow_old()
    await sweeper.sweep()
    go_on.set()
    answer = await request
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert tenant.files_on_disk() == []
    assert (await tenant.stats())["reserved_bytes"] == 0


async def test_bytes_whose_removal_failed_are_removed_later(
    service: FileService, tenant: SampleTenant, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper_module, "BATCH", 2)
    files = [await tenant.stored(b"%d" % number) for number in range(5)]

    async def broken(_: str) -> None:
        raise Unavailable("storage volume")

    with monkeypatch.context() as patched:
        patched.setattr(service.services.disk, "remove", broken)
        for file in files:
            assert (await tenant.request("DELETE", f"/files/{file['id']}")).status_code == 204
    assert len(tenant.files_on_disk()) == 5
    # Not at once: whoever removed the row is about to do it.
    await sweeper.sweep()
    assert len(tenant.files_on_disk()) == 5
    await _age_removals(service)
    await sweeper.sweep()
    assert tenant.files_on_disk() == []
    assert await _count(service, "removals") == 0


async def test_a_removal_that_the_disk_refuses_does_not_hold_up_the_others(
    service: FileService, tenant: SampleTenant, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [(await tenant.stored(b"%d" % number))["storage_path"] for number in range(3)]
    remove = service.services.disk.remove

    async def refused(_: str) -> None:
        raise Unavailable("storage volume")

    async def mostly_refused(path: str) -> None:
        await (refused if path == paths[0] else remove)(path)

    monkeypatch.setattr(service.services.disk, "remove", refused)
    for file in (await tenant.request("GET", "/files")).json()["items"]:
        await tenant.request("DELETE", f"/files/{file['id']}")
    await _age_removals(service)
    monkeypatch.setattr(service.services.disk, "remove", mostly_refused)
    await sweeper.sweep()
    assert [path.name for path in tenant.files_on_disk()] == [paths[0].rpartition("/")[2]]
    assert await _count(service, "removals") == 1
    monkeypatch.setattr(service.services.disk, "remove", remove)
    await sweeper.sweep()
    assert await _count(service, "removals") == 0


async def test_removals_that_were_done_are_forgotten(
    service: FileService, tenant: SampleTenant, sweeper: Sweeper
) -> None:
    await tenant.request("DELETE", f"/files/{(await tenant.stored())['id']}")
    assert await _count(service, "removals") == 1
    await _age_removals(service)
    await sweeper.sweep()
    assert await _count(service, "removals") == 0


async def _age_removals(service: FileService) -> None:
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(text("UPDATE removals SET time_created = :then"), {"then": LONG_AGO})


async def _count(service: FileService, table: str) -> int:
    async with service.services.database.reading_across_tenants() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - our own names


async def deleted(service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch) -> str:
    """Delete the tenant; the host dies before its purge begins."""

    async def never(*_: Any) -> bool:
        return False

    with monkeypatch.context() as patched:
        patched.setattr(TenantPurge, "run", never)
        operation: str = (await service.http.delete(tenant.path)).json()["id"]
        await asyncio.gather(*service.hosting._purges)
    return operation


async def test_a_purge_that_never_began_is_done(
    service: FileService, tenant: SampleTenant, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.stored()
    tenant_id = (await tenant.request("GET", "")).json()["id"]
    operation = await deleted(service, tenant, monkeypatch)
    assert (await service.http.get(f"/v1/operations/{operation}")).json()["state"] == "running"
    await sweeper.sweep()
    assert (await service.http.get(f"/v1/operations/{operation}")).json()["state"] == "succeeded"
    assert await left_of(service, tenant_id, tenant.code) == {}


async def test_one_failure_does_not_hold_up_the_rest_of_a_round(
    service: FileService, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge and an upload cannot be finished now; everything else is."""
    stuck, gone, living = [await service.tenant() for _ in range(3)]
    operations = [await deleted(service, tenant, monkeypatch) for tenant in (stuck, gone)]
    uploads = [DeadUpload(living) for _ in range(2)]
    for upload in uploads:
        await upload.reserve()
        await upload.receive()
        await upload.grow_old()
    await living.request("DELETE", f"/files/{(await living.stored())['id']}")
    await _age_removals(service)

    original_run, original_call = sweeper._purge.run, service.hosting.call

    async def run(operation: str) -> bool:
        if operation == operations[0]:
            raise Unavailable("cache")
        return await original_run(operation)

    async def call(code: str, change: Any) -> Any:
        if change.id == uploads[0].id:
            raise NotFound("tenant")
        return await original_call(code, change)

    with monkeypatch.context() as patched:
        patched.setattr(sweeper._purge, "run", run)
        patched.setattr(service.hosting, "call", call)
        await sweeper.sweep()
    states = [(await service.http.get(f"/v1/operations/{operation}")).json()["state"] for operation in operations]
    assert states == ["running", "succeeded"]
    assert [await upload.row() for upload in uploads] == ["pending", None]
    assert await _count(service, "removals") == 1
    await sweeper.sweep()
    assert await uploads[0].row() is None


async def test_uploads_of_a_tenant_that_is_being_deleted_are_its_purges_business(
    service: FileService, tenant: SampleTenant, sweeper: Sweeper, upload: DeadUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upload.reserve()
    await upload.grow_old()
    await deleted(service, tenant, monkeypatch)
    asked: list[str] = []

    async def call(code: str, _: Any) -> None:
        asked.append(code)

    monkeypatch.setattr(service.hosting, "call", call)
    monkeypatch.setattr(sweeper._purge, "run", lambda _: asyncio.sleep(0))
    await sweeper.sweep()
    assert tenant.code not in asked


async def test_one_sweeper_works_at_a_time(
    service: FileService, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = service.services
    other = Sweeper(services.database, services.cache, services.disk, service.hosting, GRACE)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def held() -> None:
        reached.set()
        await go_on.wait()

    def never() -> None:
        raise AssertionError("two sweep at once")

    monkeypatch.setattr(sweeper, "_finish_operations", held)
    monkeypatch.setattr(other, "_finish_operations", never)
    first = asyncio.create_task(sweeper.sweep())
    await reached.wait()
    await other.sweep()
    go_on.set()
    await first


async def test_answers_are_kept_for_those_who_may_ask_again_and_not_for_ever(
    service: FileService, tenant: SampleTenant, sweeper: Sweeper
) -> None:
    file = await tenant.stored(headers={"Idempotency-Key": "one"})
    await tenant.patch(f"/files/{file['id']}", {"tags": ["x"]}, "*")
    tenant_id = UUID((await tenant.request("GET", "")).json()["id"])

    async def kept() -> tuple[int, int]:
        async with service.services.database.reading_across_tenants() as session:
            found = await session.execute(
                text(
                    "SELECT (SELECT count(*) FROM tenant_calls WHERE tenant_id = :id),"
                    " (SELECT count(*) FROM idempotency_keys WHERE tenant_id = :id)"
                ),
                {"id": tenant_id},
            )
            calls, keys = found.one()
        return calls, keys

    await sweeper.sweep()
    assert await kept() == (1, 1)
    async with service.services.database.transaction_across_tenants() as session:
        for table in ("tenant_calls", "idempotency_keys"):
            await session.execute(
                text(f"UPDATE {table} SET time_created = now() - interval '25 hours' WHERE tenant_id = :id"),  # noqa: S608
                {"id": tenant_id},
            )
    await sweeper.sweep()
    assert await kept() == (0, 0)


async def test_a_sweeper_goes_on_after_rounds_that_fail(
    sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sweeper_module, "ROUND_SECONDS", 0.0)
    rounds = iter([Unavailable("database"), ZeroDivisionError(), None])
    done = asyncio.Event()

    async def sweep() -> None:
        failure = next(rounds)
        if failure is None:
            done.set()
            await asyncio.Event().wait()
        else:
            raise failure

    monkeypatch.setattr(sweeper, "sweep", sweep)
    running = asyncio.create_task(sweeper.run())
    await done.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert {"sweep postponed", "sweep failed"} <= {record.message for record in caplog.records}


async def test_empty_folders_of_a_tenant_that_never_was_are_removed_when_they_are_old(
    service: FileService, tenant: SampleTenant
) -> None:
    services = service.services
    base, code = services.disk.base, f"t-{uuid4().hex}"
    await services.disk.prepare_tenant(code)
    (base / f"{code}-with-a-file").mkdir()
    (base / f"{code}-with-a-file" / "a").write_bytes(b"a")
    (base / f"{code}-is-a-file").write_bytes(b"a")
    young = Sweeper(services.database, services.cache, services.disk, service.hosting, GRACE)
    await young.sweep()
    assert (base / code).is_dir()

    # A second look is not due for an hour; another process looks at once.
    old = Sweeper(services.database, services.cache, services.disk, service.hosting, timedelta(0))
    await old.sweep()
    assert not (base / code).exists()
    assert not (base / ".incoming" / code).exists()
    assert (base / f"{code}-with-a-file" / "a").exists()
    assert (base / f"{code}-is-a-file").exists()
    assert (base / tenant.code).is_dir()
    await services.disk.prepare_tenant(code)
    await old.sweep()
    assert (base / code).is_dir()


async def test_folders_of_a_tenant_that_is_just_created_stay(service: FileService) -> None:
    """They are there, its row is not committed: who removes folders waits for it."""
    services = service.services
    code = f"t-{uuid4().hex}"
    folders = AbandonedFolders(services.database, services.disk, timedelta(0))
    async with services.database.transaction_across_tenants() as session:
        await tenant_crud.create(session, code, {}, {})
        await services.disk.prepare_tenant(code)
        removing = asyncio.create_task(folders.remove())
        waiting = 0
        while not waiting:
            await asyncio.sleep(0.01)
            waiting = await _count(service, "pg_locks WHERE NOT granted")
    await removing
    assert (services.disk.base / code).is_dir()
