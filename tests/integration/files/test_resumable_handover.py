"""One request at a time goes on with an upload, on whatever replica, and none is held up by one that hangs."""

import asyncio
import base64
import errno
import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from serve_apps.files import committing, resumable_bodies, resumable_piece, resumable_uploads
from storage import resumable_uploads as rows
from storage.errors import Unavailable
from storage.resumable_file import ResumableFile
from storage.upload_checks import verdict
from tests.file_service import FileService, SampleTenant, file_service
from tests.resumable_client import OpenRequest, SampleUpload, begun

TEXT = b"some text that comes in pieces"
WAY = ["head", "patch"]


@pytest.fixture(scope="module")
async def other(service: FileService) -> AsyncIterator[FileService]:
    """A second replica of the same service, as in another process: only database, cache and volume are shared."""
    settings = service.services.settings
    async with file_service(settings.base_path, settings.database_url, settings.redis_url) as running:
        yield running


@pytest.fixture
async def upload(tenant: SampleTenant) -> SampleUpload:
    return await begun(tenant, len(TEXT))


async def held_generation(service: FileService, upload: SampleUpload) -> int:
    async with service.services.database.reading_across_tenants() as session:
        return int(
            await session.scalar(text("SELECT generation FROM resumable_uploads WHERE id = :id"), {"id": upload.id})
        )


@pytest.mark.parametrize("where", ["same replica", "other replica"])
async def test_a_request_that_hangs_lets_go_when_the_client_asks_again(
    other: FileService, upload: SampleUpload, where: str
) -> None:
    """The client's connection broke, and the service has not noticed: it still waits for bytes."""
    hanging = OpenRequest(upload, 0).start()
    await hanging.send(TEXT[:5])
    again = upload.on(other) if where == "other replica" else upload
    async with asyncio.timeout(2):
        assert await again.offset() == 5
        await hanging.end()
    assert (hanging.status, hanging.answer_headers["connection"]) == (409, "close")
    assert (await again.send(TEXT[5:], 5)).status_code == 204
    assert await upload.content() == TEXT


async def test_a_request_that_goes_on_elsewhere_ends_the_one_that_hangs(
    other: FileService, upload: SampleUpload
) -> None:
    """Nothing came of the first: the client goes on where it was."""
    hanging = OpenRequest(upload, 0).start()
    await hanging.send(b"")
    async with asyncio.timeout(2):
        assert (await upload.on(other).send(TEXT, 0)).status_code == 204
        await hanging.end()
    assert hanging.status == 409
    assert await upload.content() == TEXT


async def test_two_requests_with_the_same_bytes_add_them_once(other: FileService, upload: SampleUpload) -> None:
    first = OpenRequest(upload, 0).start()
    await first.send(TEXT[:5])
    second = await upload.on(other).send(TEXT[:5], 0)
    await first.end()
    # What the first got is kept, and so the second is not where the upload goes on.
    assert (first.status, second.status_code, await upload.offset()) == (409, 409, 5)


async def test_a_request_at_an_old_offset_does_not_disturb(other: FileService, upload: SampleUpload) -> None:
    await upload.send(TEXT[:5], 0)
    working = OpenRequest(upload, 5).start()
    await working.send(TEXT[5:9])
    assert (await upload.on(other).send(TEXT, 0)).status_code == 409
    await working.send(TEXT[9:11])
    working.hang_up()
    await working.end()
    assert await upload.offset() == 11


async def test_a_request_that_moved_on_before_another_got_hold_is_where_the_upload_goes_on(
    other: FileService, upload: SampleUpload
) -> None:
    """The second asks for an offset that was right when it was looked up."""
    working = OpenRequest(upload, 0).start()
    await working.send(TEXT[:5])
    answer = await upload.on(other).send(TEXT, 0)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload-offset-mismatch")
    assert "goes on at 5" in answer.json()["detail"]
    await working.end()


@pytest.mark.parametrize("how", ["hang up", "cancel"])
async def test_what_came_of_a_piece_that_was_cut_is_kept(upload: SampleUpload, how: str) -> None:
    request = OpenRequest(upload, 0).start()
    await request.send(TEXT[:5])
    await request.send(TEXT[5:9])
    if how == "cancel":
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request.end()
    else:
        request.hang_up()
        await request.end()
    assert await upload.offset() == 9
    await upload.send(TEXT[9:], 9)
    assert await upload.content() == TEXT


async def test_a_piece_with_a_checksum_is_kept_whole_or_not_at_all(tenant: SampleTenant, upload: SampleUpload) -> None:
    checksum = base64.b64encode(hashlib.sha256(TEXT).digest()).decode()
    request = OpenRequest(upload, 0, {"Upload-Checksum": f"sha256 {checksum}"}).start()
    await request.send(TEXT[:5])
    request.hang_up()
    await request.end()
    assert await upload.offset() == 0
    assert [path.stat().st_size for path in tenant.files_on_disk()] == [0]


