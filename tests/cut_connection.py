"""A way to a server that can be cut: connections through it break, and new ones are refused until it is mended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Way:
    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._target)
        self._writers |= {writer, back}
        await asyncio.gather(_pour(reader, back), _pour(there, writer))
        self._writers -= {writer, back}


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    except ConnectionError:
        pass  # that is what a cut is
    writer.close()


@asynccontextmanager
async def way_to(host: str, port: int) -> AsyncIterator[Way]:
    way = Way(host, port)
    await way.mend()
    yield way
    await way.cut()
