"""Uploads: what is kept, what is refused, and that nothing stays of the refused."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator

import pytest

from storage.small_files import SMALL_BYTES
from tests.file_service import FileService, SampleTenant

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


async def test_an_upload_is_stored_under_its_tenant_and_month_and_comes_back_whole(
    service: FileService, tenant: SampleTenant
) -> None:
    content = b"hello world\n" * 1000
    answer = await tenant.upload(content, "Notes.TXT")
    file = answer.json()

    assert answer.status_code == 201
    assert answer.headers["location"] == f"{tenant.path}/files/{file['id']}"
    assert answer.headers["etag"] == '"m1"'
    assert file["id"].startswith("fs_")
    assert file["extension"] == ".txt"
    assert file["file_size_bytes"] == len(content)
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    month = file["time_created"][:7]
    assert file["storage_path"] == f"{tenant.code}/{month}/{file['id']}.txt"
    assert (service.services.disk.base / file["storage_path"]).read_bytes() == content
    download = await tenant.request("GET", f"/files/{file['id']}/content")
    assert download.content == content
    assert (await tenant.stats())["total_bytes"] == len(content)


async def test_raw_bytes_are_named_by_content_disposition(tenant: SampleTenant) -> None:
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Disposition": "attachment; filename*=UTF-8''%E2%82%AC%20rates.txt",
    }
    answer = await tenant.request("POST", "/files", content=b"rates", headers=headers)
    assert answer.status_code == 201
    assert answer.json()["file_name"] == "€ rates.txt"
    assert answer.json()["declared_media_type"] == "text/plain"


async def test_raw_bytes_without_a_name_are_refused(tenant: SampleTenant) -> None:
    answer = await tenant.request("POST", "/files", content=b"rates")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "Content-Disposition"


async def test_tags_and_metadata_may_come_before_or_after_the_file(tenant: SampleTenant) -> None:
    files = [
        ("tags", (None, json.dumps(["a", "b"]).encode())),
        ("file", ("x.txt", b"text", "text/plain")),
        ("metadata", (None, json.dumps({"k": 1}).encode())),
    ]
    answer = await tenant.request("POST", "/files", files=files)
    assert answer.status_code == 201
    assert answer.json()["tags"] == ["a", "b"]
    assert answer.json()["metadata"] == {"k": 1}


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        (
            [("file", ("a.txt", b"1", "text/plain")), ("file", ("b.txt", b"2", "text/plain"))],
            422,
            "one-file-per-request",
        ),
        ([("other", ("a.txt", b"1", "text/plain"))], 422, "one-file-per-request"),
        ([("tags", (None, b"{nonsense")), ("file", ("a.txt", b"1", "text/plain"))], 400, "bad-request"),
        ([("tags", (None, b'{"a": 1}')), ("file", ("a.txt", b"1", "text/plain"))], 422, "invalid-request"),
        ([("file", ("a.txt", b"1", "text/plain")), ("metadata", (None, b"[]"))], 422, "invalid-request"),
        ([("tags", (None, b"x" * 70_000)), ("file", ("a.txt", b"1", "text/plain"))], 422, "invalid-request"),
        ([("file", ("a\nb.txt", b"1", "text/plain"))], 422, "invalid-file-name"),
    ],
)
async def test_a_bad_form_is_refused_and_leaves_nothing(
    tenant: SampleTenant, files: list[tuple[str, object]], status: int, code: str
) -> None:
    answer = await tenant.request("POST", "/files", files=files)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert tenant.files_on_disk() == []
    stats = await tenant.stats()
    assert (stats["file_count"], stats["total_bytes"], stats["reserved_bytes"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("configuration", "name", "content", "status", "code"),
    [
        ({"max_file_size_bytes": 10}, "a.txt", b"x" * 11, 413, "file-too-large"),
        ({"allowed_extensions": ["pdf"]}, "a.txt", b"x", 415, "extension-not-allowed"),
        ({"denied_extensions": [".TXT"]}, "a.txt", b"x", 415, "extension-not-allowed"),
        ({"allowed_media_types": ["image/*"]}, "a.txt", b"x", 415, "media-type-not-allowed"),
        ({}, "a.txt", PNG, 422, "media-type-mismatch"),
        ({"max_total_bytes": 5}, "a.txt", b"x" * 6, 507, "quota-exceeded"),
        ({}, "a.zip", b"PK\x03\x04 not a zip", 422, "archive-unsafe"),
    ],
)
async def test_what_may_not_be_kept_is_refused_and_leaves_nothing(
    service: FileService, configuration: dict[str, object], name: str, content: bytes, status: int, code: str
) -> None:
    tenant = await service.tenant(**configuration)
    media_type = "application/zip" if name.endswith(".zip") else "text/plain"
    answer = await tenant.upload(content, name, media_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert tenant.files_on_disk() == []
    assert (await tenant.stats())["reserved_bytes"] == 0


async def test_a_chunked_body_is_counted_while_it_comes(service: FileService) -> None:
    tenant = await service.tenant(max_file_size_bytes=1000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 400
            yield b"x" * 400

    headers = {"Content-Disposition": 'attachment; filename="a.txt"'}
    answer = await tenant.request("POST", "/files", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert sent <= 1600
    assert tenant.files_on_disk() == []


async def test_a_second_file_over_the_count_is_refused(service: FileService) -> None:
    tenant = await service.tenant(max_files=1)
    await tenant.stored()
    answer = await tenant.upload(b"two")
    assert (answer.status_code, answer.json()["code"]) == (507, "quota-exceeded")


async def test_a_duplicate_is_refused_where_the_tenant_says_so(service: FileService) -> None:
    tenant = await service.tenant(duplicate_policy="reject")
    first = await tenant.stored(b"same")
    answer = await tenant.upload(b"same", "b.txt")
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate-file")
    assert answer.json()["file_id"] == first["id"]
    assert len(tenant.files_on_disk()) == 1


async def test_a_large_file_that_differs_from_its_digest_is_refused(tenant: SampleTenant) -> None:
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    answer = await tenant.upload(b"x" * (SMALL_BYTES + 1), headers={"Repr-Digest": f"sha-256=:{wrong}:"})
    assert (answer.status_code, answer.json()["code"]) == (422, "digest-mismatch")
    assert tenant.files_on_disk() == []
    assert (await tenant.stats())["file_count"] == 0


async def test_bytes_that_differ_from_their_digest_are_refused(tenant: SampleTenant) -> None:
    right = base64.b64encode(hashlib.sha256(b"text").digest()).decode()
    answer = await tenant.upload(b"text", headers={"Repr-Digest": f"sha-256=:{right}:"})
    assert answer.status_code == 201
    assert answer.headers["repr-digest"] == f"sha-256=:{right}:"
    answer = await tenant.upload(b"other", headers={"Repr-Digest": f"sha-256=:{right}:"})
    assert (answer.status_code, answer.json()["code"]) == (422, "digest-mismatch")
    answer = await tenant.upload(b"other", headers={"Repr-Digest": "sha-256=:bad:"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
    assert len(tenant.files_on_disk()) == 1


async def test_an_upload_sent_twice_under_one_key_is_stored_once(tenant: SampleTenant) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await tenant.upload(b"text", headers=headers)
    again = await tenant.upload(b"text", headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(tenant.files_on_disk()) == 1


async def test_a_key_cannot_be_used_for_another_upload(tenant: SampleTenant) -> None:
    headers = {"Idempotency-Key": "one"}
    await tenant.stored(b"text", headers=headers)
    for content, name in ((b"other", "a.txt"), (b"text", "b.txt")):
        answer = await tenant.upload(content, name, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    answer = await tenant.upload(headers={"Idempotency-Key": "not a key"})
    assert answer.status_code == 400


async def test_a_failed_upload_leaves_its_key_free(service: FileService) -> None:
    tenant = await service.tenant(max_file_size_bytes=3)
    headers = {"Idempotency-Key": "one"}
    assert (await tenant.upload(b"text", headers=headers)).status_code == 413
    assert (await tenant.upload(b"txt", headers=headers)).status_code == 201


async def test_a_key_is_refused_while_its_first_upload_runs(tenant: SampleTenant) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"te"
        begun.set()
        await go_on.wait()
        yield b"xt"

    headers = {
        "Idempotency-Key": "one",
        "Content-Disposition": "attachment; filename=a.txt",
        "Content-Type": "text/plain",
    }
    first = asyncio.create_task(tenant.request("POST", "/files", content=slow(), headers=headers))
    await begun.wait()
    second = await tenant.upload(b"text", headers={"Idempotency-Key": "one"})
    assert (second.status_code, second.json()["code"]) == (409, "idempotency-key-in-use")
    go_on.set()
    assert (await first).status_code == 201
    # The form in which the same upload comes does not matter.
    assert (await tenant.upload(b"text", headers={"Idempotency-Key": "one"})).status_code == 201
