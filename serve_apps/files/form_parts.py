"""`multipart/form-data` as a stream of events: nothing is kept but what the parser has in hand."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from serve_apps.content_disposition import file_name, header_text, parameters
from serve_apps.request_errors import BadRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_HEADER_BYTES = 16 * 1024
"""Of one part; a file name has at most 255 bytes."""
MAX_BOUNDARY = 70
"""RFC 2046, section 5.1.1."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    name: str
    file_name: str | None
    media_type: str


@dataclass(frozen=True, slots=True)
class PartData:
    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnds:
    pass


Event = PartBegins | PartData | PartEnds


def boundary_of(content_type: str) -> bytes | None:
    """The boundary when this is a form, else None. Raises `BadRequest` for a form without one."""
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        return None
    boundary = parameters(content_type).get("boundary", "")
    if not 0 < len(boundary) <= MAX_BOUNDARY or not boundary.isascii():
        raise BadRequest("The form has no valid boundary.")
    return boundary.encode()


async def form_events(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[Event]:
    """The parts of a form as they arrive. Raises `BadRequest` for anything that is not a whole form."""
    collector = _Collector()
    parser = MultipartParser(boundary, collector.callbacks())
    try:
        async for chunk in chunks:
            parser.write(chunk)
            for event in collector.take():
                yield event
        parser.finalize()
    except MultipartParseError:
        raise BadRequest("The form is malformed.") from None
    if not collector.ended:
        raise BadRequest("The form ends in the middle.")


class _Collector:
    """Turns the parser's callbacks into events."""

    def __init__(self) -> None:
        self.ended = False
        self._events: list[Event] = []
        self._headers: dict[str, str] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._header_bytes = 0

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def take(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _part_begin(self) -> None:
        self._headers = {}
        self._header_bytes = 0

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._value += data[start:end]

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            raise BadRequest("A part of the form has too long headers.")

    def _header_end(self) -> None:
        self._headers[header_text(bytes(self._name)).lower()] = header_text(bytes(self._value))
        self._name.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        disposition = self._headers.get("content-disposition", "")
        name = file_name(disposition)
        self._events.append(
            PartBegins(
                name=parameters(disposition).get("name", ""),
                file_name=_unescaped(name) if name is not None else None,
                media_type=self._headers.get("content-type", ""),
            )
        )

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(PartData(data[start:end]))

    def _part_end(self) -> None:
        self._events.append(PartEnds())

    def _end(self) -> None:
        self.ended = True


def _unescaped(name: str) -> str:
    """HTML forms (section 4.10.21.8) send these three characters of a file name with percent signs, and no others."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
