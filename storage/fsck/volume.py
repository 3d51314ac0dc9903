"""The volume as a check sees it: folders a part at a time, entries by what they are, and a way to put them aside."""

import asyncio
import contextlib
import errno
import hashlib
import os
import stat
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self

from storage.files_on_disk import INCOMING, TRASH, fsync_folder

LOST_AND_FOUND = "lost+found"
"""No tenant's code: those have no `+`."""
BATCH = 1000
"""Entries of a folder that are in memory at a time."""
READ_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Entry:
    """Something on the volume. `path` is relative to the base, `touched` the time of its last change in any respect."""

    path: str
    is_folder: bool
    is_file: bool
    size: int
    touched: float

    @classmethod
    def of(cls, path: str, found: os.stat_result) -> Self:
        # The later of both: a rename or a new link, with which bytes come to their place, changes only the second.
        touched = max(found.st_mtime, found.st_ctime)
        return cls(path, stat.S_ISDIR(found.st_mode), stat.S_ISREG(found.st_mode), found.st_size, touched)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def age(self) -> float:
        """Seconds since it was touched."""
        return time.time() - self.touched


class Unreadable(Exception):
    """The volume does not give the bytes; the message is the error's name."""


class Volume:
    """Never follows a symbolic link: it is no file, and no folder. Work on the disk happens in threads."""

    def __init__(self, base: Path) -> None:
        self.base = base

    async def is_prepared(self) -> bool:
        """Whether a service has worked on this volume: without it everything would look lost."""
        found = await self.look([INCOMING, TRASH])
        return all(entry is not None and entry.is_folder for entry in found)

    async def look(self, paths: Iterable[str]) -> list[Entry | None]:
        """What each path is; None where nothing is."""
        return await asyncio.to_thread(lambda: [self._look(path) for path in paths])

    def _look(self, path: str) -> Entry | None:
        try:
            return Entry.of(path, os.lstat(self.base / path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    async def entries(self, folder: str) -> AsyncIterator[list[Entry]]:
        """A folder's entries, in batches; none where there is no folder. What comes or goes meanwhile may be among."""
        found = self._entries(folder)
        while batch := await asyncio.to_thread(lambda: list(islice(found, BATCH))):
            yield batch

    def _entries(self, folder: str) -> Iterator[Entry]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.base / folder) as listing:
            for item in listing:
                with contextlib.suppress(FileNotFoundError):
                    path = f"{folder}/{item.name}" if folder else item.name
                    yield Entry.of(path, item.stat(follow_symlinks=False))

    async def sha256(self, path: str) -> str | None:
        """Hexadecimal; None where no file is. Raises `Unreadable`."""
        return await asyncio.to_thread(self._sha256, path)

    def _sha256(self, path: str) -> str | None:
        digest = hashlib.sha256()
        try:
            with (self.base / path).open("rb", buffering=0) as file:
                while chunk := file.read(READ_BYTES):
                    digest.update(chunk)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unreadable(errno.errorcode.get(error.errno or 0, "unknown error")) from error
        return digest.hexdigest()

    async def count(self, entry: Entry) -> tuple[int, int]:
        """Files below, and their bytes. An empty folder counts as one item of no bytes."""
        return await asyncio.to_thread(self._count, entry)

    def _count(self, entry: Entry) -> tuple[int, int]:
        if not entry.is_folder:
            return 1, entry.size
        files = size = 0
        for below in self._entries(entry.path):
            more, bytes_ = self._count(below)
            files, size = files + more, size + bytes_
        return max(1, files), size

    async def put_aside(self, path: str, drawer: str) -> str:
        """Move what is there to the same path below `lost+found/<drawer>`, durably; where that is."""
        return await asyncio.to_thread(self._put_aside, path, drawer)

    def _put_aside(self, path: str, drawer: str) -> str:
        aside = f"{LOST_AND_FOUND}/{drawer}/{path}"
        target = self.base / aside
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target):
            # A rename would replace it, and nothing is ever lost here.
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        (self.base / path).rename(target)
        # The new place first, up to the base: what the old one has lost must be found there after a power failure.
        for folder in (*target.parents, (self.base / path).parent):
            if folder.is_relative_to(self.base):
                fsync_folder(folder)
        return aside
