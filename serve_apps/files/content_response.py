"""A file's bytes as an answer: read in a thread, sent as fast as the receiver takes them."""

from collections.abc import AsyncIterator, Mapping

import aiofiles
from aiofiles.threadpool.binary import AsyncFileIO
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from storage.errors import NotFound, Unavailable
from storage.files_on_disk import FilesOnDisk

CHUNK_BYTES = 512 * 1024
"""Read at a time; one chunk is in memory while the one before is being sent."""


class ContentResponse(StreamingResponse):
    """`length` bytes from `start`; closes the file when it has ended, however it does."""

    def __init__(self, file: AsyncFileIO, start: int, length: int, status: int, headers: Mapping[str, str]) -> None:
        self._file = file
        super().__init__(_chunks(file, start, length), status, {**headers, "Content-Length": str(length)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._file.close()


async def open_content(disk: FilesOnDisk, storage_path: str) -> AsyncFileIO:
    """The file, before anything is answered: it may be deleted since its record was read."""
    try:
        return await aiofiles.open(disk.path(storage_path), "rb", buffering=0)
    except FileNotFoundError:
        disk.expect_volume()
        raise NotFound("file") from None
    except OSError as error:
        raise Unavailable("storage volume") from error


async def _chunks(file: AsyncFileIO, start: int, length: int) -> AsyncIterator[bytes]:
    await file.seek(start)
    while length:
        chunk = await file.read(min(CHUNK_BYTES, length))
        if not chunk:
            # Truncated by someone else: a short body breaks the connection, which is the truth.
            raise EOFError("a file is shorter than its record says")
        length -= len(chunk)
        yield chunk
