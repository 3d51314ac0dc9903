"""How documents are stored: their JSON, compressed.

Level 1 makes it a fifth of its size in less time than the database would take to read it.
"""

import zlib

_LEVEL = 1
_JSON_BEGINS = b"{"
"""Documents of before the compression are stored as they are; no compressed one begins like that (RFC 1950)."""


def packed(document: bytes) -> bytes:
    return zlib.compress(document, _LEVEL)


def unpacked(stored: bytes) -> bytes:
    """The UTF-8 JSON. Takes a few milliseconds for a megabyte: not for the event loop."""
    return stored if stored.startswith(_JSON_BEGINS) else zlib.decompress(stored)
