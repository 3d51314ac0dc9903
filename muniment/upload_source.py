"""What can be uploaded, and the request body made of it: streamed, never whole in memory.

A source that can be read again (path, bytes, seekable file) lets a broken upload be repeated; an iterator or a pipe is
read once.
"""

import asyncio
import hashlib
import json
import mimetypes
import os
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Self, cast
from urllib.parse import quote

from muniment.errors import MunimentError, SourceChanged

CHUNK_BYTES = 2**20

Uploadable = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Iterable[bytes] | AsyncIterable[bytes]
)
"""A path, bytes, an open binary file, or an iterator of bytes (an async one with AsyncClient only)."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes done and the bytes in total, or None where that is not known."""


@dataclass(frozen=True)
class UploadSource:
    """`start` begins reading at a byte, each time anew, or once at the first; `size` is None where it is not known."""

    start: Callable[[int], Iterator[bytes] | AsyncIterator[bytes]]
    name: str | None
    size: int | None
    rereadable: bool

    def sha256(self) -> bytes:
        """Reads the source once from start to end: rereadable sources only."""
        digest = hashlib.sha256()
        for chunk in self.sync_chunks():
            digest.update(chunk)
        return digest.digest()

    def part(self, first: int, size: int) -> "UploadSource":
        """So many bytes from `first` on, of a source that can be read again."""
        # The last part is read to the end of the source, so that it is noticed when that grew.
        most = None if first + size == self.size else size
        return replace(self, start=lambda at: _at_most(self.start(first + at), most), size=size)

    def sync_chunks(self) -> Iterator[bytes]:
        chunks = self.start(0)
        if isinstance(chunks, AsyncIterator):
            raise TypeError("An asynchronous iterator can only be uploaded with AsyncClient.")
        return chunks

    async def async_chunks(self) -> AsyncIterator[bytes]:
        chunks = self.start(0)
        if isinstance(chunks, AsyncIterator):
            async for chunk in chunks:
                yield chunk
            return
        # Reading a file or someone's generator may block: it happens in a thread.
        while (read := await asyncio.to_thread(_next_of, chunks)) is not None:
            yield read


def _at_most(chunks: Iterator[bytes] | AsyncIterator[bytes], size: int | None) -> Iterator[bytes]:
    left = size
    for chunk in cast("Iterator[bytes]", chunks):
        yield chunk[:left]
        if left is not None:
            left -= len(chunk)
            if left <= 0:
                return


def _next_of(chunks: Iterator[bytes]) -> bytes | None:
    return next(chunks, None)


