"""A file's bytes as an answer: read in a thread, sent as fast as the receiver takes them."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiofiles
from starlette.responses import StreamingResponse

CHUNK_BYTES = 512 * 1024
"""Read at a time; one chunk is in memory while the one before is being sent."""


async def file_chunks(path: Path, start: int, length: int) -> AsyncIterator[bytes]:
    async with aiofiles.open(path, "rb", buffering=0) as file:
        await file.seek(start)
        while length:
            chunk = await file.read(min(CHUNK_BYTES, length))
            if not chunk:
                # Deleted and truncated by someone else: a short body breaks the connection, which is the truth.
                raise EOFError(f"{path.name} is shorter than its record says")
            length -= len(chunk)
            yield chunk


def content_response(path: Path, start: int, length: int, status: int, headers: Mapping[str, str]) -> StreamingResponse:
    return StreamingResponse(file_chunks(path, start, length), status, {**headers, "Content-Length": str(length)})
