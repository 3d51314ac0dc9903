"""A body is read until somebody else waits for its upload."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from serve_apps.files.resumable_bodies import UploadHolders
from storage.resumable_errors import UploadTakenOver

URL = "postgresql://localhost/unused"


async def chunks(*given: bytes) -> AsyncIterator[bytes]:
    for chunk in given:
        yield chunk


async def endless() -> AsyncIterator[bytes]:
    yield b"first"
    await asyncio.Event().wait()


async def test_a_body_is_read_to_its_end() -> None:
    with UploadHolders(URL).reading("up_1", chunks(b"a", b"", b"b")) as body:
        assert [chunk async for chunk in body.read()] == [b"a", b"", b"b"]


async def test_who_waits_for_bytes_lets_go_at_once() -> None:
    holders = UploadHolders(URL)
    with holders.reading("up_1", endless()) as body:
        reading = body.read()
        assert await anext(reading) == b"first"
        waiting = asyncio.ensure_future(anext(reading))
        await asyncio.sleep(0)
        holders._hear("", "up_1")
        with pytest.raises(UploadTakenOver):
            await waiting


async def test_who_is_writing_lets_go_before_the_next_bytes() -> None:
    holders = UploadHolders(URL)
    with holders.reading("up_1", chunks(b"a", b"b")) as body:
        reading = body.read()
        assert await anext(reading) == b"a"
        holders._hear("", "up_1")
        with pytest.raises(UploadTakenOver):
            await anext(reading)


async def test_only_the_upload_that_is_waited_for_is_let_go() -> None:
    """Two requests may come to one upload on a replica, when the first has just been told."""
    holders = UploadHolders(URL)
    with holders.reading("up_2", chunks(b"other")) as other, holders.reading("up_1", chunks(b"a")) as first:
        with holders.reading("up_1", chunks(b"b")) as second:
            holders._hear("", "up_3")
            holders._hear("", "up_1")
            with pytest.raises(UploadTakenOver):
                await anext(second.read())
        with pytest.raises(UploadTakenOver):
            await anext(first.read())
        assert await anext(other.read()) == b"other"
    assert not holders._reading