def upload_source(source: Uploadable) -> UploadSource:
    if isinstance(source, (str, os.PathLike)):
        return _from_path(Path(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _from_bytes(bytes(source))
    if isinstance(source, AsyncIterable):
        return UploadSource(_once(aiter(source)), None, None, rereadable=False)
    if hasattr(source, "read"):
        return _from_open_file(cast("IO[bytes]", source))
    return UploadSource(_once(iter(source)), None, None, rereadable=False)


def _from_path(path: Path) -> UploadSource:
    def read(first: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(first)
            yield from _chunks_of(file)

    return UploadSource(read, path.name, path.stat().st_size, rereadable=True)


def _from_bytes(data: bytes) -> UploadSource:
    def read(first: int) -> Iterator[bytes]:
        return (data[start : start + CHUNK_BYTES] for start in range(first, len(data), CHUNK_BYTES))

    return UploadSource(read, None, len(data), rereadable=True)


def _from_open_file(file: IO[bytes]) -> UploadSource:
    given = getattr(file, "name", None)
    name = Path(given).name if isinstance(given, str) else None
    if not file.seekable():
        return UploadSource(_once(_chunks_of(file)), name, None, rereadable=False)
    begin = file.tell()
    size = file.seek(0, os.SEEK_END) - begin
    file.seek(begin)

    def read(first: int) -> Iterator[bytes]:
        file.seek(begin + first)
        yield from _chunks_of(file)

    return UploadSource(read, name, size, rereadable=True)


def _chunks_of(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        if not isinstance(chunk, bytes):
            raise TypeError("The file is open in text mode; open it with 'rb'.")
        yield chunk


def _once(chunks: Iterator[bytes] | AsyncIterator[bytes]) -> Callable[[int], Iterator[bytes] | AsyncIterator[bytes]]:
    waiting = [chunks]

    def start(_first: int) -> Iterator[bytes] | AsyncIterator[bytes]:
        if not waiting:
            raise MunimentError("This source can be read only once, and was read already.")
        return waiting.pop()

    return start


@dataclass(frozen=True)
class StreamedBody:
    """A request body: `before`, the source, `after`; with the headers that describe it."""

    source: UploadSource
    headers: Mapping[str, str]
    before: bytes = b""
    after: bytes = b""
    progress: Progress | None = None

    @property
    def size(self) -> int | None:
        return None if self.source.size is None else len(self.before) + self.source.size + len(self.after)

    def sync_chunks(self) -> Iterator[bytes]:
        # One chunk behind: a source that is too long is found out before the last promised byte has left.
        waiting, read = self.before, 0
        for chunk in self.source.sync_chunks():
            read = self._count(read, chunk)
            yield waiting
            self._report(read - len(chunk))
            waiting = chunk
        self._check_all(read)
        yield waiting + self.after
        self._report(read)

    async def async_chunks(self) -> AsyncIterator[bytes]:
        waiting, read = self.before, 0
        async for chunk in self.source.async_chunks():
            read = self._count(read, chunk)
            yield waiting
            self._report(read - len(chunk))
            waiting = chunk
        self._check_all(read)
        yield waiting + self.after
        self._report(read)

    def _count(self, read: int, chunk: bytes) -> int:
        if self.source.size is not None and read + len(chunk) > self.source.size:
            raise SourceChanged(f"{self.source.name or 'What is uploaded'} grew while it was being sent.")
        return read + len(chunk)

    def _check_all(self, read: int) -> None:
        if self.source.size is not None and read != self.source.size:
            raise SourceChanged(f"{self.source.name or 'What is uploaded'} shrank while it was being sent.")

    def _report(self, sent: int) -> None:
        if self.progress is not None:
            self.progress(sent, self.source.size)


@dataclass(frozen=True)
class NewFile:
    """What is uploaded, and what is said of it. `fields`: `tags` and `metadata`, where they are given."""

    source: UploadSource
    name: str
    media_type: str
    fields: Mapping[str, Any]
    progress: Progress | None

    @classmethod
    def of(
        cls,
        given: Uploadable,
        name: str | None = None,
        media_type: str | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Self:
        source = upload_source(given)
        file_name = name or source.name
        if not file_name:
            raise TypeError("What is uploaded has no name of its own: pass name='…'.")
        fields = {"tags": None if tags is None else list(tags), "metadata": metadata}
        said = {field: value for field, value in fields.items() if value is not None}
        return cls(source, file_name, media_type or guess_media_type(file_name), said, progress)


def raw_body(new: NewFile) -> StreamedBody:
    headers = {
        "Content-Type": new.media_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(new.name, safe='')}",
    }
    return StreamedBody(new.source, headers | _length(new.source, 0), progress=new.progress)


def form_body(new: NewFile) -> StreamedBody:
    """`multipart/form-data` with the JSON `fields` before the file, so that a service can check them first."""
    boundary = f"muniment-{secrets.token_hex(16)}"
    parts = "".join(_json_part(boundary, field, value) for field, value in new.fields.items())
    before = (parts + _file_part(boundary, new.name, new.media_type)).encode()
    after = f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    around = _length(new.source, len(before) + len(after))
    return StreamedBody(new.source, headers | around, before, after, new.progress)


def piece_body(new: NewFile, first: int, size: int) -> StreamedBody:
    """So many bytes from `first` on, for a resumable upload."""
    headers = {"Content-Type": "application/offset+octet-stream"}
    part = new.source.part(first, size)
    report = new.progress
    progress = None if report is None else lambda sent, _: report(first + sent, new.source.size)
    return StreamedBody(part, headers | _length(part, 0), progress=progress)


def _json_part(boundary: str, field: str, value: Any) -> str:
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n'
        f"Content-Type: application/json\r\n\r\n{json.dumps(value)}\r\n"
    )


def _file_part(boundary: str, name: str, media_type: str) -> str:
    # As browsers escape it (the multipart rules of the HTML standard): UTF-8, only these three characters encoded.
    escaped = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{escaped}"\r\n'
        f"Content-Type: {media_type}\r\n\r\n"
    )


def _length(source: UploadSource, around: int) -> dict[str, str]:
    return {} if source.size is None else {"Content-Length": str(source.size + around)}


def guess_media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
