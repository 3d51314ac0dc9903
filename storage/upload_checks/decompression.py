"""Deflate, gzip, bzip2 and xz as bounded streams: never more than a step's bytes at once, however well packed."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Protocol

from storage.upload_checks import media_type_names as types
from storage.upload_checks.windows import CHUNK_BYTES
from storage.upload_errors import ArchiveUnsafe

_XZ_MEMORY = 192 * 2**20  # `xz -9` needs 65 MiB


class Engine(Protocol):
    """The interface that bz2 and lzma share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


class _Zlib:
    """zlib's decompressor behind that interface."""

    def __init__(self, window_bits: int) -> None:
        self._engine = zlib.decompressobj(window_bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        out = self._engine.decompress(self._engine.unconsumed_tail + data, max_length)
        # Even with all input taken, more output may wait inside until a step comes out short.
        self.needs_input = not self._engine.unconsumed_tail and len(out) < max_length
        return out


def raw_deflate() -> Engine:
    return _Zlib(-zlib.MAX_WBITS)


def _gzip() -> Engine:
    return _Zlib(zlib.MAX_WBITS + 16)


def _xz() -> Engine:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


# Zip's methods (APPNOTE 4.4.5) that can be unpacked here.
ZIP_METHODS: dict[int, Callable[[], Engine]] = {8: raw_deflate, 12: bz2.BZ2Decompressor, 95: _xz}
# Of files: how, and what a further member begins with.
COMPRESSED: dict[str, tuple[Callable[[], Engine], bytes]] = {
    types.GZIP: (_gzip, b"\x1f\x8b"),
    types.BZIP2: (bz2.BZ2Decompressor, b"BZh"),
    types.XZ: (_xz, b"\xfd7zXZ\0"),
}


def unpacked(chunks: Iterator[bytes], new_engine: Callable[[], Engine], next_member: bytes = b"") -> Iterator[bytes]:
    """What `chunks` unpack to, in pieces of at most 256 KiB; members that follow, begun by `next_member`, are joined.

    What stands behind the last member is left alone, as the tools do. Raises ArchiveUnsafe (`corrupt`).
    """
    rest = yield from _member(b"", chunks, new_engine())
    while next_member:
        rest = rest.lstrip(b"\0")  # padding to a block
        while len(rest) < len(next_member) and (more := next(chunks, b"")):
            rest = (rest + more).lstrip(b"\0")
        if not rest.startswith(next_member):
            return
        rest = yield from _member(rest, chunks, new_engine())


def _member(data: bytes, chunks: Iterator[bytes], engine: Engine) -> Generator[bytes, None, bytes]:
    """One member; returns what was read beyond it."""
    while not engine.eof:
        if engine.needs_input and not data and not (data := next(chunks, b"")):
            raise ArchiveUnsafe("corrupt", "Packed content ends too early.")
        out = _step(engine, data)
        data = b""
        if out:
            yield out
    return engine.unused_data


def _step(engine: Engine, data: bytes) -> bytes:
    try:
        return engine.decompress(data, CHUNK_BYTES)
    except (zlib.error, lzma.LZMAError, OSError) as error:  # bz2 says OSError
        raise ArchiveUnsafe("corrupt", "Packed content cannot be unpacked.") from error
