"""Uploads in pieces are refused as others are, and end as others do: nothing stays of them."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from actors.sweeper import Sweeper
from actors.tenant_changes import Change
from actors.upload_changes import AbandonFile, CommitFile
from serve_apps.files import committing
from storage.cache_keys import tenant_key
from storage.errors import Unavailable
from storage.upload_checks import verdict
from tests.file_service import FileService, SampleTenant, left_of
from tests.resumable_client import NAMED, PIECE, TUS, SampleUpload, begin, begun, described
from tests.unit.upload_checks.archive_samples import zip_of

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
TEXT = b"some text that comes in pieces"


async def left(service: FileService, tenant: SampleTenant) -> dict[str, Any]:
    """What there is of uploads that are not finished."""
    stats = await tenant.stats()
    async with service.services.database.reading_across_tenants() as session:
        rows = await session.execute(
            text(
                "SELECT (SELECT count(*) FROM resumable_uploads u WHERE u.tenant_id = _id),"
                " (SELECT count(*) FROM files f WHERE f.tenant_id = _id AND f.state = 'pending'), reserved_files"
                " FROM tenants WHERE code = :code"
            ),
            {"code": tenant.code},
        )
    uploads, pending, reserved = rows.one()
    counted = {"uploads": uploads, "pending": pending, "reserved_files": reserved, "bytes": stats["reserved_bytes"]}
    incoming = service.services.disk.base / ".incoming" / tenant.code
    return {name: value for name, value in (counted | {"incoming": list(incoming.iterdir())}).items() if value}


def named(name: str, media_type: str = "") -> dict[str, str]:
    return {"Upload_Metadata": described(filename=name, filetype=media_type)}


@pytest.mark.parametrize(
    ("rules", "description", "status", "code"),
    [
        ({"max_file_size_bytes": 29}, named("a.txt"), 413, "file-too-large"),
        ({"max_file_size_bytes": 29, "denied_extensions": ["exe"]}, named("a.exe"), 413, "file-too-large"),
        ({"denied_extensions": ["exe"], "max_total_bytes": 1}, named("a.exe"), 415, "extension-not-allowed"),
        ({"denied_media_types": ["image/*"]}, named("a.png", "image/png"), 415, "media-type-not-allowed"),
        ({"max_total_bytes": 29}, named("a.txt"), 507, "quota-exceeded"),
        ({"max_files": 1}, named("a.txt"), 507, "quota-exceeded"),
    ],
)
async def test_what_the_headers_tell_is_refused_at_creation(
    service: FileService, rules: dict[str, Any], description: dict[str, str], status: int, code: str
) -> None:
    tenant = await service.tenant(**rules)
    if "max_files" in rules:
        await tenant.stored()
    answer = await begin(tenant, Upload_Length=str(len(TEXT)), **description)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await left(service, tenant) == {}


@pytest.mark.parametrize(
    ("rules", "name", "content", "status", "code"),
    [
        ({"denied_media_types": ["image/png"]}, "a.bin", PNG, 415, "media-type-not-allowed"),
        ({}, "a.pdf", PNG, 422, "media-type-mismatch"),
        ({}, "a.zip", zip_of({"../a": b"x"}), 422, "archive-unsafe"),
        ({"duplicate_policy": "reject"}, "a.txt", b"some text", 409, "duplicate-file"),
    ],
)
@pytest.mark.parametrize("way", ["pieces", "creation"])
async def test_what_the_content_tells_is_refused_at_the_end(
    service: FileService, rules: dict[str, Any], name: str, content: bytes, status: int, code: str, way: str
) -> None:
    tenant = await service.tenant(**rules)
    await tenant.stored(b"some text")
    if way == "creation":
        answer = await begin(tenant, content, Upload_Length=str(len(content)), **named(name))
    else:
        upload = await begun(tenant, len(content), **named(name))
        await upload.send(content[:5], 0)
        answer = await upload.send(content[5:], 5)
        assert (await upload.head()).status_code == 404
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await left(service, tenant) == {}
    assert (await tenant.stats())["file_count"] == 1


async def test_the_whole_length_is_reserved_from_the_beginning(service: FileService) -> None:
    """Ten begin at once where there is room for three."""
    tenant = await service.tenant(max_total_bytes=100)
    answers = await asyncio.gather(*(begin(tenant, Upload_Length="30") for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [507] * 7
    assert (await tenant.upload(b"x" * 11)).status_code == 507
    assert (await tenant.upload(b"x" * 10)).status_code == 201
    for answer in answers:
        if answer.status_code == 201:
            path = answer.headers["location"].removeprefix(tenant.path)
            assert (await tenant.request("DELETE", path, headers=TUS)).status_code == 204
    assert (await tenant.upload(b"x" * 90)).status_code == 201


async def test_a_deferred_length_meets_the_quota_as_the_bytes_come(service: FileService) -> None:
    tenant = await service.tenant(max_total_bytes=100, max_file_size_bytes=1000)
    upload = await begun(tenant, None)
    await upload.send(b"x" * 60, 0)
    assert (await tenant.upload(b"y" * 41)).status_code == 507
    answer = await upload.send(b"x" * 41, 60)
    assert (answer.status_code, answer.json()["code"]) == (507, "quota-exceeded")
    assert (await upload.head()).status_code == 404
    assert await left(service, tenant) == {}


async def test_a_deferred_length_may_turn_out_too_large(service: FileService) -> None:
    tenant = await service.tenant(max_file_size_bytes=100)
    said, sent = await begun(tenant, None), await begun(tenant, None)
    answers = [await said.send(b"x", 0, Upload_Length="101"), await sent.send(b"x" * 101, 0)]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")
        assert answer.headers["tus-max-size"] == "100"
    assert (await said.head()).status_code == 404
    # By its Content-Length, before a byte of it was taken.
    assert await sent.offset() == 0

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 60

    assert (await sent.send(endless(), 0)).status_code == 413
    assert (await sent.head()).status_code == 404
    assert await left(service, tenant) == {}


async def test_a_deferred_length_may_turn_out_more_than_the_quota(service: FileService) -> None:
    tenant = await service.tenant(max_total_bytes=100)
    upload = await begun(tenant, None)
    assert (await upload.send(b"x", 0, Upload_Length="101")).status_code == 507
    assert await left(service, tenant) == {}


async def test_keys_and_tenants_are_looked_at_as_everywhere(service: FileService, tenant: SampleTenant) -> None:
    upload = await begun(tenant, len(TEXT))
    other = await service.tenant()
    strange = SampleUpload(SampleTenant(service, tenant.code, other.key), upload.id)
    mine = SampleUpload(other, upload.id)
    answer = await tenant.request("POST", "/api-keys", json={"scopes": ["files:read"]})
    reader = SampleUpload(SampleTenant(service, tenant.code, answer.json()["secret"]), upload.id)
    for who, status in ((strange, 404), (mine, 404), (reader, 403)):
        for answer in (await who.head(), await who.send(TEXT, 0), await who.request("DELETE")):
            assert answer.status_code == status
    assert (await begin(reader.tenant, Upload_Length="5")).status_code == 403
    assert (await reader.tenant.request("OPTIONS", "/uploads")).status_code == 403
    assert (await upload.send(TEXT, 0)).status_code == 204


async def suspend(service: FileService, tenant: SampleTenant) -> None:
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(
            text("UPDATE tenants SET status = 'suspended', version = 2 WHERE code = :code"), {"code": tenant.code}
        )
    await service.services.cache.invalidate({tenant_key(tenant.code): 2})


async def test_a_suspended_tenant_takes_no_uploads(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, whole = await begun(tenant, len(TEXT)), await begun(tenant, len(TEXT))
    await upload.send(TEXT[:5], 0)
    with monkeypatch.context() as patched:
        patched.setattr(committing, "check_content", away)
        assert (await whole.send(TEXT, 0)).status_code == 503
    await suspend(service, tenant)
    refused = [
        await begin(tenant, Upload_Length="5"),
        await upload.send(TEXT[5:], 5),
        await upload.request("DELETE"),
        await whole.head(),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert refused[0].json()["code"] == "tenant-suspended"
    assert await upload.offset() == 5


async def test_pieces_cost_bytes_and_not_requests(service: FileService) -> None:
    tenant = await service.tenant(rate_limit={"requests_per_minute": 2, "upload_bytes_per_minute": 20})
    upload = await begun(tenant, len(TEXT))
    for start in range(0, 20, 5):
        assert (await upload.send(TEXT[start : start + 5], start)).status_code == 204
    refused = await upload.send(TEXT[20:], 20)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    assert refused.headers["retry-after"]
    assert refused.headers["upload-expires"]
    assert await upload.offset() == 20


async def away(*_: Any) -> None:
    raise Unavailable("archive check")


async def test_a_file_that_cannot_be_judged_now_is_judged_when_it_is_asked_for(
    tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All bytes are there: they need not be sent again, whichever way the client asks."""
    for ask in (SampleUpload.head, lambda upload: upload.send(b"", len(TEXT))):
        upload = await begun(tenant, len(TEXT))
        with monkeypatch.context() as patched:
            patched.setattr(committing, "check_content", away)
            answer = await upload.send(TEXT, 0)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert (await upload.head()).status_code == 503
        answer = await ask(upload)
        assert answer.is_success
        assert answer.headers["x-file-id"]
        assert await upload.content() == TEXT


