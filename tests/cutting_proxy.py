"""A bad network: passes bytes on, and breaks connections off in the middle of what a client sends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

READ_BYTES = 64 * 1024


class CuttingProxy:
    """The n-th connection is cut when the client has sent so many bytes on it; one without a number is left alone."""

    def __init__(self, host: str, port: int, cuts: Iterable[int]) -> None:
        self._host, self._port = host, port
        self._left = list(cuts)
        self.cut = 0
        """Connections that were cut."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        service, to_service = await asyncio.open_connection(self._host, self._port)
        allowed = self._left.pop(0) if self._left else None
        ways = {
            asyncio.create_task(self._pass_on(client, to_service, allowed)),
            asyncio.create_task(self._pass_on(service, to_client, None)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for writer in (to_service, to_client):
                writer.close()

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, allowed: int | None) -> None:
        passed = 0
        with contextlib.suppress(ConnectionError):
            while data := await source.read(READ_BYTES):
                passed += len(data)
                target.write(data)
                await target.drain()
                if allowed is not None and passed >= allowed:
                    self.cut += 1
                    return
