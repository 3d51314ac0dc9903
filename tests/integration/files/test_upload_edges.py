"""Uploads at their edges: strange forms, clients that go away, full volumes, keys that are sent again."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from starlette.types import Message

from actors.tenant_changes import Change
from actors.upload_changes import CommitFile
from serve_apps.files import upload_body
from storage import files_on_disk, idempotency
from storage.errors import Unavailable
from storage.small_files import SMALL_BYTES
from tests.file_service import OPERATOR_KEY, FileService, SampleTenant

RAW = {"Content-Disposition": "attachment; filename=a.txt", "Content-Type": "text/plain"}
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def part(name: str, content: bytes, more: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n'.encode() + b"\r\n" + content + b"\r\n"


FILE = part("file", b"some text", '; filename="a.txt"')


async def in_pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def nothing_left(service: FileService, tenant: SampleTenant) -> bool:
    stats = await tenant.stats()
    async with service.services.database.reading_across_tenants() as session:
        rows = await session.scalar(
            text("SELECT count(*) FROM files JOIN tenants ON tenant_id = _id WHERE code = :code"), {"code": tenant.code}
        )
    counted = (stats["file_count"], stats["total_bytes"], stats["reserved_bytes"], rows)
    return counted == (0, 0, 0, 0) and tenant.files_on_disk() == []


async def test_other_parts_of_a_form_are_read_over(tenant: SampleTenant) -> None:
    body = part("csrf", b"x") + part("tags", b'["a"]') + FILE + part("other", b"y" * 1000) + b"--b--\r\nepilogue"
    answer = await tenant.request("POST", "/files", content=body, headers=FORM)
    assert (answer.status_code, answer.json()["tags"]) == (201, ["a"])


async def test_empty_fields_are_as_if_they_were_not_there(tenant: SampleTenant) -> None:
    body = part("tags", b"") + FILE + part("metadata", b"  ") + b"--b--\r\n"
    answer = await tenant.request("POST", "/files", content=body, headers=FORM)
    assert (answer.status_code, answer.json()["tags"], answer.json()["metadata"]) == (201, [], {})


@pytest.mark.parametrize("where", ["before", "after"])
async def test_what_is_not_the_file_has_a_bound(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Else a form of many small fields would fill the memory, and its file be taken for larger than it is."""
    monkeypatch.setattr(upload_body, "MAX_FORM_OVERHEAD", 5000)
    fields = [part(f"field-{number}", b"x" * 1000) for number in range(10)]
    pieces = [*fields, FILE] if where == "before" else [FILE, *fields]
    answer = await tenant.request("POST", "/files", content=in_pieces(*pieces, b"--b--\r\n"), headers=FORM)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
    assert await nothing_left(service, tenant)
    # The file itself may be as large as it likes, in whatever pieces it comes.
    large = [part("file", b"y" * 20_000, '; filename="a.txt"')[start : start + 700] for start in range(0, 21_000, 700)]
    answer = await tenant.request("POST", "/files", content=in_pieces(*large, b"--b--\r\n"), headers=FORM)
    assert (answer.status_code, answer.json()["file_size_bytes"]) == (201, 20_000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        FILE,
        FILE + b"--b",
        FILE[:60],
        b"--b--\r\n",
        part("tags", b"[]") + b"--b--\r\n",
        b"--b\r\n\r\n",
    ],
)
async def test_half_a_form_is_refused(service: FileService, tenant: SampleTenant, body: bytes) -> None:
    answer = await tenant.request("POST", "/files", content=body, headers=FORM)
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"bad-request", "one-file-per-request"}
    assert await nothing_left(service, tenant)


@pytest.mark.parametrize(
    "media_type", ["a\0b", "x" * 300, "text/\x7f", "pdf", "text/", "/x", "a b/c", 'text/"x', "text/ä", "a/b/c"]
)
async def test_a_type_that_no_header_should_hold_is_refused(tenant: SampleTenant, media_type: str) -> None:
    body = FILE.replace(b"\r\n\r\n", f"\r\nContent-Type: {media_type}\r\n\r\n".encode(), 1) + b"--b--\r\n"
    answer = await tenant.request("POST", "/files", content=body, headers=FORM)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["code"] in {"invalid-request", "bad-request"}


