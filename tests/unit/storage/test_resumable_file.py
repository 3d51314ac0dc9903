"""Bytes that come in pieces: held by one, taken from who does not let go, and never written by who lost them."""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.errors import NotFound
from storage.files_on_disk import INCOMING, FilesOnDisk
from storage.resumable_file import ResumableFile

PATH = "acme/2026-11/fs_1.txt"


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[FilesOnDisk]:
    files = FilesOnDisk(tmp_path)
    await files.prepare()
    await files.prepare_tenant("acme")
    yield files
    await files.close()


def incoming(disk: FilesOnDisk) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (disk.base / INCOMING / "acme").iterdir()}


async def held(disk: FilesOnDisk) -> ResumableFile:
    file = ResumableFile(disk, PATH)
    assert await file.hold()
    return file


async def test_bytes_lie_where_they_are_written(disk: FilesOnDisk) -> None:
    file = await held(disk)
    await file.write([b"some ", b"", b"text"], 0)
    await file.write([b"more"], 5)
    await file.sync()
    assert incoming(disk) == {"fs_1": b"some more"}
    received = await file.received()
    assert (received.path, received.size) == (disk.incoming_path(PATH), 9)
    assert received.sha256 == hashlib.sha256(b"some more").hexdigest()


async def test_what_lies_beyond_the_acknowledged_is_dropped(disk: FilesOnDisk) -> None:
    file = await held(disk)
    await file.write([b"some text"], 0)
    assert await file.cut(5) == 5
    assert await file.cut(7) == 5
    assert incoming(disk) == {"fs_1": b"some "}


async def test_one_holds_it_at_a_time(disk: FilesOnDisk) -> None:
    first, second = await held(disk), ResumableFile(disk, PATH)
    assert not await second.hold()
    assert not await second.hold()
    await first.let_go()
    await first.let_go()
    assert await second.hold()


async def test_a_process_that_dies_lets_go(disk: FilesOnDisk) -> None:
    program = (
        "import fcntl, sys; file = open(sys.argv[1], 'wb'); fcntl.flock(file, fcntl.LOCK_EX);"
        " print('held', flush=True); sys.stdin.read()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(disk.incoming_path(PATH)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    file = ResumableFile(disk, PATH)
    assert not await file.hold()
    process.kill()
    await process.wait()
    assert await file.hold()


async def test_who_lost_it_writes_into_what_nobody_sees(disk: FilesOnDisk) -> None:
    stale, taker = await held(disk), ResumableFile(disk, PATH)
    await stale.write([b"acknowledged", b", and not"], 0)
    assert not await taker.hold()
    await taker.take()
    assert await taker.cut(12) == 12
    await stale.write([b"stale"], 0)
    await stale.cut(2)
    await taker.write([b"!"], 12)
    assert incoming(disk) == {"fs_1": b"acknowledged!"}
    # Whoever comes next finds it held by the one that took it.
    assert not await ResumableFile(disk, PATH).hold()
    await stale.let_go()
    assert not await ResumableFile(disk, PATH).hold()


async def test_a_copy_that_was_never_finished_goes_with_the_next_or_with_the_file(disk: FilesOnDisk) -> None:
    copy = disk.incoming_path(PATH).with_name("fs_1.copy")
    copy.write_bytes(b"half")
    await held(disk)
    assert incoming(disk) == {"fs_1": b""}
    copy.write_bytes(b"half")
    await disk.remove(PATH)
    assert incoming(disk) == {}


async def test_bytes_that_are_in_their_place_already_are_held_there(disk: FilesOnDisk) -> None:
    file = await held(disk)
    await file.write([b"whole"], 0)
    await disk.keep(await file.received(), PATH)
    assert not await ResumableFile(disk, PATH).hold()
    await file.let_go()
    again = await held(disk)
    received = await again.received()
    assert received.path == disk.path(PATH)
    # Putting them there once more changes nothing.
    await disk.keep(received, PATH)
    assert disk.path(PATH).read_bytes() == b"whole"
    assert incoming(disk) == {}


async def test_a_deleted_tenants_file_cannot_be_begun(disk: FilesOnDisk) -> None:
    await disk.detach_tenant("acme", "op_1")
    with pytest.raises(NotFound):
        await ResumableFile(disk, PATH).hold()


async def test_who_let_go_before_the_file_was_open_does_not_hold_it(disk: FilesOnDisk) -> None:
    """The request was cancelled while a thread was about to open the file."""
    file = ResumableFile(disk, PATH)
    await file.let_go()
    await file.hold()
    assert await ResumableFile(disk, PATH).hold()
    with pytest.raises(RuntimeError):
        await file.write([b"x"], 0)


async def test_letting_go_waits_for_the_write_that_is_under_way(disk: FilesOnDisk) -> None:
    file = await held(disk)
    writing = asyncio.create_task(file.write([b"x" * 2**20] * 8, 0))
    await asyncio.gather(writing, file.let_go(), return_exceptions=True)
    assert len(incoming(disk)["fs_1"]) in {0, 8 * 2**20}
