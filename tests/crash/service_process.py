"""The file service in a process of its own: the real app on a port, tenant actors, a sweeper; it may be killed."""

import asyncio
import logging
import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, Self

import httpx
from sqlalchemy import text

from actors import sweeper as sweeper_module
from actors.sweeper import Sweeper
from serve_apps.service_port import ServicePort
from storage.database import Database
from tests.crash.disk_fault import DiskFault, break_disk
from tests.crash.kill_point import KillPoint
from tests.crash.points import Point
from tests.file_service import FileService, file_service

PATIENCE = httpx.Timeout(60)
ROUND_SECONDS = 0.02
"""Between two rounds of the sweeper, so that a run of a second has many."""
GRACE = timedelta(hours=1)
SWEEPS = 5
"""More than any work needs that one sweep leaves to the next."""

# A new process is forked from one that has imported everything: a restart takes a fraction of a second.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.crash.service_process"])


@dataclass(frozen=True, slots=True)
class Where:
    """What is kept when the process is killed, and its log."""

    base: Path
    database_url: str
    redis_url: str
    log: Path


@dataclass(frozen=True, slots=True)
class Kill:
    """The command to die at a pass of a point."""

    point: Point
    at_pass: int


Sweep = Literal["sweep"]
"""The command to sweep as if the grace times had passed; there must be no clients."""
Mend = Literal["mend"]
"""The command to end the fault of the disk."""
Command = Kill | DiskFault | Sweep | Mend


class ServiceDied(Exception):
    """The process ended before it had done what it was told."""


class ServiceProcess:
    """Inside the block the service listens at `url`, unless it has been killed meanwhile."""

    def __init__(self, where: Where) -> None:
        self._ours, theirs = _processes.Pipe()
        self._theirs = theirs
        self._process = _processes.Process(target=_serve, args=(where, theirs), daemon=True)
        self.url = ""

    async def __aenter__(self) -> Self:
        self._process.start()
        # The only other end is the child's: its death is seen here.
        self._theirs.close()
        self.url = f"http://127.0.0.1:{await self._answer()}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
        await self._ended()
        self._ours.close()
        self._process.close()

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, trust_env=False)

    async def tell(self, command: Command) -> None:
        """Returns when it is done. Raises `ServiceDied`."""
        self._ours.send(command)
        await self._answer()

    async def _answer(self) -> int:
        try:
            answer: int = await asyncio.to_thread(self._ours.recv)
        except EOFError:
            raise ServiceDied from None
        return answer

    def kill(self) -> None:
        self._process.kill()

    async def died_within(self, seconds: float) -> bool:
        """Whether it was killed, by itself or from outside, before the time was over."""
        await asyncio.to_thread(self._process.join, seconds)
        return self._process.exitcode == -signal.SIGKILL

    async def _ended(self) -> None:
        await asyncio.to_thread(self._process.join)


def _serve(where: Where, commands: Connection) -> None:
    """In the new process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(filename=where.log, level=logging.WARNING)
    sweeper_module.REMOVAL_AGE = timedelta(0)
    sweeper_module.ROUND_SECONDS = ROUND_SECONDS
    asyncio.run(_serving(where, commands))


async def _serving(where: Where, commands: Connection) -> None:
    async with file_service(where.base, where.database_url, where.redis_url) as service:
        port = ServicePort(service.app, "127.0.0.1", 0)
        await port.open()
        sweeping = asyncio.create_task(_sweeper(service, GRACE).run())
        commands.send(port.port)
        mend: Callable[[], None] | None = None
        while True:
            command: Command = await asyncio.to_thread(commands.recv)
            match command:
                case Kill():
                    KillPoint(command.point, command.at_pass).arm()
                case DiskFault():
                    mend = break_disk(command, where.base)
                case "mend":
                    assert mend is not None
                    mend()
                case "sweep":
                    sweeping.cancel()
                    await asyncio.gather(sweeping, return_exceptions=True)
                    await _sweep_everything(service)
                    sweeping = asyncio.create_task(_sweeper(service, GRACE).run())
            commands.send(0)


async def _sweep_everything(service: FileService) -> None:
    await _let_time_pass(service.services.database)
    for _ in range(SWEEPS):
        await _sweeper(service, timedelta(0)).sweep()


def _sweeper(service: FileService, grace: timedelta) -> Sweeper:
    services = service.services
    return Sweeper(services.database, services.cache, services.disk, service.hosting, grace)


async def _let_time_pass(database: Database) -> None:
    """For whatever is held or awaited until some time: who held it is dead, and nobody comes any more."""
    async with database.transaction_across_tenants() as session:
        await session.execute(text("UPDATE idempotency_keys SET lease_until = now() - interval '1 second'"))
        await session.execute(text("UPDATE resumable_uploads SET time_expires = now() - interval '1 second'"))
