"""What a worker and its child process say to each other: one byte of kind, four of length, then JSON.

JSON and not pickle, because the child reads hostile files: whatever it says must be able to do nothing but be read.
"""

import asyncio
import socket
import struct
from enum import Enum
from typing import Any

import orjson

_HEADER = struct.Struct(">cI")
_CONTROL_BYTES = 2**20


class Kind(Enum):
    REQUEST = b"R"
    """To the child: what to parse and under which limits, or which page image to read."""
    RECOGNISED = b"L"
    """What OCR found on a page: to a parsing child, and from an OCR child."""
    OCR = b"O"
    """From the child: the image file of a page is written."""
    WAITING = b"W"
    """From the child: it does nothing until a page comes back."""
    PROGRESS = b"P"
    """From the child: pages done, pages in all."""
    SUMMARY = b"S"
    """From the child, right before the document: its status and how many pages were read."""
    DOCUMENT = b"D"
    """From the child, last: the document's JSON."""
    FAILED = b"F"
    """From the child, last: why there is no document, or nothing of a page."""


_LONG = frozenset({Kind.DOCUMENT, Kind.RECOGNISED})


class BadFrame(Exception):
    """The other side does not speak this protocol (any more)."""


def pack(kind: Kind, payload: bytes) -> bytes:
    return _HEADER.pack(kind.value, len(payload)) + payload


def encode(kind: Kind, message: dict[str, Any]) -> bytes:
    return pack(kind, orjson.dumps(message))


async def read_frame(reader: asyncio.StreamReader, longest: int) -> tuple[Kind, bytes]:
    """The next frame; `longest` bounds a document's or a page's.

    Raises IncompleteReadError when the child has gone, BadFrame when it talks nonsense.
    """
    kind, length = _header(await reader.readexactly(_HEADER.size))
    if length > (longest if kind in _LONG else _CONTROL_BYTES):
        raise BadFrame(f"a frame of {length} bytes")
    return kind, await reader.readexactly(length)


def receive_frame(connection: socket.socket) -> tuple[Kind, dict[str, Any]]:
    """The next frame from the parser, waited for. Raises EOFError when the parser has gone."""
    kind, length = _header(_receive_exactly(connection, _HEADER.size))
    return kind, orjson.loads(_receive_exactly(connection, length))


def _header(header: bytes) -> tuple[Kind, int]:
    kind, length = _HEADER.unpack(header)
    try:
        return Kind(kind), length
    except ValueError as error:
        raise BadFrame(f"a frame of kind {kind!r}") from error


def _receive_exactly(connection: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        chunk = connection.recv(min(count - len(received), 2**20))
        if not chunk:
            raise EOFError("the parser has gone")
        received += chunk
    return bytes(received)