async def test_what_is_asked_for_after_the_bytes_were_refused_is_gone(
    tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await begun(tenant, len(PNG), **named("a.pdf"))
    with monkeypatch.context() as patched:
        patched.setattr(committing, "check_content", away)
        assert (await upload.send(PNG, 0)).status_code == 503
    assert [(await upload.head()).status_code for _ in range(2)] == [422, 404]


@pytest.mark.parametrize("renamed", [False, True])
async def test_a_process_that_died_while_it_finished_is_finished_by_the_next(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch, *, renamed: bool
) -> None:
    """It died before the bytes were in their place, or after and before the row said so."""

    async def dies(*_: Any) -> None:
        raise asyncio.CancelledError

    original = service.services.tenants.call

    async def dies_at_commit(record: Any, change: Change[Any]) -> Any:
        if isinstance(change, CommitFile):
            raise asyncio.CancelledError
        return await original(record, change)

    upload = await begun(tenant, len(TEXT))
    with monkeypatch.context() as patched:
        if renamed:
            patched.setattr(service.services.tenants, "call", dies_at_commit)
        else:
            patched.setattr(service.services.disk, "keep", dies)
        with pytest.raises(asyncio.CancelledError):
            await upload.send(TEXT, 0)
    (path,) = tenant.files_on_disk()
    assert (path.suffix == ".txt") == renamed
    assert await upload.content() == TEXT
    assert (await tenant.stats())["file_count"] == 1
    assert await left(service, tenant) == {"uploads": 1}


async def test_a_creation_that_cannot_be_written_down_leaves_nothing(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("storage.resumable_uploads.add", away)
        assert (await begin(tenant, Upload_Length="5")).status_code == 503
    assert await left(service, tenant) == {}


async def test_an_upload_whose_row_goes_while_it_is_finished_leaves_no_bytes(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended, as by DELETE on another replica, when its bytes are in their place."""
    original = service.services.disk.keep

    async def keep(received: Any, path: str) -> None:
        await original(received, path)
        (row,) = [path.name for path in tenant.files_on_disk()]
        await service.hosting.call(tenant.code, AbandonFile(uuid4(), row.partition(".")[0]))
        (service.services.disk.base / path).write_bytes(b"renamed just after it was looked for")

    upload = await begun(tenant, len(TEXT))
    with monkeypatch.context() as patched:
        patched.setattr(service.services.disk, "keep", keep)
        assert (await upload.send(TEXT, 0)).status_code == 404
    assert await left(service, tenant) == {}
    assert tenant.files_on_disk() == []


async def test_a_tenant_that_is_deleted_while_its_upload_is_finished_takes_it_along(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = verdict.check_content

    async def delete_first(*given: Any) -> Any:
        verdict = await original(*given)
        await service.http.delete(tenant.path, headers={"Prefer": "wait=30"})
        return verdict

    upload = await begun(tenant, len(TEXT))
    tenant_id = (await tenant.request("GET", "")).json()["id"]
    with monkeypatch.context() as patched:
        patched.setattr(committing, "check_content", delete_first)
        assert (await upload.send(TEXT, 0)).status_code == 404
    assert await left_of(service, tenant_id, tenant.code) == {}


@pytest.fixture
def sweeper(service: FileService) -> Sweeper:
    services = service.services
    return Sweeper(services.database, services.cache, services.disk, service.hosting, timedelta(hours=1))


async def let_expire(service: FileService, *uploads: SampleUpload) -> None:
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(
            text("UPDATE resumable_uploads SET time_expires = now() WHERE id = ANY(:ids)"),
            {"ids": [upload.id for upload in uploads]},
        )


async def test_an_upload_that_expired_is_gone_and_then_swept(
    service: FileService, tenant: SampleTenant, sweeper: Sweeper
) -> None:
    upload, finished = await begun(tenant, len(TEXT)), await begun(tenant, len(TEXT))
    await upload.send(TEXT[:5], 0)
    file_id = (await finished.send(TEXT, 0)).headers["x-file-id"]
    await let_expire(service, upload, finished)
    for answer in (await upload.send(TEXT[5:], 5), await upload.request("DELETE")):
        assert (answer.status_code, answer.json()["code"]) == (410, "upload-expired")
    gone = await upload.head()
    assert (gone.status_code, "upload-offset" in gone.headers) == (410, False)
    await sweeper.sweep()
    assert (await upload.head()).status_code == (await finished.head()).status_code == 404
    assert await left(service, tenant) == {}
    assert (await tenant.request("GET", f"/files/{file_id}/content")).content == TEXT


async def test_what_is_gone_on_with_lives_on(service: FileService, tenant: SampleTenant, sweeper: Sweeper) -> None:
    """Its file's row is old, and no byte came for longer than other uploads have."""
    upload = await begun(tenant, len(TEXT))
    await upload.send(TEXT[:5], 0)
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(
            text("UPDATE files SET time_created = now() - interval '2 hours' WHERE state = 'pending'")
        )
        await session.execute(
            text("UPDATE resumable_uploads SET time_expires = now() + interval '1 minute' WHERE id = :id"),
            {"id": upload.id},
        )
    (path,) = tenant.files_on_disk()
    os.utime(path, (0, 0))
    await sweeper.sweep()
    answer = await upload.send(TEXT[5:10], 5)
    assert answer.status_code == 204
    left_to_live = parsedate_to_datetime(answer.headers["upload-expires"]) - datetime.now(UTC)
    assert left_to_live > timedelta(hours=23)
    await sweeper.sweep()
    await upload.send(TEXT[10:], 10)
    assert await upload.content() == TEXT


async def test_an_expired_upload_that_cannot_be_swept_now_does_not_hold_up_others(
    service: FileService, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, living = await service.tenant(), await service.tenant()
    uploads = [await begun(tenant, 5) for tenant in (stuck, living)]
    await let_expire(service, *uploads)
    original = service.hosting.call

    async def call(code: str, change: Change[Any]) -> Any:
        if code == stuck.code:
            raise Unavailable("tenant's worker")
        return await original(code, change)

    with monkeypatch.context() as patched:
        patched.setattr(service.hosting, "call", call)
        await sweeper.sweep()
    assert [bool(await left(service, tenant)) for tenant in (stuck, living)] == [True, False]
    await sweeper.sweep()
    assert await left(service, stuck) == {}


async def test_a_deleted_tenant_keeps_nothing_of_its_uploads(service: FileService, tenant: SampleTenant) -> None:
    unfinished, finished = await begun(tenant, len(TEXT)), await begun(tenant, len(TEXT))
    await unfinished.send(TEXT[:5], 0)
    await finished.send(TEXT, 0)
    tenant_id = (await tenant.request("GET", "")).json()["id"]
    answer = await service.http.delete(tenant.path, headers={"Prefer": "wait=30"})
    assert answer.json()["result"] == {"rows_left": 0, "bytes_left": 0} | {
        "cache_entries_removed": answer.json()["result"]["cache_entries_removed"]
    }
    assert await left_of(service, tenant_id, tenant.code) == {}
    headers = TUS | NAMED | PIECE | {"Upload-Offset": "5"}
    assert (await service.http.patch(tenant.path + unfinished.path, headers=headers)).status_code == 404
