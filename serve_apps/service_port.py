"""The port of one service, opened by the replica itself.

Serve's own HTTP path buffers whole bodies; bytes travel through this port instead, with back-pressure both ways: a slow
disk stops the sender, a slow receiver stops the disk. Several replicas on one node share the port (`SO_REUSEPORT`) and
the kernel spreads connections over them. Which HTTP server does the work is known here and in `bounded_head`.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps.bounded_head import BoundedHead

DIRECT = "muniment.direct"
"""Key in the ASGI scope of requests that came through a service's own port; all others came through the gateway."""

KEEP_ALIVE_SECONDS = 30
"""Longer than clients keep idle connections (httpx 5 s, aiohttp 15 s), so that the client closes first."""


class ListenerDied(RuntimeError):
    """Nobody listens on the service's port any more."""


class ServicePort:
    """Serves `app` on `host:port` in the running event loop. The app's lifespan is not run: its owner has done that."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._app, self._host, self._port = app, host, port
        self._in_flight = 0
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen. Raises `OSError` if the port is taken by someone who does not share it."""
        self._socket = _shared_socket(self._host, self._port)
        self._port = self._socket.getsockname()[1]
        self._server = _Server(_configuration(self._answer))
        self._serving = asyncio.create_task(self._server.serve([self._socket]), name=f"port {self._port}")
        await self._server.wait_started(self._serving)

    @property
    def port(self) -> int:
        """The port listened on; where 0 was asked for, the one that was found when opening."""
        return self._port

    @property
    def in_flight(self) -> int:
        """Requests being answered now; a download counts until its last byte is handed to the connection."""
        return self._in_flight

    def check(self) -> None:
        """Raise `ListenerDied` unless the kernel takes connections for this port and they are being served."""
        if self._serving is None or self._serving.done() or not _accepts(self._socket):
            raise ListenerDied(f"The listener on port {self._port} has died.")

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let requests in flight finish, close. What is unfinished after `seconds` is cut off."""
        if self._server is None or self._serving is None:
            return
        await self._server.stop(self._serving, seconds)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[DIRECT] = True
        self._in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_flight -= 1


class _Server(uvicorn.Server):
    """uvicorn, embedded: signals belong to the process it lives in, and starting and stopping can be awaited."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._has_started = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._has_started.set()

    async def wait_started(self, serving: asyncio.Task[None]) -> None:
        started = asyncio.create_task(self._has_started.wait())
        await asyncio.wait({started, serving}, return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            started.cancel()
            serving.result()

    async def stop(self, serving: asyncio.Task[None], seconds: float) -> None:
        # uvicorn hands the limit to asyncio.wait_for, which takes fractions of a second too.
        self.config.timeout_graceful_shutdown = seconds  # type: ignore[assignment]
        self.should_exit = True
        await asyncio.wait({serving})
        for connection in list(self.server_state.connections):
            # Left over after the time limit: closing politely would wait for a peer that may never read.
            if connection.transport is not None:
                connection.transport.abort()


def _configuration(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        http=BoundedHead,
        ws="none",
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )


def _shared_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shared = socket.socket(family, socket.SOCK_STREAM)
    try:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind((host, port))
    except OSError:
        shared.close()
        raise
    return shared


def _accepts(listener: socket.socket | None) -> bool:
    if listener is None or listener.fileno() < 0:
        return False
    return listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
