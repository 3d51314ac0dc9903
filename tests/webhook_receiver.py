"""A receiver of webhooks on a port of this machine, which answers as a test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

Answer = Callable[["Received"], Awaitable[bytes] | bytes]
"""The whole answer to a request, with its status line."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
TRUSTING = "127.0.0.0/8"
"""The setting that lets webhooks reach a receiver."""


@dataclass(frozen=True, slots=True)
class Received:
    target: str
    headers: httpx.Headers
    body: bytes
    connection: int
    """Of all connections, counted from 1."""


@dataclass(slots=True)
class Receiver:
    port: int = 0
    answer: Answer = lambda _: OK
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    serving: set[asyncio.Task[None]] = field(default_factory=set)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    async def until(self, count: int) -> list[Received]:
        """The requests, as soon as there are so many."""
        async with asyncio.timeout(30), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self.serving.add(task)
        self.connections += 1
        connection = self.connections
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = httpx.Headers(
                    [(name, value) for name, _, value in (line.partition(": ") for line in lines[1:-2])]
                )
                body = await reader.readexactly(int(headers["content-length"]))
                received = Received(lines[0].split(" ")[1], headers, body, connection)
                async with self._arrived:
                    self.requests.append(received)
                    self._arrived.notify_all()
                answer = self.answer(received)
                writer.write(answer if isinstance(answer, bytes) else await answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(answer: Answer = lambda _: OK, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer=answer)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in receiver.serving:
            task.cancel()
        await asyncio.gather(*receiver.serving, return_exceptions=True)
