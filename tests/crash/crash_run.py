"""One run: clients work until the service is killed at its point, and then everything is looked at."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from tests.crash.aftermath import look_at_everything
from tests.crash.ledger import Ledger, TrackedTenant
from tests.crash.points import POINTS, Point
from tests.crash.service_process import Kill, ServiceDied, ServiceProcess, Where
from tests.crash.workload import Client, new_code

CLIENTS = 6
LONGEST_SECONDS = 20.0
"""A service whose point is not reached for so long is killed from outside, which is a crash like any other."""


@dataclass(frozen=True, slots=True)
class Outcome:
    point: Point
    seed: int
    reached: bool
    """Whether the process died at its point."""
    requests: int
    wrong: list[str]


class CrashRun:
    """The run of a seed is the same again as far as clients decide; how their requests meet is up to the machine."""

    def __init__(self, where: Where, point: Point, seed: int) -> None:
        self._where = where
        self._point = point
        self._seed = seed
        self._rng = random.Random(f"{seed} {point.name}")  # noqa: S311 - the same run again
        self._ledger = Ledger()

    async def run(self) -> Outcome:
        """Whatever was stored is gone again afterwards."""
        first = next((point for point in POINTS if point.name == self._point.after), self._point)
        reached = await self._crash(first)
        if self._point.after:
            reached = await self._crash_again()
        await self._recover()
        return Outcome(self._point, self._seed, reached, self._ledger.requests, self._ledger.wrong)

    @asynccontextmanager
    async def _service(self) -> AsyncIterator[tuple[ServiceProcess, httpx.AsyncClient]]:
        async with ServiceProcess(self._where) as service, service.client() as http:
            yield service, http

    async def _crash(self, point: Point) -> bool:
        """Whether the service died at the point, with all clients at work."""
        async with self._service() as (service, http):
            shared = TrackedTenant(code=new_code(self._rng))
            clients = [Client(http, self._ledger, random.Random(self._rng.random()), shared) for _ in range(CLIENTS)]  # noqa: S311 - repeatable
            await clients[0].create(shared)
            await service.tell(self._kill(point))
            work = asyncio.gather(*(client.work(point.work) for client in clients))
            reached = await service.died_within(LONGEST_SECONDS)
            service.kill()
            await work
        return reached

    def _kill(self, point: Point) -> Kill:
        return Kill(point, self._rng.randint(1, point.most))

    async def _crash_again(self) -> bool:
        """Whether the next service died at the run's point while it finished what the first had left."""
        async with self._service() as (service, _):
            await service.tell(self._kill(self._point))
            self._ledger.time_has_passed = True
            try:
                await service.tell("sweep")
            except ServiceDied:
                return True
        return False

    async def _recover(self) -> None:
        async with self._service() as (service, http):
            await look_at_everything(self._where, self._ledger, service, http)