async def test_the_place_of_a_bad_field_is_named_although_its_name_is_strange(tenant: SampleTenant) -> None:
    body = part("a/b~", b"x" * 70_000) + FILE + b"--b--\r\n"
    answer = await tenant.request("POST", "/files", content=body, headers=FORM)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/a~1b~0")


async def upload_until(
    service: FileService, tenant: SampleTenant, hang_up: asyncio.Event, sent: asyncio.Event
) -> list[Message]:
    """An upload whose client sends a piece, and goes away when it is told to."""
    answers: list[Message] = []
    pieces = iter([{"type": "http.request", "body": b"x" * 2**21, "more_body": True}])

    async def receive() -> Message:
        if (piece := next(pieces, None)) is not None:
            return piece
        sent.set()
        await hang_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answers.append(message)

    headers = RAW | {"Authorization": f"Bearer {OPERATOR_KEY}", "Idempotency-Key": "one"}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": f"{tenant.path}/files", "query_string": b"", "headers": raw}
    await service.app({**scope, "app": service.app}, receive, send)
    return answers


async def test_a_client_that_goes_away_leaves_nothing_and_its_key_free(
    service: FileService, tenant: SampleTenant
) -> None:
    hang_up, sent = asyncio.Event(), asyncio.Event()
    upload = asyncio.create_task(upload_until(service, tenant, hang_up, sent))
    await sent.wait()
    assert len(tenant.files_on_disk()) == 1
    hang_up.set()
    assert await upload == []
    assert await nothing_left(service, tenant)
    assert (await tenant.upload(headers={"Idempotency-Key": "one"})).status_code == 201


async def test_an_upload_whose_request_is_cancelled_leaves_nothing(service: FileService, tenant: SampleTenant) -> None:
    hang_up, sent = asyncio.Event(), asyncio.Event()
    upload = asyncio.create_task(upload_until(service, tenant, hang_up, sent))
    await sent.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert await nothing_left(service, tenant)


@pytest.mark.usefixtures("all_large")
async def test_a_full_volume_is_a_507_that_leaves_nothing(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for owner, name in ((files_on_disk._Writer, "write"), (os, "fsync")):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, refuse)
            answer = await tenant.upload()
        assert (answer.status_code, answer.json()["code"]) == (507, "storage-full")
        assert answer.headers["retry-after"]
        assert str(service.services.disk.base) not in answer.text
        assert await nothing_left(service, tenant)
    assert (await tenant.upload()).status_code == 201


