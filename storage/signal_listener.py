"""Hears PostgreSQL's notifications on a connection of its own, which comes back by itself."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

import asyncpg

log = logging.getLogger(__name__)

APPLICATION_NAME = "muniment signals"
CONNECT_SECONDS = 5.0
RETRY_SECONDS = 1.0
CHECK_SECONDS = 15.0
"""How often a silent connection is asked whether it still is one."""

OnSignal = Callable[[str, str], None]
"""Channel and payload."""


class SignalListener:
    """Calls `on_signal` for each notification, and `on_connected` whenever some may have been missed."""

    def __init__(
        self, database_url: str, channels: Sequence[str], on_signal: OnSignal, on_connected: Callable[[], None]
    ) -> None:
        self._url = _plain(database_url)
        self._channels = channels
        self._on_signal, self._on_connected = on_signal, on_connected

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("signals are not heard", extra={"reason": type(error).__name__})
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        """Until the connection ends."""
        connection = await asyncpg.connect(
            self._url, timeout=CONNECT_SECONDS, server_settings={"application_name": APPLICATION_NAME}
        )
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        try:
            for channel in self._channels:
                await connection.add_listener(channel, self._hear)
            self._on_connected()
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), CHECK_SECONDS)
                    return
                await connection.execute("SELECT 1", timeout=CONNECT_SECONDS)
        finally:
            connection.terminate()

    def _hear(self, _connection: object, _process: int, channel: str, payload: object) -> None:
        self._on_signal(channel, str(payload))


def _plain(url: str) -> str:
    """`postgresql+driver://…` as asyncpg wants it."""
    scheme, separator, rest = url.partition("://")
    return scheme.partition("+")[0] + separator + rest
