"""The bytes of an upload that comes in pieces, on their way to their place: who may write them, and how far they are.

Whoever writes holds a lock on the open file (`flock`, which works across nodes where the volume is shared), and the
kernel lets go of it when its process dies. Callers hold the lock on the upload's row while they open the file, so that
they come one after another. What a stopped process still holds is taken from it: its bytes are copied and the copy
takes their name, so whatever it writes when it wakes up goes into a file that nobody sees.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from storage.files_on_disk import WRITE_BYTES, FilesOnDisk, Received, copy_of, fsync_folder


class ResumableFile:
    """One request's access to the bytes that are to lie at `storage_path`. All of it works in threads of the disk."""

    def __init__(self, disk: FilesOnDisk, storage_path: str) -> None:
        self._disk = disk
        self._incoming = disk.incoming_path(storage_path)
        self._place = disk.path(storage_path)
        # A cancelled caller may let go while a thread still writes: they take turns.
        self._turn = threading.Lock()
        self._path = self._incoming
        self._file: FileIO | None = None
        self._ended = False
        self._lost: OSError | None = None
        """What the disk said when it lost bytes: nothing is acknowledged any more."""

    async def hold(self) -> bool:
        """Open the file for this request alone, empty where there is none; False while another request holds it."""
        return await self._disk.in_thread(self._hold)

    async def take(self) -> None:
        """Take the bytes from whoever holds them and does not let go."""
        await self._disk.in_thread(self._take)

    async def cut(self, size: int) -> int:
        """Drop what lies beyond `size`. Answers how much there is now: less where there was less."""
        return await self._disk.in_thread(self._cut, size)

    async def write(self, chunks: Sequence[bytes], position: int) -> None:
        """One after another from `position` on; writing them again changes nothing."""
        await self._disk.in_thread(self._write, chunks, position)

    async def sync(self) -> None:
        """What was written is durable."""
        await self._disk.in_thread(self._sync)

    async def received(self) -> Received:
        """All bytes, with their hash."""
        return await self._disk.in_thread(self._received)

    async def let_go(self) -> None:
        """For good, also when the file is not held or a thread is about to open it."""
        await self._disk.in_thread(self._let_go)

    def _hold(self) -> bool:
        with self._turn:
            self._path, file = self._open()
            if not self._lock(file):
                return False
            # Left by a process that died while it took the bytes.
            copy_of(self._incoming).unlink(missing_ok=True)
            return True

    def _open(self) -> tuple[Path, FileIO]:
        """On the way, or in the place already: then the process that put it there died before the row said so."""
        for path in (self._incoming, self._place):
            with contextlib.suppress(FileNotFoundError):
                return path, path.open("r+b", buffering=0)
        file = self._incoming.open("xb+", buffering=0)
        fsync_folder(self._incoming.parent)
        return self._incoming, file

    def _lock(self, file: FileIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        if self._ended:
            self._close()
        return True

    def _take(self) -> None:
        copy = copy_of(self._incoming)
        with self._turn:
            self._lock(copy.open("wb+", buffering=0))
            file = self._held()
            with self._incoming.open("rb") as source:
                shutil.copyfileobj(source, file, WRITE_BYTES)
            os.fsync(file)
            copy.rename(self._incoming)
            fsync_folder(self._incoming.parent)

    def _cut(self, size: int) -> int:
        with self._turn:
            file = self._held()
            present = min(size, os.fstat(file.fileno()).st_size)
            file.truncate(present)
            return present

    def _write(self, chunks: Sequence[bytes], position: int) -> None:
        with self._turn:
            descriptor = self._held().fileno()
            for chunk in chunks:
                rest = memoryview(chunk)
                while rest:
                    written = os.pwrite(descriptor, rest, position)
                    position, rest = position + written, rest[written:]

    def _sync(self) -> None:
        with self._turn:
            if self._lost is not None:
                # A second sync may well succeed after the first has told of a loss.
                raise self._lost
            try:
                os.fsync(self._held())
            except OSError as error:
                self._lost = error
                raise

    def _received(self) -> Received:
        with self._turn:
            file = self._held()
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256")
            return Received(self._path, file.tell(), digest.hexdigest())

    def _held(self) -> FileIO:
        if self._file is None:
            raise RuntimeError("nobody may touch a file that is not held")
        return self._file

    def _let_go(self) -> None:
        with self._turn:
            self._ended = True
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
