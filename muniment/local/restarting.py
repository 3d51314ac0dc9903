"""Keeps an embedded server running: one that dies is started again, on the same port and data."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Protocol

from muniment.local.child_process import ServerFailed

RESTARTS = 5
WITHIN_SECONDS = 60.0


class Embedded(Protocol):
    async def start(self) -> str:
        """Start and answer the URL, the same one each time."""

    async def wait(self) -> int:
        """Return the exit status when the server has ended."""

    async def stop(self) -> None:
        """Stop it if it runs."""


class Restarting:
    """Gives up on a server that dies more than five times a minute."""

    def __init__(self, name: str, server: Embedded, tell: Callable[[str], None]) -> None:
        self._name, self._server, self._tell = name, server, tell
        self._keeping: asyncio.Task[str] | None = None

    async def start(self) -> str:
        url = await self._server.start()
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self._name}")
        return url

    async def failure(self) -> str:
        """Returns what went wrong when the server is given up on; a server that works never returns."""
        assert self._keeping is not None, "the server was not started"  # noqa: S101
        return await asyncio.shield(self._keeping)

    async def stop(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        await self._server.stop()

    async def _keep(self) -> str:
        now = asyncio.get_running_loop().time
        restarts: deque[float] = deque(maxlen=RESTARTS)
        while True:
            status = await self._server.wait()
            if len(restarts) == RESTARTS and now() - restarts[0] < WITHIN_SECONDS:
                return f"{self._name} ended with status {status} for the {RESTARTS + 1}th time in a minute"
            restarts.append(now())
            self._tell(f"{self._name} ended with status {status}; starting it again.")
            try:
                await self._server.start()
            except (OSError, ServerFailed) as error:
                return f"{self._name} could not be started again: {error}"
