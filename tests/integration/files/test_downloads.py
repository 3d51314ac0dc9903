"""Downloads: whole, in ranges, conditionally, and safe to open in a browser."""

import asyncio
import hashlib
from typing import Any

import pytest
from starlette.types import Message

from serve_apps.files import content_response, content_routes
from serve_apps.files.file_reading import find_file
from storage.files_on_disk import FilesOnDisk
from tests.file_service import OPERATOR_KEY, FileService, SampleTenant

CONTENT = bytes(range(48, 58))
SHA = hashlib.sha256(CONTENT).hexdigest()
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@pytest.fixture
async def path(tenant: SampleTenant) -> str:
    """Of the content of a file with ten bytes, 0 to 9."""
    return f"/files/{(await tenant.stored(CONTENT, 'ten.txt'))['id']}/content"


async def test_a_download_has_the_bytes_and_says_what_they_are(tenant: SampleTenant, path: str) -> None:
    answer = await tenant.request("GET", path)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    headers = answer.headers
    assert headers["etag"] == f'"{SHA}"'
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-length"] == "10"
    assert headers["content-type"] == "text/plain"
    assert headers["last-modified"].endswith(" GMT")
    assert headers["content-disposition"] == "attachment; filename=\"ten.txt\"; filename*=UTF-8''ten.txt"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["repr-digest"].startswith("sha-256=:")
    assert "private" in headers["cache-control"]


