"""The process that deploys the applications, seen from the supervisor."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from muniment.local.child_process import ChildProcess, Command, ServerFailed, wait_until_ready
from muniment.local.home import Home

READY_SECONDS = 600.0
"""Patience for a busy machine; a deployment that fails ends the wait at once."""
SHUTDOWN_MARGIN_SECONDS = 45.0
"""What Serve may need beside the draining of its replicas' ports: the gateway's wait, and ending the processes."""
LOG_LINES = 15


class ServeProcess:
    def __init__(self, home: Home, environment: Mapping[str, str], drain_seconds: float) -> None:
        self._command = Command(
            [sys.executable, "-m", "muniment.local.serve_driver"],
            environment,
            folder=home.folder,
            log=home.logs / "serve.log",
        )
        self._drain_seconds = drain_seconds
        self._child: ChildProcess | None = None

    @property
    def child(self) -> ChildProcess:
        assert self._child is not None, "the applications were not deployed"  # noqa: S101
        return self._child

    async def start(self, urls: Mapping[str, str]) -> None:
        """Deploy, and return when every service answers that it is ready."""
        self._child = await ChildProcess.start("Serve", self._command)
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:

            async def ready() -> bool:
                return all(await asyncio.gather(*(is_ready(client, url) for url in urls.values())))

            try:
                await wait_until_ready(self._child, ready, READY_SECONDS)
            except ServerFailed as error:
                raise ServerFailed(f"{error}\n{await asyncio.to_thread(last_lines, self._command.log)}") from None

    async def stop(self) -> None:
        """Replicas finish what they do, then the applications are gone."""
        if self._child is not None:
            await self._child.stop(signal.SIGTERM, self._drain_seconds + SHUTDOWN_MARGIN_SECONDS)


async def is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/healthz/ready")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