async def test_a_tenant_that_cannot_get_its_folders_is_not_made(
    service: FileService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        answer = await service.http.post("/v1/tenants", json={"code": "no-room"})
    assert (answer.status_code, "storage volume" in answer.json()["detail"]) == (507, True)
    assert (await service.http.get("/v1/tenants/no-room")).status_code == 404
    assert (await service.http.post("/v1/tenants", json={"code": "no-room"})).status_code == 201


@pytest.mark.usefixtures("all_large")
async def test_a_commit_that_nobody_heard_of_keeps_the_file(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer of the commit is lost: whether it came through nobody knows, and then the file must stay."""
    original = service.services.tenants.call

    async def unheard(record: Any, change: Change[Any]) -> Any:
        answer = await original(record, change)
        if isinstance(change, CommitFile):
            raise Unavailable("tenant's worker")
        return answer

    monkeypatch.setattr(service.services.tenants, "call", unheard)
    assert (await tenant.upload(b"kept")).status_code == 503
    (file,) = (await tenant.request("GET", "/files")).json()["items"]
    assert (await tenant.request("GET", f"/files/{file['id']}/content")).content == b"kept"


@pytest.mark.usefixtures("all_large")
async def test_an_upload_whose_row_cannot_be_given_up_is_left_to_the_sweeper(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = service.services.tenants.call
    calls = 0

    async def first_only(record: Any, change: Change[Any]) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise Unavailable("tenant's worker")
        return await original(record, change)

    monkeypatch.setattr(service.services.tenants, "call", first_only)
    answer = await tenant.upload()
    assert answer.status_code == 503
    assert "upload left to the sweeper" in [record.message for record in caplog.records]


async def test_a_repeated_upload_that_is_larger_is_another(service: FileService) -> None:
    tenant = await service.tenant(max_file_size_bytes=20)
    headers = {"Idempotency-Key": "one"}
    await tenant.stored(b"x" * 20, headers=headers)
    answer = await tenant.upload(b"x" * 21, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


@pytest.mark.parametrize("size", [9, SMALL_BYTES + 1])
async def test_a_repeated_upload_gets_its_answer_although_the_file_has_changed(tenant: SampleTenant, size: int) -> None:
    content, headers = b"x" * size, {"Idempotency-Key": "one"}
    first = await tenant.upload(content, headers=headers)
    path = f"/files/{first.json()['id']}"
    await tenant.patch(path, {"tags": ["later"]}, "*")
    again = await tenant.upload(content, headers=headers)
    assert (again.json(), again.headers["location"]) == (first.json(), first.headers["location"])
    assert again.headers["idempotency-replayed"] == "true"


async def test_keys_are_the_tenants_own(service: FileService, tenant: SampleTenant) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await tenant.stored(headers=headers)
    other = await (await service.tenant()).stored(headers=headers)
    assert first["id"] != other["id"]


async def held_upload(tenant: SampleTenant, go_on: asyncio.Event) -> tuple[asyncio.Task[Any], asyncio.Event]:
    begun = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"some "
        begun.set()
        await go_on.wait()
        yield b"text"

    headers = RAW | {"Idempotency-Key": "one"}
    task = asyncio.create_task(tenant.request("POST", "/files", content=slow(), headers=headers))
    await begun.wait()
    return task, begun


async def lease_until(service: FileService, condition: Callable[[float], bool]) -> None:
    """Until the lease of the key that is held ends in so many seconds."""
    async with asyncio.timeout(20):
        while True:
            async with service.services.database.reading_across_tenants() as session:
                left = await session.scalar(
                    text(
                        "SELECT extract(epoch FROM lease_until - now())::float FROM idempotency_keys"
                        " WHERE answer IS NULL ORDER BY time_created DESC LIMIT 1"
                    )
                )
            if left is not None and condition(left):
                return
            await asyncio.sleep(0.01)


async def test_a_long_upload_keeps_its_key(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()
    monkeypatch.setattr(idempotency, "LEASE", timedelta(seconds=0.3))
    upload, _ = await held_upload(tenant, go_on)
    # One renewal, which is a long one: the next is far away.
    monkeypatch.setattr(idempotency, "LEASE", timedelta(seconds=100))
    await lease_until(service, lambda left: left > 50)
    answer = await tenant.upload(headers={"Idempotency-Key": "one"})
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-in-use")
    assert answer.headers["retry-after"]
    go_on.set()
    assert (await upload).status_code == 201


async def test_a_key_whose_request_died_with_its_process_is_free_after_its_lease(
    service: FileService, tenant: SampleTenant
) -> None:
    tenant_id = (await tenant.request("GET", "")).json()["id"]
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(
            text(
                "INSERT INTO idempotency_keys (tenant_id, key, lease_until)"
                " VALUES (:id, 'one', now() - interval '1 second'), (:id, 'two', now() + interval '1 minute')"
            ),
            {"id": tenant_id},
        )
    assert (await tenant.upload(headers={"Idempotency-Key": "one"})).status_code == 201
    assert (await tenant.upload(headers={"Idempotency-Key": "two"})).status_code == 409


async def test_a_database_that_is_away_while_a_key_is_held_is_only_logged(
    tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the renewal of the lease nor giving the key back may replace what the upload itself has to say."""

    async def away(*_: Any) -> None:
        raise Unavailable("database")

    go_on, failed = asyncio.Event(), asyncio.Event()

    async def away_once(*_: Any) -> None:
        failed.set()
        raise Unavailable("database")

    monkeypatch.setattr(idempotency, "LEASE", timedelta(seconds=0.05))
    monkeypatch.setattr(idempotency, "renew", away_once)
    monkeypatch.setattr(idempotency, "give_back", away)
    upload, _ = await held_upload(tenant, go_on)
    await failed.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    messages = {record.message for record in caplog.records}
    assert {"idempotency lease not renewed", "idempotency key not given back"} <= messages
