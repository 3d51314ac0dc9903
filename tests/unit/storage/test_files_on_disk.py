"""The bytes on a real folder: whole or not there, durable, and gone for good with their tenant."""

import asyncio
import errno
import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from storage import files_on_disk
from storage.errors import NotFound, StorageFull, Unavailable
from storage.files_on_disk import INCOMING, TRASH, WRITE_BYTES, FilesOnDisk, storage_path
from storage.upload_errors import FileTooLarge

CODE = "acme"
PLACE = f"{CODE}/2025-01/fs_1.txt"
NO_LIMIT = 2**40


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[FilesOnDisk]:
    disk = FilesOnDisk(tmp_path / "files")
    await disk.prepare()
    await disk.prepare_tenant(CODE)
    yield disk
    await disk.close()


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def files(disk: FilesOnDisk) -> list[str]:
    return sorted(str(path.relative_to(disk.base)) for path in disk.base.rglob("*") if path.is_file())


async def test_received_bytes_are_counted_hashed_and_get_their_place(disk: FilesOnDisk) -> None:
    chunks = [b"a" * WRITE_BYTES, b"b" * 10, b"c" * WRITE_BYTES, b""]
    received = await disk.receive(CODE, "fs_1", pieces(*chunks), NO_LIMIT)
    content = b"".join(chunks)
    assert (received.size, received.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert files(disk) == [f"{INCOMING}/{CODE}/fs_1"]
    await disk.keep(received, PLACE)
    assert files(disk) == [PLACE]
    assert disk.path(PLACE).read_bytes() == content


async def test_a_file_may_be_empty(disk: FilesOnDisk) -> None:
    received = await disk.receive(CODE, "fs_1", pieces(), NO_LIMIT)
    assert (received.size, received.sha256) == (0, hashlib.sha256().hexdigest())
    await disk.keep(received, PLACE)
    assert disk.path(PLACE).read_bytes() == b""


async def test_the_limit_is_reached_but_not_passed(disk: FilesOnDisk) -> None:
    assert (await disk.receive(CODE, "fs_1", pieces(b"12345"), 5)).size == 5
    with pytest.raises(FileTooLarge):
        await disk.receive(CODE, "fs_2", pieces(b"123", b"456"), 5)
    assert files(disk) == [f"{INCOMING}/{CODE}/fs_1"]


async def test_an_error_of_the_sender_is_his_own_and_leaves_nothing(disk: FilesOnDisk) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * WRITE_BYTES
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await disk.receive(CODE, "fs_1", broken(), NO_LIMIT)
    assert files(disk) == []


async def test_a_cancelled_upload_that_waits_for_its_sender_leaves_nothing(disk: FilesOnDisk) -> None:
    asked = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"x" * WRITE_BYTES
        asked.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(disk.receive(CODE, "fs_1", stuck(), NO_LIMIT))
    await asked.wait()
    assert files(disk) == [f"{INCOMING}/{CODE}/fs_1"]
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert files(disk) == []


class Gate:
    """Holds a thread at a point of its work until the test lets it go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def hold(self) -> None:
        self.reached.set()
        assert self.opened.wait(10)

    async def until_reached(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, 10)


@contextmanager
def held_before(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Calls of `owner.name` wait in the gate first."""
    gate, original = Gate(), getattr(owner, name)

    def held(*args: Any, **kwargs: Any) -> Any:
        gate.hold()
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, held)
    yield gate
    gate.opened.set()


