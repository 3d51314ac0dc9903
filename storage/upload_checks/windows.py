"""Random access to bytes that lie in a file, in memory, or in a part of either, without copying them."""

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, Self

CHUNK_BYTES = 256 * 1024


class Window:
    """`size` bytes from `start` of something that `read_at(offset, size)` reads; short reads only at its end."""

    def __init__(self, read_at: Callable[[int, int], bytes], start: int, size: int) -> None:
        self._read_at, self._start, self.size = read_at, start, size

    @classmethod
    def of_file(cls, file: BinaryIO) -> Self:
        descriptor = file.fileno()
        return cls(lambda offset, size: os.pread(descriptor, size, offset), 0, os.fstat(descriptor).st_size)

    @classmethod
    def of_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        view = memoryview(data)
        return cls(lambda offset, size: bytes(view[offset : offset + size]), 0, len(view))

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes; fewer, or none, where the window ends or `offset` is outside of it."""
        if not 0 <= offset < self.size:
            return b""
        return self._read_at(self._start + offset, min(size, self.size - offset))

    def part(self, offset: int, size: int) -> "Window":
        return Window(self._read_at, self._start + offset, max(0, min(size, self.size - offset)))

    def head(self, size: int) -> bytes:
        return self.read(0, size)

    def tail(self, size: int) -> bytes:
        size = min(size, self.size)
        return self.read(self.size - size, size)

    def chunks(self) -> Iterator[bytes]:
        for offset in range(0, self.size, CHUNK_BYTES):
            yield self.read(offset, CHUNK_BYTES)
