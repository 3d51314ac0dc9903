"""Clients at work on a service that goes on while something that it needs fails."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.crash.aftermath import look_at_everything
from tests.crash.ledger import Ledger, TrackedTenant
from tests.crash.service_process import ServiceProcess, Where
from tests.crash.workload import Client, new_code

CLIENTS = 6
LONGEST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class FaultRun:
    service: ServiceProcess
    ledger: Ledger

    async def until_acknowledged(self, more: int) -> None:
        before = self.ledger.acknowledged
        await self._until(lambda: self.ledger.acknowledged >= before + more)

    async def until_refused(self, more: int, code: str) -> None:
        before = self.ledger.refusals[code]
        await self._until(lambda: self.ledger.refusals[code] >= before + more)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(LONGEST_SECONDS):
            reached = False
            while not reached:
                await asyncio.sleep(0.01)
                assert self.ledger.wrong == []
                reached = is_so()


@asynccontextmanager
async def at_work(where: Where, seed: int) -> AsyncIterator[FaultRun]:
    """In the block something may fail, and must be over at its end; then nothing may be wrong."""
    rng = random.Random(seed)  # noqa: S311 - the same run again
    ledger = Ledger()
    async with ServiceProcess(where) as service, service.client() as http:
        shared = TrackedTenant(code=new_code(rng))
        clients = [
            Client(http, ledger, random.Random(rng.random()), shared, takes_refusals=True)  # noqa: S311 - repeatable
            for _ in range(CLIENTS)
        ]
        await clients[0].create(shared)
        work = asyncio.gather(*(client.work() for client in clients))
        try:
            yield FaultRun(service, ledger)
        finally:
            for client in clients:
                client.stop = True
            await work
        assert ledger.wrong == []
        # In the same process: it needs no restart.
        await look_at_everything(where, ledger, service, http)
    assert ledger.wrong == []