async def test_what_is_acknowledged_in_the_middle_of_a_piece_survives_its_process(
    tenant: SampleTenant, upload: SampleUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By kill -9: what was not acknowledged until then is dropped, although its bytes may be there."""
    monkeypatch.setattr(resumable_piece, "ACKNOWLEDGE_BYTES", 8)
    request = OpenRequest(upload, 0).start()
    for start in range(0, 12, 4):
        await request.send(TEXT[start : start + 4])

    async def dies(*_: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(rows, "acknowledge", dies)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request.end()
    assert [path.stat().st_size for path in tenant.files_on_disk()] == [12]
    assert await upload.offset() == 8
    assert [path.stat().st_size for path in tenant.files_on_disk()] == [8]
    await upload.send(TEXT[8:], 8)
    assert await upload.content() == TEXT


async def test_slow_bytes_are_acknowledged_after_a_time(
    service: FileService, upload: SampleUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumable_piece, "ACKNOWLEDGE_SECONDS", 0.0)
    request = OpenRequest(upload, 0).start()
    await request.send(TEXT[:5])
    async with service.services.database.reading_across_tenants() as session:
        query = text("SELECT offset_bytes FROM resumable_uploads WHERE id = :id")
        assert await session.scalar(query, {"id": upload.id}) == 5
    # The last byte is not, while the body may have more than it should.
    await request.send(TEXT[5:])
    async with service.services.database.reading_across_tenants() as session:
        assert await session.scalar(query, {"id": upload.id}) == 5
    request.hang_up()
    await request.end()
    assert await upload.content() == TEXT


async def test_a_large_piece_is_written_as_it_comes(tenant: SampleTenant) -> None:
    piece = os.urandom(2**20 + 7)
    upload = await begun(tenant, 2 * len(piece))
    request = OpenRequest(upload, 0).start()
    await request.send(piece)
    assert [path.stat().st_size for path in tenant.files_on_disk()] == [len(piece)]
    checksum = base64.b64encode(hashlib.sha1(piece).digest()).decode()  # noqa: S324 - the protocol has it
    await upload.offset()
    await request.end()
    assert (await upload.send(piece, len(piece), Upload_Checksum=f"sha1 {checksum}")).status_code == 204
    assert await upload.content() == piece * 2


async def test_a_connection_on_which_nothing_comes_is_given_up(
    upload: SampleUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumable_bodies, "SILENCE_SECONDS", 0.05)
    request = OpenRequest(upload, 0).start()
    await request.send(TEXT[:5])
    await request.end()
    assert (request.status, request.answer_headers["connection"]) == (408, "close")
    assert await upload.offset() == 5


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_uploads, "ASK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(resumable_uploads, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(resumable_uploads, "FINISH_SECONDS", 0.05)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_bodies.ResumableBody, "let_go", lambda _: None)


@pytest.mark.usefixtures("impatient", "deaf")
@pytest.mark.parametrize("way", WAY)
async def test_an_upload_is_taken_from_a_process_that_does_not_let_go(
    service: FileService, other: FileService, tenant: SampleTenant, way: str
) -> None:
    """The stopped process wakes up and writes on: into a file that nobody sees, and it acknowledges nothing."""
    mine, others = b"m" * 2**20, b"o" * 2**20
    upload = await begun(tenant, len(TEXT) + len(mine))
    await upload.send(TEXT, 0)
    stale = OpenRequest(upload, len(TEXT)).start()
    await stale.send(others[:-1])
    taker = upload.on(other)
    if way == "head":
        assert await taker.offset() == len(TEXT)
    assert (await taker.send(mine[:-1], len(TEXT))).status_code == 204
    generation = await held_generation(service, upload)

    # It wakes up, and has more than enough for a write.
    await stale.send(others[:1])
    stale.hang_up()
    await stale.end()
    assert stale.status in {None, 409}
    assert await held_generation(service, upload) == generation
    assert (await taker.send(mine[-1:], len(TEXT) + len(mine) - 1)).status_code == 204
    assert await upload.content() == TEXT + mine
    assert len(tenant.files_on_disk()) == 1


@pytest.mark.usefixtures("impatient", "deaf")
async def test_a_stale_holder_that_gets_the_last_byte_does_not_finish(other: FileService, upload: SampleUpload) -> None:
    stale = OpenRequest(upload, 0).start()
    await stale.send(b"x" * 5)
    assert (await upload.on(other).send(TEXT, 0)).status_code == 204
    await stale.send(b"x" * (len(TEXT) - 5))
    stale.finish()
    await stale.end()
    assert stale.status == 409
    assert await upload.content() == TEXT


@pytest.mark.usefixtures("impatient", "deaf")
async def test_a_copy_that_was_broken_off_is_cleared_away(
    other: FileService, tenant: SampleTenant, upload: SampleUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The volume is full while the bytes are copied: they stay with whom they are."""
    stale = OpenRequest(upload, 0).start()
    await stale.send(TEXT[:5])

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfileobj", full)
        assert (await upload.on(other).head()).status_code == 507
    assert {path.suffix for path in tenant.files_on_disk()} == {"", ".copy"}
    stale.hang_up()
    await stale.end()
    assert await upload.on(other).offset() == 5
    assert {path.suffix for path in tenant.files_on_disk()} == {""}


@pytest.mark.usefixtures("impatient")
async def test_what_is_being_finished_is_waited_for_and_finished_once(
    other: FileService, tenant: SampleTenant, upload: SampleUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking, go_on, checks = asyncio.Event(), asyncio.Event(), 0
    original = verdict.check_content

    async def slow(*given: Any) -> Any:
        nonlocal checks
        checks += 1
        checking.set()
        await go_on.wait()
        return await original(*given)

    monkeypatch.setattr(committing, "check_content", slow)
    last = asyncio.create_task(upload.send(TEXT, 0))
    await checking.wait()
    # The client's patience was shorter, and it asks.
    busy = [await upload.head(), await upload.on(other).send(b"", len(TEXT))]
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in busy] == [(423, "2")] * 2
    monkeypatch.setattr(resumable_uploads, "FINISH_SECONDS", 30.0)
    asking = [asyncio.create_task(one.head()) for one in (upload, upload.on(other), upload.on(other))]
    go_on.set()
    answers = [await last, *(await asyncio.gather(*asking))]
    assert [answer.status_code for answer in answers] == [204, 200, 200, 200]
    assert len({answer.headers["x-file-id"] for answer in answers}) == 1
    assert (checks, (await tenant.stats())["file_count"]) == (1, 1)


async def test_what_was_finished_just_before_it_is_held_is_not_finished_again(
    other: FileService, upload: SampleUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race between reading the row and locking the file."""
    checking, go_on, checks = asyncio.Event(), asyncio.Event(), 0
    original_check, original_hold = verdict.check_content, ResumableFile.hold

    async def slow(*given: Any) -> Any:
        nonlocal checks
        checks += 1
        checking.set()
        await go_on.wait()
        return await original_check(*given)

    async def late(file: ResumableFile) -> bool:
        go_on.set()
        await last
        return await original_hold(file)

    monkeypatch.setattr(committing, "check_content", slow)
    last = asyncio.create_task(upload.send(TEXT, 0))
    await checking.wait()
    monkeypatch.setattr(ResumableFile, "hold", late)
    head = await upload.on(other).head()
    assert head.headers["x-file-id"] == (await last).headers["x-file-id"]
    assert checks == 1


async def test_an_upload_that_is_ended_lets_its_request_go(
    other: FileService, tenant: SampleTenant, upload: SampleUpload
) -> None:
    request = OpenRequest(upload, 0).start()
    await request.send(TEXT[:5])
    assert (await upload.on(other).request("DELETE")).status_code == 204
    await request.end()
    assert request.status in {404, 409}
    assert tenant.files_on_disk() == []
    assert (await tenant.stats())["reserved_bytes"] == 0


async def test_bytes_that_the_volume_lost_are_asked_for_again(tenant: SampleTenant, upload: SampleUpload) -> None:
    await upload.send(TEXT[:9], 0)
    (path,) = tenant.files_on_disk()
    os.truncate(path, 4)
    assert await upload.offset() == 4
    await upload.send(TEXT[4:], 4)
    assert await upload.content() == TEXT


async def test_a_full_volume_keeps_what_was_acknowledged(
    upload: SampleUpload, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    await upload.send(TEXT[:5], 0)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        answer = await upload.send(TEXT[5:], 5)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage-full")
    assert "part of a piece lost" in [record.message for record in caplog.records]
    assert await upload.offset() == 5
    await upload.send(TEXT[5:], 5)
    assert await upload.content() == TEXT


async def test_bytes_that_the_disk_lost_are_not_acknowledged_by_a_second_sync(
    upload: SampleUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel tells of a loss once; the next sync succeeds, and the bytes are gone all the same."""
    await upload.send(TEXT[:5], 0)
    syncs = []
    fsync = os.fsync

    def fails_once(descriptor: int) -> None:
        syncs.append(descriptor)
        if len(syncs) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails_once)
        answer = await upload.send(TEXT[5:], 5)
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert await upload.offset() == 5
    await upload.send(TEXT[5:], 5)
    assert await upload.content() == TEXT


async def test_a_database_that_is_away_at_the_end_of_a_piece_acknowledges_nothing(
    upload: SampleUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise Unavailable("database")

    with monkeypatch.context() as patched:
        patched.setattr(rows, "acknowledge", away)
        assert (await upload.send(TEXT[:5], 0)).status_code == 503
    assert await upload.offset() == 0
    await upload.send(TEXT, 0)
    assert await upload.content() == TEXT


async def test_many_requests_at_once_make_one_file(
    service: FileService, other: FileService, tenant: SampleTenant, upload: SampleUpload
) -> None:
    """Eight clients, on two replicas, each of which asks and sends until the file is there."""

    async def client(mine: SampleUpload) -> str:
        while True:
            answer = await mine.head()
            if answer.status_code == 200:
                if "x-file-id" in answer.headers:
                    return answer.headers["x-file-id"]
                offset = int(answer.headers["upload-offset"])
                await mine.send(TEXT[offset : offset + 3], offset)

    file_ids = await asyncio.gather(*(client(upload.on(replica)) for replica in (service, other) * 4))
    assert len(set(file_ids)) == 1
    assert await upload.content() == TEXT
    assert (await tenant.stats())["file_count"] == 1
