"""The bytes: `base/<tenant>/YYYY-MM/fs_….ext`, received under `base/.incoming/<tenant>/`.

A path is made of a checked tenant code, a month, a random id and a checked extension, never of a client's text. Bytes
are written beside their place, made durable and then renamed: a file under its final name is always whole. A tenant's
two folders are made when it is created and renamed away when it is deleted; nobody else makes them, so that whoever
still writes for a deleted tenant fails instead of bringing its folder back.
"""

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import AsyncIterable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO, ParamSpec, TypeVar

from storage.errors import NotFound, StorageFull, Unavailable
from storage.incoming_names import Incoming, find_old, small_name
from storage.upload_errors import FileTooLarge

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

INCOMING = ".incoming"
TRASH = ".trash"
WRITE_BYTES = 2**20
"""Bytes gathered before a thread writes and hashes them; at most twice this is in memory for an upload."""
DISK_THREADS = 16
VOLUME_RETRY_SECONDS = 10
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def storage_path(tenant_code: str, time_created: datetime, file_id: str, extension: str) -> str:
    """Relative to the base. The month is that of `time_created` in UTC."""
    return f"{tenant_code}/{time_created.astimezone(UTC):%Y-%m}/{file_id}{extension}"


def copy_of(incoming: Path) -> Path:
    """Where incoming bytes are copied to before the copy takes their name."""
    return incoming.with_name(f"{incoming.name}.copy")


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that lie, not yet durable, under their incoming name."""

    path: Path
    size: int
    sha256: str
    """Hexadecimal."""


class FilesOnDisk:
    """All work on the disk happens in threads of its own. Raises `StorageFull`, or `Unavailable` where it fails."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self._months: set[Path] = set()
        """Folders of months whose own entries are known to be durable."""
        self.has_hard_links = False
        """As far as `prepare` has found out."""
        self._threads = ThreadPoolExecutor(DISK_THREADS, thread_name_prefix="disk")

    async def in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work that waits for the disk. Raises `Unavailable`, and `NotFound` when the tenant's folders are gone."""
        with self.errors():
            return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **kwargs))

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Work on a tenant's files, whose errors become what they mean to the caller."""
        try:
            yield
        except FileNotFoundError as error:
            self.expect_volume()
            raise NotFound("tenant") from error  # only its deletion removes a folder
        except OSError as error:
            log.exception("storage volume failed")
            kind = StorageFull if error.errno in FULL else Unavailable
            raise kind("storage volume", VOLUME_RETRY_SECONDS) from error

    def expect_volume(self) -> None:
        """Raises `Unavailable` when nothing is there at all: then what is missing says nothing of a file or tenant."""
        if not (self.base / INCOMING).is_dir():
            log.error("storage volume has vanished")
            raise Unavailable("storage volume", VOLUME_RETRY_SECONDS)

    async def prepare(self) -> None:
        """Make the base and its own folders, and find out what the volume can do."""
        await self.in_thread(self._make_folders, [self.base, self.base / INCOMING, self.base / TRASH])
        self.has_hard_links = await self.in_thread(_can_link, self.base / INCOMING)

    async def check(self) -> None:
        """Raises `Unavailable` when the volume cannot be written, because it is gone, read-only or broken, or full."""
        await self.in_thread(_probe, self.base / INCOMING)

    async def prepare_tenant(self, tenant_code: str) -> None:
        await self.in_thread(self._make_folders, [self.base / tenant_code, self.base / INCOMING / tenant_code])

    @staticmethod
    def _make_folders(folders: list[Path]) -> None:
        for folder in folders:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _make_folder(folder)

    def path(self, relative: str) -> Path:
        return self.base / relative

    async def receive(self, tenant_code: str, file_id: str, chunks: AsyncIterable[bytes], limit: int) -> Received:
        """Write the chunks beside their place, counting and hashing.

        Raises `FileTooLarge` as soon as there are more than `limit` bytes, `NotFound` when the tenant is gone.
        Whatever is raised, nothing stays behind.
        """
        writer = _Writer(self.base / INCOMING / tenant_code / file_id)
        try:
            await self.in_thread(writer.open)
            return await self._write_all(writer, chunks, limit)
        except BaseException:
            await asyncio.shield(self.in_thread(writer.discard))
            raise

    async def _write_all(self, writer: "_Writer", chunks: AsyncIterable[bytes], limit: int) -> Received:
        size = 0
        waiting: list[bytes] = []
        gathered = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise FileTooLarge(size, limit)
            waiting.append(chunk)
            gathered += len(chunk)
            if gathered >= WRITE_BYTES:
                # Awaited, so that a slow disk stops the sender instead of filling the memory.
                await self.in_thread(writer.write, waiting)
                waiting, gathered = [], 0
        digest = await self.in_thread(writer.finish, waiting)
        return Received(writer.path, size, digest)

    async def keep(self, received: Received, relative: str) -> None:
        """Make the bytes durable and give them their place. Raises `NotFound` when the tenant is gone."""
        await self.in_thread(self._keep, received.path, self.path(relative))

    def _keep(self, source: Path, target: Path) -> None:
        _fsync(source, os.O_RDONLY)
        self.prepare_month(target.parent)
        source.rename(target)
        fsync_folder(target.parent)

    def prepare_month(self, month: Path) -> None:
        """Make the folder where there is none, durably. Blocks."""
        if month in self._months:
            return
        # Without its parents: a deleted tenant's folder must not come back.
        _make_folder(month)
        self._months.add(month)

    async def remove(self, relative: str) -> None:
        """Unlink a file, and whatever its upload left on the way to its place. Not being there is fine."""
        await self.in_thread(self._remove, relative)

    def _remove(self, relative: str) -> None:
        # In the order in which a file moves, so that one that is renamed meanwhile is found in its place. Last the
        # name that says where that is.
        incoming = self.incoming_path(relative)
        for path in (copy_of(incoming), incoming, self.path(relative), self.small_incoming_path(relative)):
            path.unlink(missing_ok=True)

    def incoming_path(self, relative: str) -> Path:
        """Where the bytes lie that are on their way to `relative`."""
        tenant_code, _, file_name = relative.split("/")
        return self.base / INCOMING / tenant_code / file_name.partition(".")[0]

    def small_incoming_path(self, relative: str) -> Path:
        """The second name of a small file at `relative`: from before it comes there until its row is committed."""
        tenant_code, name = small_name(relative)
        return self.base.joinpath(INCOMING, tenant_code, name)

    async def old_incoming(self, seconds: float) -> list[Incoming]:
        """Names of bytes on their way that nobody wrote to for so long."""
        return await self.in_thread(find_old, self.base / INCOMING, time.time() - seconds)

    async def unlink(self, path: Path) -> None:
        await self.in_thread(partial(path.unlink, missing_ok=True))

    async def seconds_since_written(self, relative: str, now: float) -> float | None:
        """How long ago the file last grew, on the way to its place or there; None when there is none."""
        return await self.in_thread(_age, [self.incoming_path(relative), self.path(relative)], now)

    async def detach_tenant(self, tenant_code: str, name: str) -> None:
        """Rename the tenant's folders into the trash, at once and for good. Repeatable."""
        await self.in_thread(self._detach_tenant, tenant_code, name)

    def _detach_tenant(self, tenant_code: str, name: str) -> None:
        trash = self.base / TRASH / name
        trash.mkdir(parents=True, exist_ok=True)
        for folder, target in (
            (self.base / INCOMING / tenant_code, trash / "incoming"),
            (self.base / tenant_code, trash / "files"),
        ):
            with contextlib.suppress(FileNotFoundError):
                folder.rename(target)
        fsync_folder(self.base)

    async def remove_empty_folders(self, tenant_code: str) -> None:
        """Remove a tenant's folders where nothing is in them; the code must be held, so that no tenant gets it."""
        await self.in_thread(self._remove_empty_folders, [self.base / INCOMING / tenant_code, self.base / tenant_code])

    @staticmethod
    def _remove_empty_folders(folders: list[Path]) -> None:
        for folder in folders:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise

    async def empty_trash(self, name: str) -> None:
        await self.in_thread(_remove_tree, self.base / TRASH / name)

    async def bytes_left(self, tenant_code: str, name: str) -> int:
        """Files and folders that still exist for a tenant, counted as bytes (an empty one counts as one)."""
        roots = [self.base / tenant_code, self.base / INCOMING / tenant_code, self.base / TRASH / name]
        return await self.in_thread(_bytes_below, roots)

    async def close(self) -> None:
        self._threads.shutdown(wait=False)


