"""Archives are looked through in a bounded child process; this is the asynchronous end of it."""

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Hashable
from dataclasses import asdict
from pathlib import Path
from typing import Self

from storage.errors import Unavailable
from storage.fair_slots import FairSlots
from storage.tenant_configuration import ArchiveLimits
from storage.upload_checks.archive_budget import WalkLimits
from storage.upload_checks.archive_report import ArchiveReport

log = logging.getLogger(__name__)

_SOURCE_ROOT = Path(__file__).parents[2]
_ATTEMPTS = 2


class ArchiveChecker:
    """Looks through archives, a few at a time, each in a child that cannot outlive this process.

    One per event loop. The server behind it starts with the first archive, and again should it have died.
    """

    def __init__(
        self, *, max_children: int | None = None, max_seconds: float = 120.0, memory_bytes: int = 2**29
    ) -> None:
        self._children = FairSlots(max_children or 1 + (os.cpu_count() or 1))
        self._starting = asyncio.Lock()
        self._max_seconds, self._memory_bytes = max_seconds, memory_bytes
        self._server: _Server | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the server; checks that are running are lost with it."""
        async with self._starting:
            server, self._server = self._server, None
        if server is not None:
            await asyncio.to_thread(server.end)

    async def check(self, path: Path, limits: ArchiveLimits, owner: Hashable = None) -> ArchiveReport:
        """A child that died or was killed makes the archive `corrupt`: the contract has no reason that is nearer.

        Owners who wait for a child get one in turn. Raises Unavailable where no child can be had.
        """
        walk_limits = WalkLimits(**limits.model_dump(), max_seconds=self._max_seconds)
        request = {"path": str(path), "limits": asdict(walk_limits), "memory_bytes": self._memory_bytes}
        async with self._children.slot(owner):
            for _ in range(_ATTEMPTS):
                server = await self._running_server()
                reply = await server.ask(json.dumps(request).encode() + b"\n")
                if reply:
                    return ArchiveReport(**json.loads(reply))
                if not await asyncio.to_thread(server.has_died):
                    log.warning("archive check ended without a report")
                    return ArchiveReport(None, "corrupt", "The archive cannot be looked through.")
        raise Unavailable("check of archives")

    async def _running_server(self) -> "_Server":
        async with self._starting:
            if self._server is None or self._server.is_dead():
                self._server = await asyncio.to_thread(_Server)
            return self._server


class _Server:
    """The fork server's process and this end of its socket pair."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            # -P: nothing is imported from the working directory. The environment, which may hold keys, stays here.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", "storage.upload_checks.check_server", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={"PYTHONPATH": os.fspath(_SOURCE_ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    async def ask(self, request: bytes) -> bytes:
        """The reply, or nothing where the child or the server died. Cancelling this ends the child."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [b"?"], [theirs.fileno()])
            reader, writer = await asyncio.open_connection(sock=ours)
            try:
                writer.write(request)
                return await reader.read()
            finally:
                writer.transport.abort()
        except OSError:
            ours.close()
            return b""

    def is_dead(self) -> bool:
        return self._process.poll() is not None

    def has_died(self) -> bool:
        """Whether the server is gone; its children's connections break a moment before it can be waited for."""
        try:
            self._process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> None:
        self._control.close()
        self._process.wait()
