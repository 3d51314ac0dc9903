"""The runner's loop on a queue in memory; the work is whatever a test lets it be."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from actors import job_loop
from actors.job_loop import JobLoop, NoWorkers, WorkerDied
from storage import extraction_signals
from storage.extraction_records import ClaimedJob, WaitingTenant
from tests.extraction_rows import MADE
from tests.fake_job_queue import FakeJobQueue

Does = Callable[["Workers", ClaimedJob], Awaitable[None]]


class Workers:
    """Stands for the parser pool: notes what it was given and does what the test says."""

    def __init__(self, queue: FakeJobQueue, does: Does) -> None:
        self.queue, self._does = queue, does
        self.begun: list[ClaimedJob] = []
        self.stopped: list[str] = []
        self.release = asyncio.Event()

    async def __call__(self, claim: ClaimedJob) -> None:
        self.begun.append(claim)
        await self.queue.tell()
        try:
            await self._does(self, claim)
        except asyncio.CancelledError:
            self.stopped.append(claim.id)
            await self.queue.tell()
            raise


async def finishes(workers: Workers, claim: ClaimedJob) -> None:
    await workers.queue.finish(claim, MADE)


async def waits_then_finishes(workers: Workers, claim: ClaimedJob) -> None:
    await workers.release.wait()
    await workers.queue.finish(claim, MADE)


@pytest.fixture
def queue() -> FakeJobQueue:
    return FakeJobQueue()


@asynccontextmanager
async def running(
    queue: FakeJobQueue, does: Does, slots: int = 4, tick: float = 0.01
) -> AsyncIterator[tuple[JobLoop, Workers]]:
    workers = Workers(queue, does)
    loop = JobLoop(queue, workers, slots, tick)
    task = asyncio.create_task(loop.run())
    try:
        yield loop, workers
    finally:
        await loop.stop(0)
        async with asyncio.timeout(5):
            await task


async def test_waiting_jobs_are_worked_on_until_none_is_left(queue: FakeJobQueue) -> None:
    tenant = uuid4()
    jobs = [queue.add(tenant) for _ in range(20)]
    async with running(queue, finishes):
        await queue.until(lambda: all(job.state == "succeeded" for job in jobs))


async def test_a_signal_wakes_an_idle_loop(queue: FakeJobQueue) -> None:
    async with running(queue, finishes, tick=60) as (loop, _):
        await asyncio.sleep(0)
        job = queue.add()
        loop.hear(extraction_signals.WORK, "")
        await queue.until(lambda: job.state == "succeeded")


async def test_a_lost_signal_costs_no_more_than_a_tick(queue: FakeJobQueue) -> None:
    async with running(queue, finishes):
        await asyncio.sleep(0)
        job = queue.add()
        await queue.until(lambda: job.state == "succeeded")


async def test_no_more_jobs_are_held_than_there_are_slots(queue: FakeJobQueue) -> None:
    for _ in range(10):
        queue.add()
    async with running(queue, waits_then_finishes, slots=3) as (loop, workers):
        await queue.until(lambda: len(workers.begun) == 3)
        assert loop.running == 3
        workers.release.set()
        await queue.until(lambda: all(job.state == "succeeded" for job in queue.jobs.values()))
    assert loop.running == 0


async def test_a_tenant_with_thousands_of_jobs_leaves_a_slot_for_another(queue: FakeJobQueue) -> None:
    busy = uuid4()
    for _ in range(1000):
        queue.add(busy)
    async with running(queue, waits_then_finishes, slots=3) as (_, workers):
        await queue.until(lambda: len(workers.begun) == 2)
        single = queue.add()
        await queue.until(lambda: single.state == "running")
        workers.release.set()
        await queue.until(lambda: single.state == "succeeded")


async def test_a_cancelled_job_is_stopped_at_the_signal(queue: FakeJobQueue) -> None:
    job = queue.add()
    async with running(queue, waits_then_finishes, tick=60) as (loop, workers):
        await queue.until(lambda: workers.begun)
        job.cancel_requested = True
        loop.hear(extraction_signals.STOP, "ex_of_another_runner")
        loop.hear(extraction_signals.STOP, job.id)
        await queue.until(lambda: job.state == "cancelled")
        assert workers.stopped == [job.id]


async def test_a_deleted_job_is_stopped_and_nothing_is_written(queue: FakeJobQueue) -> None:
    job = queue.add()
    async with running(queue, waits_then_finishes) as (_, workers):
        await queue.until(lambda: workers.begun)
        del queue.jobs[job.id]
        await queue.until(lambda: workers.stopped == [job.id])
    assert queue.jobs == {}


async def test_a_job_that_another_took_over_is_stopped_here(queue: FakeJobQueue) -> None:
    job = queue.add()
    async with running(queue, waits_then_finishes) as (_, workers):
        await queue.until(lambda: workers.begun)
        job.attempt += 1
        await queue.until(lambda: workers.stopped == [job.id])
        assert job.state == "running"


async def test_work_that_takes_its_time_to_stop_is_asked_once(queue: FakeJobQueue) -> None:
    asked = 0

    async def stops_slowly(workers: Workers, _: ClaimedJob) -> None:
        nonlocal asked
        while not workers.release.is_set():
            try:
                await workers.release.wait()
            except asyncio.CancelledError:
                asked += 1
        raise asyncio.CancelledError

    job = queue.add()
    async with running(queue, stops_slowly) as (_, workers):
        await queue.until(lambda: workers.begun)
        job.cancel_requested = True
        await queue.until(lambda: asked)
        await asyncio.sleep(0.05)
        workers.release.set()
        await queue.until(lambda: job.state == "cancelled")
    assert asked == 1


async def test_a_dead_worker_counts_against_the_job_until_it_fails(queue: FakeJobQueue) -> None:
    async def dies(_: Workers, __: ClaimedJob) -> None:
        raise WorkerDied("killed")

    job = queue.add()
    async with running(queue, dies) as (_, workers):
        await queue.until(lambda: job.state == "failed")
    assert [claim.attempt for claim in workers.begun] == [1, 2, 3]
    assert job.error is not None
    assert job.error["code"] == "worker-crashed"


async def test_an_unexpected_error_of_the_worker_counts_as_a_crash(queue: FakeJobQueue) -> None:
    async def breaks(_: Workers, __: ClaimedJob) -> None:
        raise ZeroDivisionError

    job = queue.add()
    async with running(queue, breaks):
        await queue.until(lambda: job.state == "failed")


async def test_a_job_that_no_worker_takes_is_not_to_blame(queue: FakeJobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_loop, "PAUSE_SECONDS", 0.0)

    async def refused_at_first(workers: Workers, claim: ClaimedJob) -> None:
        if len(workers.begun) < 6:
            raise NoWorkers("deploying")
        await finishes(workers, claim)

    job = queue.add()
    async with running(queue, refused_at_first):
        await queue.until(lambda: job.state == "succeeded")
    assert job.failures == 0


async def test_nothing_is_claimed_for_a_while_after_no_worker_took_a_job(queue: FakeJobQueue) -> None:
    async def refuses(_: Workers, __: ClaimedJob) -> None:
        raise NoWorkers("deploying")

    job = queue.add()
    async with running(queue, refuses) as (loop, workers):
        await queue.until(lambda: workers.begun and job.state == "queued")
        loop.look_around()
        await asyncio.sleep(0.03)
        assert len(workers.begun) == 1


async def test_a_silent_runners_jobs_are_taken_over(queue: FakeJobQueue) -> None:
    job = queue.add(state="running", attempt=1, expired=True)
    async with running(queue, finishes):
        await queue.until(lambda: job.state == "succeeded")
    assert (job.attempt, job.failures) == (2, 1)


async def test_an_outage_of_the_database_is_waited_out_and_leases_are_renewed_before_any_is_swept(
    queue: FakeJobQueue,
) -> None:
    job = queue.add()
    async with running(queue, waits_then_finishes) as (_, workers):
        await queue.until(lambda: workers.begun)
        queue.away = True
        await asyncio.sleep(0.03)
        job.expired = True
        queue.away = False
        await queue.until(lambda: not job.expired)
        workers.release.set()
        await queue.until(lambda: job.state == "succeeded")
    assert (job.attempt, job.failures) == (1, 0)


async def test_an_end_that_cannot_be_written_is_left_to_the_sweep(queue: FakeJobQueue) -> None:
    async def dies_with_the_database_at_first(workers: Workers, claim: ClaimedJob) -> None:
        if claim.attempt > 1:
            return await finishes(workers, claim)
        workers.queue.away = True
        raise WorkerDied("killed")

    job = queue.add()
    async with running(queue, dies_with_the_database_at_first) as (_, workers):
        await queue.until(lambda: workers.begun)
        await asyncio.sleep(0.03)
        assert (job.state, job.failures) == ("running", 0)
        queue.away, job.expired = False, True
        await queue.until(lambda: job.state == "succeeded")
    assert (job.attempt, job.failures) == (2, 1)


async def test_a_stopping_loop_lets_jobs_finish_within_its_grace(queue: FakeJobQueue) -> None:
    job = queue.add()
    waiting = queue.add()
    async with running(queue, waits_then_finishes, slots=1) as (loop, workers):
        await queue.until(lambda: workers.begun)
        stopping = asyncio.create_task(loop.stop(5))
        await asyncio.sleep(0)
        workers.release.set()
        await stopping
    assert {job.state, waiting.state} == {"succeeded", "queued"}


async def test_a_stopping_loop_gives_back_what_is_unfinished(queue: FakeJobQueue) -> None:
    job = queue.add()
    async with running(queue, waits_then_finishes) as (loop, workers):
        await queue.until(lambda: workers.begun)
        await loop.stop(0)
        assert (job.state, job.failures, workers.stopped) == ("queued", 0, [job.id])


class SlowClaims(FakeJobQueue):
    """The answer to a claim is on its way until `arrives` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.arrives = asyncio.Event()

    async def claim(self, tenant: WaitingTenant) -> ClaimedJob | None:
        claim = await super().claim(tenant)
        await self.arrives.wait()
        return claim


