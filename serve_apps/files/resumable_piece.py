"""The bytes that one request adds to an upload, on their way to the disk."""

import asyncio

from serve_apps.files.resumable_headers import Checksum
from storage.files_on_disk import WRITE_BYTES
from storage.resumable_errors import ChecksumMismatch
from storage.resumable_file import ResumableFile

ACKNOWLEDGE_BYTES = 32 * 2**20
ACKNOWLEDGE_SECONDS = 5.0
"""What is lost when the process dies in the middle of a piece: at most so much, and what came in so long."""


class Piece:
    """The bytes of one request, gathered into larger writes."""

    def __init__(self, file: ResumableFile, offset: int, checksum: Checksum | None) -> None:
        self._file = file
        self._written = offset
        self._waiting: list[bytes] = []
        self._checksum = checksum
        self._hash = checksum.new_hash() if checksum else None
        self._clock = asyncio.get_running_loop().time
        self.end = offset
        """Where the upload would go on after what came until now."""
        self.acknowledged()

    @property
    def is_whole_or_nothing(self) -> bool:
        return self._checksum is not None

    async def add(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self.end += len(chunk)
        if self.end - self._written >= WRITE_BYTES:
            # Awaited, so that a slow disk stops the sender instead of filling the memory.
            await self.flush()

    async def flush(self) -> None:
        """What came is written. A flush that was broken off is done again from where it began."""
        if not self._waiting:
            return
        await self._file.write(self._waiting, self._written)
        if self._hash is not None:
            await asyncio.to_thread(self._hash.update, b"".join(self._waiting))
        self._waiting, self._written = [], self.end

    def verify(self) -> None:
        """Raises `ChecksumMismatch`."""
        if self._hash is not None and self._checksum is not None and self._hash.digest() != self._checksum.digest:
            raise ChecksumMismatch

    @property
    def is_due(self) -> bool:
        """Whether so much came, or so long ago, that it should be acknowledged before the rest comes."""
        if self.is_whole_or_nothing:
            return False
        due = self.end - self._acknowledged >= ACKNOWLEDGE_BYTES
        return due or self._clock() - self._time_acknowledged >= ACKNOWLEDGE_SECONDS

    def acknowledged(self) -> None:
        self._acknowledged, self._time_acknowledged = self.end, self._clock()