async def test_head_tells_the_same_without_the_bytes(tenant: SampleTenant, path: str) -> None:
    whole = await tenant.request("GET", path)
    for headers in ({}, {"Range": "bytes=2-4"}):
        answer = await tenant.request("HEAD", path, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert _without_id(answer.headers) == _without_id(whole.headers)


def _without_id(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "x-request-id"}


@pytest.mark.parametrize(
    ("wanted", "content", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-500", b"56789", "bytes 5-9/10"),
    ],
)
async def test_one_range_is_sent(
    tenant: SampleTenant, path: str, wanted: str, content: bytes, content_range: str
) -> None:
    answer = await tenant.request("GET", path, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["content-range"] == content_range
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["etag"] == f'"{SHA}"'


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=-0", "bytes=99-100"])
async def test_a_range_beyond_the_end_is_refused_with_the_size(tenant: SampleTenant, path: str, wanted: str) -> None:
    answer = await tenant.request("GET", path, headers={"Range": wanted})
    assert (answer.status_code, answer.json()["code"]) == (416, "range-not-satisfiable")
    assert answer.headers["content-range"] == "bytes */10"


@pytest.mark.parametrize("wanted", ["bytes=0-1,4-5", "bytes=5-2", "lines=1-2", "nonsense", "bytes=-"])
async def test_other_ranges_get_the_whole(tenant: SampleTenant, path: str, wanted: str) -> None:
    answer = await tenant.request("GET", path, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, CONTENT)


async def test_a_range_of_another_version_gets_the_whole(tenant: SampleTenant, path: str) -> None:
    modified = (await tenant.request("HEAD", path)).headers["last-modified"]
    for condition, status in (
        (f'"{SHA}"', 206),
        (modified, 206),
        (f'W/"{SHA}"', 200),
        ('"other"', 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
    ):
        answer = await tenant.request("GET", path, headers={"Range": "bytes=0-1", "If-Range": condition})
        assert answer.status_code == status


async def test_bytes_that_the_caller_has_are_not_sent_again(tenant: SampleTenant, path: str) -> None:
    for method in ("GET", "HEAD"):
        for tags, status in ((f'"{SHA}"', 304), (f'"x", W/"{SHA}"', 304), ("*", 304), ('"x"', 200)):
            answer = await tenant.request(method, path, headers={"If-None-Match": tags})
            assert answer.status_code == status
            assert answer.headers["etag"] == f'"{SHA}"'


async def test_an_empty_file_is_sent(tenant: SampleTenant) -> None:
    file = await tenant.stored(b"", "empty.txt")
    answer = await tenant.request("GET", f"/files/{file['id']}/content")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    answer = await tenant.request("GET", f"/files/{file['id']}/content", headers={"Range": "bytes=0-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */0")


@pytest.mark.parametrize(
    ("name", "media_type", "content", "kind"),
    [
        ("a.png", "image/png", PNG, "inline"),
        ("a.txt", "text/plain", b"text", "inline"),
        ("a.pdf", "application/pdf", b"%PDF-1.4\n%%EOF", "inline"),
        ("a.html", "text/html", b"<!doctype html><script>alert(1)</script>", "attachment"),
        ("a.svg", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "attachment"),
        ("a.csv", "text/csv", b"a,b\n1,2\n", "attachment"),
    ],
)
async def test_only_what_runs_nothing_is_shown_inline(
    tenant: SampleTenant, name: str, media_type: str, content: bytes, kind: str
) -> None:
    answer = await tenant.upload(content, name, media_type)
    assert answer.status_code == 201, answer.text
    path = f"/files/{answer.json()['id']}/content"
    for query, expected in (("?inline=1", kind), ("?inline=0", "attachment"), ("", "attachment")):
        header = (await tenant.request("GET", path + query)).headers["content-disposition"]
        assert header.startswith(f"{expected};")
    assert (await tenant.request("GET", f"{path}?inline=maybe")).status_code == 422


async def test_a_file_that_is_deleted_before_it_is_opened_is_not_found(
    tenant: SampleTenant, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: the record is read, then the file is deleted, then its bytes are opened."""
    found, go_on = asyncio.Event(), asyncio.Event()

    async def held(*arguments: Any) -> Any:
        record = await find_file(*arguments)
        found.set()
        await go_on.wait()
        return record

    monkeypatch.setattr(f"{content_routes.__name__}.find_file", held)
    download = asyncio.create_task(tenant.request("GET", path))
    await found.wait()
    assert (await tenant.request("DELETE", path.removesuffix("/content"))).status_code == 204
    go_on.set()
    answer = await download
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_file_that_is_deleted_while_it_is_sent_is_sent_to_its_end(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_response, "CHUNK_BYTES", 4)
    file = await tenant.stored(CONTENT)
    begun, go_on = asyncio.Event(), asyncio.Event()
    received: list[bytes] = []

    async def send(message: Message) -> None:
        received.append(message.get("body", b""))
        begun.set()
        await go_on.wait()

    download = asyncio.create_task(_download(service, f"{tenant.path}/files/{file['id']}/content", send))
    await begun.wait()
    assert (await tenant.request("DELETE", f"/files/{file['id']}")).status_code == 204
    go_on.set()
    await download
    assert b"".join(received) == CONTENT


async def test_a_file_that_was_cut_short_breaks_the_answer_off(service: FileService, tenant: SampleTenant) -> None:
    file = await tenant.stored(CONTENT)
    service.services.disk.path(file["storage_path"]).write_bytes(b"0123")
    with pytest.raises(EOFError):
        await _download(service, f"{tenant.path}/files/{file['id']}/content", _nowhere)


async def test_a_volume_that_cannot_be_read_is_said_to_be_away(
    service: FileService, tenant: SampleTenant, path: str
) -> None:
    file = await tenant.request("GET", path.removesuffix("/content"))
    place = service.services.disk.path(file.json()["storage_path"])
    place.unlink()
    place.mkdir()
    answer = await tenant.request("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert str(service.services.disk.base) not in answer.text
    place.rmdir()


async def test_a_file_is_not_said_to_be_gone_because_its_volume_is(service: FileService, tenant: SampleTenant) -> None:
    file = await tenant.stored(CONTENT)
    base = service.services.disk.base
    aside = base.with_name(f"{base.name}-unmounted")
    base.rename(aside)
    base.mkdir()
    try:
        download = await tenant.request("GET", f"/files/{file['id']}/content")
        renaming = await tenant.patch(f"/files/{file['id']}", {"file_name": "a.csv"}, '"m1"')
        upload = await tenant.upload()
    finally:
        base.rmdir()
        aside.rename(base)
    for answer in (download, renaming, upload):
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"]


async def test_the_file_is_closed_when_the_receiver_goes_away(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []

    async def noted(disk: FilesOnDisk, storage_path: str) -> Any:
        opened.append(await content_response.open_content(disk, storage_path))
        return opened[-1]

    monkeypatch.setattr(f"{content_routes.__name__}.open_content", noted)
    file = await tenant.stored(CONTENT)

    async def broken(_: Message) -> None:
        raise OSError("connection lost")

    await _download(service, f"{tenant.path}/files/{file['id']}/content", broken)
    assert [file.closed for file in opened] == [True]


async def _nowhere(_: Message) -> None:
    """Sends to nobody."""


async def _download(service: FileService, path: str, send: Any) -> None:
    """The app called as a server calls it, so that the answer goes out piece by piece."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    headers = [(b"authorization", f"Bearer {OPERATOR_KEY}".encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    await service.app({**scope, "app": service.app, "asgi": {"spec_version": "2.4"}}, receive, send)


async def test_the_place_of_a_file_is_never_shown_outside_its_record(tenant: SampleTenant, path: str) -> None:
    for answer in (await tenant.request("GET", path), await tenant.request("GET", f"{path}x")):
        assert all(tenant.code + "/2" not in value for value in answer.headers.values())