async def test_a_job_claimed_while_the_loop_stops_is_given_back() -> None:
    """Race: the stop comes between the claim and its start."""
    queue = SlowClaims()
    job = queue.add()
    async with running(queue, finishes) as (loop, workers):
        await queue.until(lambda: job.state == "running")
        await loop.stop(0)
        queue.arrives.set()
        await queue.until(lambda: job.state == "queued")
    assert (workers.begun, job.failures) == ([], 0)


async def test_leases_are_renewed_while_the_loop_stops(queue: FakeJobQueue) -> None:
    job = queue.add()
    async with running(queue, waits_then_finishes) as (loop, workers):
        await queue.until(lambda: workers.begun)
        stopping = asyncio.create_task(loop.stop(5))
        job.expired = True
        await queue.until(lambda: not job.expired)
        workers.release.set()
        await stopping
    assert job.state == "succeeded"


async def test_work_that_is_stopped_before_it_begins_is_let_go(queue: FakeJobQueue) -> None:
    """Race: the job is lost between the start of its task and the first step of it."""
    job = queue.add()
    workers = Workers(queue, finishes)
    loop = JobLoop(queue, workers, 1, 60)
    claim = await queue.claim((await queue.waiting())[0])
    assert claim is not None
    loop._start(claim)
    loop._halt(loop._held[claim.id, 1], None)
    await loop.stop(0)
    async with asyncio.timeout(5):
        await loop.run()
    assert (workers.begun, job.state) == ([], "running")