@pytest.mark.parametrize("step", ["open", "write"])
async def test_an_upload_cancelled_while_a_thread_works_for_it_leaves_nothing(
    disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The race: the caller discards the file while the thread is about to open it or write to it."""
    with held_before(files_on_disk._Writer, step, monkeypatch) as gate:
        upload = asyncio.create_task(disk.receive(CODE, "fs_1", pieces(b"x" * WRITE_BYTES, b"y"), NO_LIMIT))
        await gate.until_reached()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
    await asyncio.to_thread(disk._threads.shutdown)
    assert files(disk) == []


async def test_bytes_that_are_removed_while_they_get_their_place_do_not_come_back(
    disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: a sweeper removes an upload between its last byte and its rename."""
    received = await disk.receive(CODE, "fs_1", pieces(b"x"), NO_LIMIT)
    with held_before(Path, "rename", monkeypatch) as gate:
        keeping = asyncio.create_task(disk.keep(received, PLACE))
        await gate.until_reached()
        await disk.remove(PLACE)
        gate.opened.set()
        with pytest.raises(NotFound):
            await keeping
    assert files(disk) == []


async def test_removing_takes_the_file_wherever_it_is_and_can_be_repeated(disk: FilesOnDisk) -> None:
    await disk.receive(CODE, "fs_1", pieces(b"x"), NO_LIMIT)
    await disk.keep(await disk.receive(CODE, "fs_2", pieces(b"x"), NO_LIMIT), f"{CODE}/2025-01/fs_2")
    for place in (PLACE, f"{CODE}/2025-01/fs_2", f"{CODE}/2025-01/fs_3.pdf", "other/2025-01/fs_4"):
        await disk.remove(place)
        await disk.remove(place)
    assert files(disk) == []


async def test_the_age_of_an_upload_is_that_of_its_last_byte_before_and_after_the_rename(disk: FilesOnDisk) -> None:
    received = await disk.receive(CODE, "fs_1", pieces(b"x"), NO_LIMIT)
    written = time.time() - 1000
    os.utime(received.path, (written, written))
    now = written + 60
    assert await disk.seconds_since_written(PLACE, now) == pytest.approx(60)
    await disk.keep(received, PLACE)
    assert await disk.seconds_since_written(PLACE, now) == pytest.approx(60)
    await disk.remove(PLACE)
    assert await disk.seconds_since_written(PLACE, now) is None


async def test_nothing_can_be_written_for_a_tenant_that_was_detached(disk: FilesOnDisk) -> None:
    before = await disk.receive(CODE, "fs_1", pieces(b"x"), NO_LIMIT)
    await disk.keep(await disk.receive(CODE, "fs_2", pieces(b"x"), NO_LIMIT), f"{CODE}/2025-01/fs_2")
    growing = asyncio.Event()
    detached = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * WRITE_BYTES
        growing.set()
        await detached.wait()
        yield b"y" * WRITE_BYTES

    during = asyncio.create_task(disk.receive(CODE, "fs_3", slow(), NO_LIMIT))
    await growing.wait()
    await disk.detach_tenant(CODE, "op_1")
    detached.set()

    for place in (PLACE, f"{CODE}/2099-12/fs_1"):
        with pytest.raises(NotFound):
            await disk.keep(before, place)
    with pytest.raises(NotFound):
        await disk.keep(await during, f"{CODE}/2025-01/fs_3")
    with pytest.raises(NotFound):
        await disk.receive(CODE, "fs_4", pieces(b"x"), NO_LIMIT)
    assert not (disk.base / CODE).exists()
    assert not (disk.base / INCOMING / CODE).exists()
    assert await disk.bytes_left(CODE, "op_1") > 2 * WRITE_BYTES
    await disk.empty_trash("op_1")
    assert await disk.bytes_left(CODE, "op_1") == 0


async def test_every_step_of_a_removal_can_be_repeated(disk: FilesOnDisk) -> None:
    for _ in range(2):
        await disk.detach_tenant(CODE, "op_1")
    for _ in range(2):
        await disk.empty_trash("op_1")
    assert await disk.bytes_left(CODE, "op_1") == 0
    assert files(disk) == []


async def test_an_empty_file_and_an_empty_folder_count_as_something_left(disk: FilesOnDisk) -> None:
    assert await disk.bytes_left(CODE, "op_1") == 2
    await disk.keep(await disk.receive(CODE, "fs_1", pieces(), NO_LIMIT), PLACE)
    assert await disk.bytes_left(CODE, "op_1") == 4


async def test_a_file_that_vanishes_while_the_rest_is_counted_counts_nothing(
    disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await disk.receive(CODE, "fs_1", pieces(b"123"), NO_LIMIT)

    def vanished(path: Path) -> os.stat_result:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "lstat", vanished)
    assert await disk.bytes_left(CODE, "op_1") == 2


async def test_the_folders_are_made_again_only_where_they_are_missing(disk: FilesOnDisk) -> None:
    await disk.receive(CODE, "fs_1", pieces(b"x"), NO_LIMIT)
    await disk.prepare()
    await disk.prepare_tenant(CODE)
    assert files(disk) == [f"{INCOMING}/{CODE}/fs_1"]
    assert (disk.base / TRASH).is_dir()


async def test_a_volume_that_can_be_written_passes_its_check_and_keeps_nothing_of_it(disk: FilesOnDisk) -> None:
    await asyncio.gather(*(disk.check() for _ in range(20)))
    assert files(disk) == []


async def test_a_volume_that_is_not_there_fails_its_check(tmp_path: Path) -> None:
    disk = FilesOnDisk(tmp_path / "nowhere")
    with pytest.raises(Unavailable):
        await disk.check()
    await disk.close()


async def test_a_file_that_cannot_be_made_durable_is_not_kept(
    disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    received = await disk.receive(CODE, "fs_1", pieces(b"x"), NO_LIMIT)
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageFull) as caught:
        await disk.keep(received, PLACE)
    assert str(disk.base) not in str(caught.value)
    assert files(disk) == [f"{INCOMING}/{CODE}/fs_1"]


async def test_a_full_volume_is_told_apart_from_a_tenant_that_is_gone(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    if os.system(f"mount -t tmpfs -o size=2m tmpfs {mount} 2>/dev/null") != 0:  # noqa: ASYNC221, S605
        pytest.skip("only root can mount a small volume")
    disk = FilesOnDisk(mount)
    try:
        await disk.prepare()
        await disk.prepare_tenant(CODE)
        kept = await disk.receive(CODE, "fs_1", pieces(b"x"), NO_LIMIT)
        await disk.keep(kept, PLACE)
        with pytest.raises(StorageFull):
            await disk.receive(CODE, "fs_2", pieces(*[b"y" * WRITE_BYTES] * 4), NO_LIMIT)
        assert files(disk) == [PLACE]
        # There is room again.
        await disk.receive(CODE, "fs_3", pieces(b"z" * WRITE_BYTES), NO_LIMIT)
    finally:
        await disk.close()
        os.system(f"umount -l {mount}")  # noqa: ASYNC221, S605


async def test_a_volume_that_has_vanished_is_told_apart_from_a_tenant_that_is_gone(disk: FilesOnDisk) -> None:
    """An empty folder, as a mount point is without its volume."""
    with pytest.raises(NotFound):
        await disk.receive("nobody", "fs_1", pieces(b"x"), NO_LIMIT)
    disk.base.rename(disk.base.with_name("unmounted"))
    disk.base.mkdir()
    with pytest.raises(Unavailable):
        await disk.receive(CODE, "fs_1", pieces(b"x"), NO_LIMIT)
    with pytest.raises(Unavailable):
        await disk.check()
    assert list(disk.base.iterdir()) == []


@pytest.mark.parametrize("is_used", [False, True])
async def test_a_month_that_could_not_be_made_durable_is_made_anew(
    disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch, *, is_used: bool
) -> None:
    """A second sync of its parent may succeed although the first has lost its name."""
    month = disk.path(PLACE).parent
    if is_used:
        month.mkdir()
        (month / "others").touch()
    received = await disk.receive(CODE, "fs_1", pieces(b"x"), NO_LIMIT)
    original = files_on_disk.fsync_folder

    def fails_on_parent(folder: Path) -> None:
        if folder == month.parent:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        original(folder)

    with monkeypatch.context() as patched:
        patched.setattr(files_on_disk, "fsync_folder", fails_on_parent)
        with pytest.raises(Unavailable):
            await disk.keep(received, PLACE)
    assert month.exists() == is_used
    await disk.keep(received, PLACE)
    assert disk.path(PLACE).read_bytes() == b"x"


async def test_folders_that_the_disk_keeps_are_no_empty_ones(
    disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "rmdir", refuse)
    with pytest.raises(Unavailable):
        await disk.remove_empty_folders(CODE)


async def test_a_month_made_by_another_process_is_made_durable_by_this_one_too(
    disk: FilesOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.path(PLACE).parent.mkdir()
    synced: list[Path] = []
    original = files_on_disk.fsync_folder

    def noted(folder: Path) -> None:
        synced.append(folder)
        original(folder)

    monkeypatch.setattr(files_on_disk, "fsync_folder", noted)
    month = disk.path(PLACE).parent
    for number in (1, 2):
        await disk.keep(await disk.receive(CODE, f"fs_{number}", pieces(b"x"), NO_LIMIT), f"{CODE}/2025-01/fs_{number}")
    assert synced == [month.parent, month, month]


def test_the_month_of_a_path_is_the_one_in_utc() -> None:
    late = datetime(2025, 1, 31, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    assert storage_path("acme", late, "fs_1", ".pdf") == "acme/2025-02/fs_1.pdf"
    assert storage_path("acme", datetime(2025, 1, 31, tzinfo=UTC), "fs_1", "") == "acme/2025-01/fs_1"
