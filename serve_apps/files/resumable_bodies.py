"""Bodies of requests that go on with an upload: read until another request waits for it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from storage.resumable_errors import UploadStalled, UploadTakenOver
from storage.resumable_uploads import LET_GO
from storage.signal_listener import SignalListener

SILENCE_SECONDS = 60
"""A connection on which nothing comes for so long is taken for dead."""


class ResumableBody:
    """A request's body as it comes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._waiting: asyncio.Timeout | None = None
        self._told = False

    def let_go(self) -> None:
        """Another request waits for the upload: what has not come yet is not read any more."""
        self._told = True
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def read(self) -> AsyncIterator[bytes]:
        """Raises `UploadTakenOver` when it is told to let go, `UploadStalled` when nothing comes."""
        while (chunk := await self._next()) is not None:
            yield chunk

    async def _next(self) -> bytes | None:
        if self._told:
            raise UploadTakenOver
        try:
            async with asyncio.timeout(SILENCE_SECONDS) as self._waiting:
                return await anext(self._chunks, None)
        except TimeoutError:
            raise UploadTakenOver if self._told else UploadStalled(SILENCE_SECONDS) from None
        finally:
            self._waiting = None


class UploadHolders:
    """One per replica: hears which uploads are waited for, and tells the requests that read them."""

    def __init__(self, database_url: str) -> None:
        # Who waits asks again and again, so that nothing is lost with a connection.
        self._listener = SignalListener(database_url, [LET_GO], self._hear, lambda: None)
        self._reading: defaultdict[str, set[ResumableBody]] = defaultdict(set)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        listening = asyncio.create_task(self._listener.run(), name="upload holders")
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    @contextmanager
    def reading(self, upload_id: str, chunks: AsyncIterator[bytes]) -> Iterator[ResumableBody]:
        """Inside the block the reader is told when another request waits."""
        body = ResumableBody(chunks)
        self._reading[upload_id].add(body)
        try:
            yield body
        finally:
            self._reading[upload_id].discard(body)
            if not self._reading[upload_id]:
                del self._reading[upload_id]

    def _hear(self, _channel: str, upload_id: str) -> None:
        for body in self._reading.get(upload_id, ()):
            body.let_go()
