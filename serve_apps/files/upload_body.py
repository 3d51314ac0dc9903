"""The body of an upload, whatever its form: a file's name, type and bytes, and what its owner says of it."""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import Request

from serve_apps.content_disposition import file_name, header_text
from serve_apps.files.form_parts import Event, PartBegins, PartData, boundary_of, form_events
from serve_apps.json_body import parsed
from serve_apps.request_errors import BadRequest, OneFilePerRequest
from storage.errors import InvalidFields, pointer
from storage.metadata_field import refuse_bad_metadata, refuse_bad_tags

MAX_FIELD_BYTES = 64 * 1024
"""Of `tags` and of `metadata`; larger ones are not valid anyway."""
MAX_FORM_OVERHEAD = 512 * 1024
"""A form has at most so many bytes beside its file's."""
MAX_MEDIA_TYPE = 255
MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
"""Two tokens (RFC 9110, section 8.3.1) in lower case."""
FIELDS = frozenset({"tags", "metadata"})


class UploadBody(ABC):
    """One file on its way in. `tags` and `metadata` are whole when `chunks` has ended."""

    def __init__(self, name: str, media_type: str, least_size: int, *, size_is_known: bool = False) -> None:
        self.file_name = name
        self.declared_media_type = declared_type(media_type, "Content-Type")
        self.least_size = least_size
        """The file has at least so many bytes, as far as the headers tell."""
        self.size_is_known = size_is_known
        """Whether it has exactly so many."""
        self.tags: list[str] = []
        self.metadata: dict[str, Any] = {}

    @abstractmethod
    def chunks(self) -> AsyncIterator[bytes]:
        """The file's bytes, once."""


def declared_type(media_type: str, header: str) -> str:
    """Without its parameters; empty where nothing is declared. Raises `InvalidFields` for what is no media type."""
    declared = media_type.partition(";")[0].strip().lower()
    if declared and (len(declared) > MAX_MEDIA_TYPE or not MEDIA_TYPE.fullmatch(declared)):
        raise InvalidFields.one(header, "This is not a media type.")
    return declared


def owners_fields(texts: Mapping[str, bytes]) -> tuple[list[str], dict[str, Any]]:
    """`tags` and `metadata` from their JSON texts. Raises `BadRequest` and `InvalidFields`."""
    tags: list[str] = _json(texts, "tags", [])
    refuse_bad_tags(tags)
    metadata: dict[str, Any] = _json(texts, "metadata", {})
    refuse_bad_metadata(metadata)
    return tags, metadata


def _json(texts: Mapping[str, bytes], name: str, default: Any) -> Any:
    text = texts.get(name, b"").strip()
    return parsed(text, f"The field '{name}'") if text else default


async def read_upload(request: Request, chunks: AsyncIterator[bytes]) -> UploadBody:
    """What the request uploads; `chunks` is its body, of which the file's bytes are still to be read.

    Raises when there is no file, or no name for it.
    """
    boundary = boundary_of(request.headers.get("content-type", ""))
    if boundary is None:
        return RawUpload(request, chunks)
    reader = _FormReader(chunks, boundary)
    return FormUpload(await reader.find_file(), reader, max(0, content_length(request) - MAX_FORM_OVERHEAD))


def content_length(request: Request) -> int:
    """0 where the body is chunked; the server has checked that it is a number."""
    return int(request.headers.get("content-length", "0"))


class RawUpload(UploadBody):
    """The bytes are the body; the name is in `Content-Disposition`."""

    def __init__(self, request: Request, chunks: AsyncIterator[bytes]) -> None:
        # Its bytes: the framework has read them as Latin-1.
        raw = (value for name, value in request.scope["headers"] if name == b"content-disposition")
        name = file_name(header_text(next(raw, b"")))
        if name is None:
            raise InvalidFields.one(
                "Content-Disposition", "Name the file: Content-Disposition: attachment; filename*=UTF-8''report.pdf"
            )
        known = "content-length" in request.headers
        super().__init__(name, request.headers.get("content-type", ""), content_length(request), size_is_known=known)
        self._chunks = chunks

    def chunks(self) -> AsyncIterator[bytes]:
        return self._chunks


class FormUpload(UploadBody):
    """The bytes are the form's `file` part; `tags` and `metadata` may stand before or after it."""

    def __init__(self, part: PartBegins, reader: "_FormReader", least_size: int) -> None:
        super().__init__(part.file_name or "", part.media_type, least_size)
        self._reader = reader

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._reader.file_chunks():
            yield chunk
        await self._reader.finish()
        self.tags, self.metadata = owners_fields(self._reader.fields)


class _FormReader:
    """Reads a form's parts in the order in which they come."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._events: AsyncIterator[Event] = form_events(self._bounded(chunks), boundary)
        self._file_bytes = 0
        self.fields: dict[str, bytes] = {}
        """What was read of them until now."""

    async def _bounded(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks. Raises `BadRequest` when there is too much in them that is not the file."""
        received = 0
        async for chunk in chunks:
            yield chunk
            # Whoever asks for the next one has read all events of this one, and counted what was the file's.
            received += len(chunk)
            if received - self._file_bytes > MAX_FORM_OVERHEAD:
                raise BadRequest(f"The form has more than {MAX_FORM_OVERHEAD} bytes beside its file.")

    async def find_file(self) -> PartBegins:
        """Read up to the file; its data comes next. Raises `OneFilePerRequest` when there is none."""
        while (part := await self._next_part()) is not None:
            if part.name == "file":
                return part
            await self._read_field(part.name)
        raise OneFilePerRequest(0)

    async def _next_part(self) -> PartBegins | None:
        event = await anext(self._events, None)
        return event if isinstance(event, PartBegins) else None

    async def _data(self) -> AsyncIterator[bytes]:
        """Of the part that has begun, to its end."""
        while isinstance(event := await anext(self._events), PartData):
            yield event.data

    async def file_chunks(self) -> AsyncIterator[bytes]:
        async for data in self._data():
            self._file_bytes += len(data)
            yield data

    async def finish(self) -> None:
        """Read what follows the file. Raises `OneFilePerRequest` for a second one."""
        while (part := await self._next_part()) is not None:
            if part.name == "file":
                raise OneFilePerRequest(2)
            await self._read_field(part.name)

    async def _read_field(self, name: str) -> None:
        value = bytearray()
        async for data in self._data():
            value += data
            if len(value) > MAX_FIELD_BYTES:
                raise InvalidFields.one(pointer(name), f"A field has at most {MAX_FIELD_BYTES} bytes.")
        if name in FIELDS:
            self.fields[name] = bytes(value)
