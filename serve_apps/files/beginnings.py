"""The beginning of a file's bytes, read to see whether it is the whole."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from storage.upload_errors import FileTooLarge


@dataclass(frozen=True, slots=True)
class Beginning:
    pieces: list[bytes]
    size: int
    rest: AsyncIterator[bytes] | None
    """None where there is nothing more."""

    @property
    def is_whole(self) -> bool:
        return self.rest is None

    def content(self) -> bytes:
        return b"".join(self.pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The beginning, and what follows it."""
        for piece in self.pieces:
            yield piece
        if self.rest is not None:
            async for chunk in self.rest:
                yield chunk


async def read_beginning(chunks: AsyncIterator[bytes], enough: int, limit: int) -> Beginning:
    """Read until there are more than `enough` bytes. Raises `FileTooLarge` beyond `limit`."""
    pieces: list[bytes] = []
    size = 0
    async for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size > limit:
            raise FileTooLarge(None, limit)
        if size > enough:
            return Beginning(pieces, size, chunks)
    return Beginning(pieces, size, None)