class _Writer:
    """One incoming file. A cancelled caller may discard it while a thread still writes: they take turns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.Lock()
        self._digest = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._discarded = False

    def open(self) -> None:
        with self._turn:
            if not self._discarded:
                self._file = self.path.open("xb", buffering=0)

    def write(self, chunks: list[bytes]) -> None:
        with self._turn:
            if self._file is None:
                return
            for chunk in chunks:
                self._digest.update(chunk)
                rest = memoryview(chunk)
                while rest:
                    rest = rest[self._file.write(rest) :]

    def finish(self, chunks: list[bytes]) -> str:
        self.write(chunks)
        with self._turn:
            self._close()
        return self._digest.hexdigest()

    def discard(self) -> None:
        with self._turn:
            self._discarded = True
            self._close()
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _probe(folder: Path) -> None:
    # Without a name: nothing stays behind, and pods with the same process ids do not meet.
    with TemporaryFile(dir=folder) as probe:
        probe.write(b"probe")


def _can_link(folder: Path) -> bool:
    with TemporaryDirectory(dir=folder, prefix=".links-") as name:
        one = Path(name, "one")
        one.touch()
        try:
            Path(name, "other").hardlink_to(one)
        except OSError as error:
            log.info("the volume has no hard links", extra={"reason": str(error)})
            return False
        return True


def _make_folder(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    try:
        # Also where another process made it: it may not have come so far yet.
        fsync_folder(folder.parent)
    except OSError:
        # Made anew by the next: a second sync may well succeed after the first has told of a loss.
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise


def fsync_folder(folder: Path) -> None:
    _fsync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _fsync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _age(places: list[Path], now: float) -> float | None:
    for path in places:
        with contextlib.suppress(FileNotFoundError):
            return now - path.stat().st_mtime
    return None


def _remove_tree(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _bytes_below(roots: list[Path]) -> int:
    total = 0
    for root in roots:
        # Whoever gives up an upload meanwhile removes a file that was listed.
        for folder, _, files in os.walk(root):
            total += 1
            for name in files:
                with contextlib.suppress(FileNotFoundError):
                    total += Path(folder, name).lstat().st_size or 1
    return total
