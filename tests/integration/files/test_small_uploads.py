"""Small files: in their place before they have a row, and whatever happens in between, one or nothing of both."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, update

from actors.sweeper import Sweeper
from actors.tenant_actor import TenantActor
from actors.tenant_changes import Change, DeleteFile
from actors.upload_changes import AbandonFile, StoreFile
from storage.errors import NotFound, TenantActorFenced, TenantSuspended, Unavailable
from storage.files_on_disk import storage_path
from storage.identifiers import new_id
from storage.models import Removal, Tenant
from storage.records import FileRecord
from storage.small_files import SmallFiles
from tests.file_service import FileService, SampleTenant, left_of

RAW = {"Content-Type": "text/plain", "Content-Disposition": 'attachment; filename="a.txt"'}


async def settled(service: FileService, tenant: SampleTenant) -> list[str]:
    """The tenant's files on the disk, once second names of stored ones are gone."""
    await service.services.small_files.close()
    return [str(path.relative_to(service.services.disk.base)) for path in tenant.files_on_disk()]


async def test_a_small_file_lies_in_its_place_under_one_name(service: FileService, tenant: SampleTenant) -> None:
    file = await tenant.stored(b"some text")
    assert await settled(service, tenant) == [file["storage_path"]]
    assert (await tenant.stats())["reserved_bytes"] == 0
    assert (await tenant.request("GET", f"/files/{file['id']}/content")).content == b"some text"


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_of_any_form_is_stored_whole(
    service: FileService, tenant: SampleTenant, *, announced: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"some "
        yield b"text"

    content: Any = b"some text" if announced else pieces()
    answer = await tenant.request("POST", "/files", content=content, headers=RAW)
    assert (answer.status_code, answer.json()["file_size_bytes"]) == (201, 9)
    assert len(await settled(service, tenant)) == 1


async def test_what_is_refused_leaves_nothing(service: FileService) -> None:
    tenant = await service.tenant(duplicate_policy="reject", max_total_bytes=20, denied_media_types=["image/png"])
    kept = await tenant.stored(b"0123456789")
    png = b"\x89PNG\r\n\x1a\n"
    refused = [
        (await tenant.upload(png, "a.bin", "application/octet-stream"), 415, "media-type-not-allowed"),
        (await tenant.upload(png, "a.txt"), 415, "media-type-not-allowed"),
        (await tenant.upload(b"%PDF-1.4 ", "a.png", "image/jpeg"), 422, "media-type-mismatch"),
        (await tenant.upload(b"0123456789"), 409, "duplicate-file"),
        (await tenant.upload(b"01234567890"), 507, "quota-exceeded"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer, _, _ in refused] == [
        (status, code) for _, status, code in refused
    ]
    assert await settled(service, tenant) == [kept["storage_path"]]
    stats = await tenant.stats()
    assert (stats["file_count"], stats["total_bytes"], stats["reserved_bytes"]) == (1, 10, 0)


async def test_a_suspended_tenant_stores_nothing(service: FileService, tenant: SampleTenant) -> None:
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(update(Tenant).where(Tenant.code == tenant.code).values(status="suspended"))
    with pytest.raises(TenantSuspended):
        await service.hosting.call(tenant.code, store(tenant))


def unheard(service: FileService, monkeypatch: pytest.MonkeyPatch, *, is_applied: bool, is_away: bool = False) -> None:
    """Stores whose answer is lost: after they were applied, or before. `is_away`: nothing else is answered either."""
    original = service.services.tenants.call

    async def call(record: Any, change: Change[Any]) -> Any:
        if isinstance(change, StoreFile):
            if is_applied:
                await original(record, change)
            raise Unavailable("tenant's worker")
        if is_away:
            raise Unavailable("tenant's worker")
        return await original(record, change)

    monkeypatch.setattr(service.services.tenants, "call", call)


@pytest.mark.parametrize("is_applied", [True, False])
async def test_a_store_whose_answer_was_lost_is_found_out_about(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch, *, is_applied: bool
) -> None:
    unheard(service, monkeypatch, is_applied=is_applied)
    assert (await tenant.upload(b"kept")).status_code == 503
    items = (await tenant.request("GET", "/files")).json()["items"]
    assert await settled(service, tenant) == [item["storage_path"] for item in items]
    assert len(items) == is_applied


def sweeper(service: FileService) -> Sweeper:
    services = service.services
    return Sweeper(services.database, services.cache, services.disk, service.hosting, timedelta(0))


@pytest.mark.parametrize("is_applied", [True, False])
async def test_what_nobody_could_find_out_about_the_sweeper_settles(
    service: FileService,
    tenant: SampleTenant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    is_applied: bool,
) -> None:
    with monkeypatch.context() as patched:
        unheard(service, patched, is_applied=is_applied, is_away=True)
        assert (await tenant.upload(b"kept")).status_code == 503
    assert "upload left to the sweeper" in [record.message for record in caplog.records]
    # Its place, and the name that says where that is.
    assert len(await settled(service, tenant)) == 2
    await sweeper(service).sweep()
    items = (await tenant.request("GET", "/files")).json()["items"]
    assert await settled(service, tenant) == [item["storage_path"] for item in items]
    assert len(items) == is_applied


async def test_bytes_that_never_came_to_their_place_are_swept(service: FileService, tenant: SampleTenant) -> None:
    place = storage_path(tenant.code, datetime.now(UTC), new_id("fs"), ".txt")
    service.services.disk.small_incoming_path(place).write_bytes(b"half")
    await sweeper(service).sweep()
    assert await settled(service, tenant) == []


async def test_a_young_name_is_left_alone(service: FileService, tenant: SampleTenant) -> None:
    place = storage_path(tenant.code, datetime.now(UTC), new_id("fs"), ".txt")
    path = service.services.disk.small_incoming_path(place)
    path.write_bytes(b"half")
    services = service.services
    patient = Sweeper(services.database, services.cache, services.disk, service.hosting, timedelta(hours=1))
    await patient.sweep()
    assert path.exists()
    os.utime(path, (time.time() - 3601,) * 2)
    # It does not look again at once: it would look into a folder of every tenant.
    await patient.sweep()
    assert path.exists()
    patient._look_at_incoming = 0
    await patient.sweep()
    assert not path.exists()


async def test_stray_bytes_of_a_large_upload_are_swept_and_those_of_a_pending_one_stay(
    service: FileService, tenant: SampleTenant
) -> None:
    folder = service.services.disk.base / ".incoming" / tenant.code
    stray, foreign = folder / new_id("fs"), folder / "not-ours"
    for path in (stray, foreign):
        path.write_bytes(b"half")
    await sweeper(service).sweep()
    assert not stray.exists()
    # What Muniment did not name it does not touch.
    assert foreign.exists()
    foreign.unlink()


def store(tenant: SampleTenant, **fields: Any) -> StoreFile:
    now, file_id = datetime.now(UTC), new_id("fs")
    values: dict[str, Any] = {
        "id": file_id,
        "storage_path": storage_path(tenant.code, now, file_id, ".txt"),
        "valid_until": now + timedelta(minutes=1),
    } | fields
    return StoreFile(
        call_id=uuid4(),
        file_name="a.txt",
        declared_media_type="",
        extension=".txt",
        time_created=now,
        file_size_bytes=4,
        media_type="text/plain",
        sha256="0" * 64,
        tags=[],
        metadata={},
        **values,
    )


async def test_a_store_that_is_sent_again_stores_once(service: FileService, tenant: SampleTenant) -> None:
    change = store(tenant)
    first = await service.hosting.call(tenant.code, change)
    assert await service.hosting.call(tenant.code, change) == first
    assert (await tenant.stats())["file_count"] == 1


async def test_a_store_that_comes_after_its_bytes_were_given_up_finds_nothing(
    service: FileService, tenant: SampleTenant
) -> None:
    """The race: the sweeper takes an upload for dead whose process only stood still."""
    change = store(tenant)
    assert not await service.hosting.call(tenant.code, AbandonFile(uuid4(), change.id, change.storage_path))
    with pytest.raises(NotFound):
        await service.hosting.call(tenant.code, change)
    # Once more: what was remembered is remembered once.
    assert not await service.hosting.call(tenant.code, AbandonFile(uuid4(), change.id, change.storage_path))
    async with service.services.database.reading_across_tenants() as session:
        found = await session.scalars(select(Removal).where(Removal.storage_path == change.storage_path))
        assert len(found.all()) == 1


async def test_a_store_that_is_sent_again_does_not_bring_a_deleted_file_back(
    service: FileService, tenant: SampleTenant
) -> None:
    change = store(tenant)
    await service.hosting.call(tenant.code, change)
    await service.hosting.call(tenant.code, DeleteFile(uuid4(), change.id))
    with pytest.raises(NotFound):
        await service.hosting.call(tenant.code, change)


async def test_a_store_that_comes_too_late_is_refused(service: FileService, tenant: SampleTenant) -> None:
    with pytest.raises(Unavailable):
        await service.hosting.call(tenant.code, store(tenant, valid_until=datetime.now(UTC)))


async def test_other_changes_of_the_same_moment_see_what_is_stored(service: FileService, tenant: SampleTenant) -> None:
    await service.hosting.call(tenant.code, store(tenant))
    kept, gone = store(tenant), store(tenant)
    record, is_stored, _, _ = await asyncio.gather(
        service.hosting.call(tenant.code, kept),
        service.hosting.call(tenant.code, AbandonFile(uuid4(), kept.id, kept.storage_path)),
        service.hosting.call(tenant.code, gone),
        service.hosting.call(tenant.code, DeleteFile(uuid4(), gone.id)),
    )
    assert is_stored
    assert await service.hosting.call(tenant.code, kept) == record
    assert (await tenant.stats())["file_count"] == 2


async def test_an_older_activation_stores_nothing(service: FileService, tenant: SampleTenant) -> None:
    services = service.services
    old, new = [
        await TenantActor.activate(tenant.code, services.database, services.cache, services.disk) for _ in range(2)
    ]
    with pytest.raises(TenantActorFenced):
        await old.call(store(tenant))
    await new.call(store(tenant))
    assert (await tenant.stats())["file_count"] == 1
    for actor in (old, new):
        await actor.close()


async def test_nothing_is_stored_when_the_tenant_is_gone(service: FileService, tenant: SampleTenant) -> None:
    services = service.services
    actor = await TenantActor.activate(tenant.code, services.database, services.cache, services.disk)
    deletion = await service.http.delete(tenant.path, headers={"Prefer": "wait=30"})
    assert deletion.json()["state"] == "succeeded"
    with pytest.raises(NotFound):
        await actor.call(store(tenant))
    assert actor.retired
    await actor.close()


async def test_what_the_driver_cannot_send_fails_alone(service: FileService, tenant: SampleTenant) -> None:
    bad, good = replace(store(tenant), file_name="\ud800"), store(tenant)
    failed, stored = await asyncio.gather(
        service.hosting.call(tenant.code, bad), service.hosting.call(tenant.code, good), return_exceptions=True
    )
    assert isinstance(failed, RuntimeError)
    assert isinstance(stored, FileRecord)


@pytest.mark.parametrize("step", ["place", "store"])
async def test_a_tenant_that_goes_meanwhile_is_not_found_and_nothing_stays(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    tenant_id = (await tenant.request("GET", "")).json()["id"]
    reached, go_on = asyncio.Event(), asyncio.Event()
    place, call = SmallFiles.place, service.services.tenants.call

    async def held_place(*arguments: Any) -> Any:
        reached.set()
        await go_on.wait()
        return await place(*arguments)

    async def held_call(record: Any, change: Change[Any]) -> Any:
        if isinstance(change, StoreFile):
            reached.set()
            await go_on.wait()
        return await call(record, change)

    if step == "place":
        monkeypatch.setattr(SmallFiles, "place", held_place)
    else:
        monkeypatch.setattr(service.services.tenants, "call", held_call)
    upload = asyncio.create_task(tenant.upload())
    await reached.wait()
    deletion = await service.http.delete(tenant.path, headers={"Prefer": "wait=30"})
    assert deletion.json()["state"] == "succeeded"
    go_on.set()
    assert (await upload).status_code == 404
    await service.services.small_files.close()
    assert await left_of(service, tenant_id, tenant.code) == {}


async def test_a_client_that_goes_away_amid_the_commit_has_a_whole_file_or_none(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()
    call = service.services.tenants.call

    async def held(record: Any, change: Change[Any]) -> Any:
        reached.set()
        await go_on.wait()
        return await call(record, change)

    monkeypatch.setattr(service.services.tenants, "call", held)
    upload = asyncio.create_task(tenant.upload())
    await reached.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    go_on.set()
    items: list[Any] = []
    async with asyncio.timeout(10):
        while not items:
            items = (await tenant.request("GET", "/files")).json()["items"]
    assert await settled(service, tenant) == [items[0]["storage_path"]]


async def test_many_at_once_are_each_as_they_were_sent(service: FileService, tenant: SampleTenant) -> None:
    answers: list[httpx.Response] = await asyncio.gather(
        *(tenant.upload(f"file {number}".encode(), f"{number}.txt") for number in range(100))
    )
    files = [answer.json() for answer in answers]
    base = service.services.disk.base
    assert [(base / file["storage_path"]).read_text() for file in files] == [f"file {n}" for n in range(100)]
    assert sorted(await settled(service, tenant)) == sorted(file["storage_path"] for file in files)
    assert (await tenant.stats())["file_count"] == 100
