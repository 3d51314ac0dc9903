"""A runner of extraction jobs: claims them, has them worked on, keeps their leases, stops them. No Ray in here."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from actors.fair_turns import FairTurns
from storage import extraction_signals
from storage.errors import Unavailable
from storage.extraction_records import ClaimedJob, LeaseLost
from storage.job_queue import JobQueue

log = logging.getLogger(__name__)

TICK_SECONDS = 2.0
"""How often leases are renewed, expired ones swept and, should a signal be lost, work is looked for."""
PAUSE_SECONDS = 5.0
"""Nothing is claimed for so long after there was no worker to give it to."""


class WorkerDied(Exception):
    """The process that worked on the job is gone."""


class NoWorkers(Exception):
    """Nobody took the job; it is not to blame."""


Work = Callable[[ClaimedJob], Awaitable[None]]
"""Does an attempt and writes how it ended. Cancelling it stops the work. Raises `WorkerDied` and `NoWorkers`."""
Ending = Callable[[ClaimedJob], Awaitable[None]]


@dataclass(eq=False, slots=True)
class _Held:
    claim: ClaimedJob
    task: asyncio.Task[None] = field(init=False)
    ending: Ending | None = None
    """What to write when the work was stopped by this runner; None for a claim that is not its own any more."""


@dataclass(eq=False)
class JobLoop:
    """Holds up to `slots` jobs at a time."""

    queue: JobQueue
    work: Work
    slots: int
    tick: float = TICK_SECONDS
    _held: dict[tuple[str, int], _Held] = field(default_factory=dict)
    _turns: FairTurns = field(default_factory=FairTurns)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _next_tick: float = 0.0
    _paused_until: float = 0.0
    _stopping: bool = False

    @property
    def running(self) -> int:
        return len(self._held)

    def hear(self, channel: str, payload: str) -> None:
        """A signal came from the database."""
        if channel == extraction_signals.STOP:
            if all(job_id != payload for job_id, _ in self._held):
                return
            self._next_tick = 0.0
        self._woken.set()

    def look_around(self) -> None:
        """Signals may have been missed."""
        self._next_tick = 0.0
        self._woken.set()

    async def run(self) -> None:
        """Until `stop`. An outage of the database is waited out; what is being worked on goes on."""
        while not (self._stopping and not self._held):
            self._woken.clear()
            try:
                await self._round()
            except Unavailable as error:
                log.warning("job queue away", extra={"reason": str(error)})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self.tick)

    async def _round(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._next_tick:
            # Renewed before anything is swept: after an outage the holders are alive and their leases are not.
            await self._renew()
            if not self._stopping:
                await self._sweep()
            self._next_tick = now + self.tick
        if self.running < self.slots and not self._stopping and now >= self._paused_until:
            await self._claim()

    async def _renew(self) -> None:
        if not self._held:
            return
        asked = list(self._held.values())
        still_held = await self.queue.renew([held.claim for held in asked])
        for held in asked:
            cancel_requested = still_held.get(held.claim.id)
            if cancel_requested is None:
                self._halt(held, None)
            elif cancel_requested:
                self._halt(held, self.queue.cancelled)

    async def _sweep(self) -> None:
        for job_id in await self.queue.sweep():
            log.warning("job's runner not heard of", extra={"job": job_id})

    async def _claim(self) -> None:
        waiting = {tenant.tenant_id: tenant for tenant in await self.queue.waiting()}
        while (free := self.slots - self.running) > 0:
            tenant = self._turns.next(waiting.values(), last_slot=free == 1 and self.slots > 1)
            if tenant is None:
                return
            claim = await self.queue.claim(tenant)
            if claim is None:
                del waiting[tenant.tenant_id]
                continue
            if self._stopping:
                await self._write(self.queue.give_back, claim)
                return
            self._turns.charge(tenant)
            waiting[tenant.tenant_id] = replace(tenant, running=tenant.running + 1)
            self._start(claim)

    def _start(self, claim: ClaimedJob) -> None:
        held = self._held[claim.id, claim.attempt] = _Held(claim)
        held.task = asyncio.create_task(self._attend(held), name=claim.id)
        # Not at the end of the task itself: one that is cancelled before it begins has no end.
        held.task.add_done_callback(lambda _: self._let_go(claim))

    def _let_go(self, claim: ClaimedJob) -> None:
        del self._held[claim.id, claim.attempt]
        self._woken.set()

    async def _attend(self, held: _Held) -> None:
        try:
            await self.work(held.claim)
        except asyncio.CancelledError:
            if held.ending is not None:
                await self._write(held.ending, held.claim)
        except WorkerDied as error:
            log.warning("worker died", extra={"job": held.claim.id, "reason": str(error)})
            await self._write(self.queue.crash, held.claim)
        except NoWorkers as error:
            log.warning("no workers", extra={"job": held.claim.id, "reason": str(error)})
            self._paused_until = asyncio.get_running_loop().time() + PAUSE_SECONDS
            await self._write(self.queue.give_back, held.claim)
        except Exception:
            log.exception("work failed in an unexpected way", extra={"job": held.claim.id})
            await self._write(self.queue.crash, held.claim)

    async def _write(self, ending: Ending, claim: ClaimedJob) -> None:
        """Where that is not possible, the lease expires and a sweep ends the attempt."""
        try:
            await ending(claim)
        except (LeaseLost, Unavailable) as error:
            log.info("end of attempt not written", extra={"job": claim.id, "reason": type(error).__name__})

    def _halt(self, held: _Held, ending: Ending | None) -> None:
        if not held.task.cancelling():
            held.ending = ending
            held.task.cancel()

    async def stop(self, grace: float) -> None:
        """Claim nothing more; what is not finished after `grace` seconds is given back."""
        self._stopping = True
        self._woken.set()
        tasks = [held.task for held in self._held.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        for held in list(self._held.values()):
            self._halt(held, self.queue.give_back)
        await asyncio.gather(*tasks, return_exceptions=True)
