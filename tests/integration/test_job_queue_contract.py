"""What the loop and an attempt rely on, of the queue in PostgreSQL and of the one in memory that unit tests use."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, text, update

from storage.database import Database
from storage.extraction_queue import MAX_FAILURES
from storage.extraction_records import CancelRequested, ClaimedJob, LeaseLost, WaitingTenant
from storage.job_queue import JobQueue
from storage.models import ExtractionJob
from tests.extraction_rows import MADE, make_tenant
from tests.fake_job_queue import FakeJobQueue

LEASE = 30.0
RETRYABLE = {"code": "out-of-memory", "phase": "parse", "retryable": True, "message": "No memory left."}
FINAL = RETRYABLE | {"retryable": False}


@dataclass(slots=True)
class Kit:
    """A queue with one tenant's jobs, and what only a test does to them."""

    queue: JobQueue
    tenant: WaitingTenant
    add: Callable[[], Awaitable[str]]
    state: Callable[[str], Awaitable[str]]
    request_cancel: Callable[[str], Awaitable[Any]]
    expire: Callable[[], Awaitable[Any]]
    end_back_off: Callable[[], Awaitable[Any]]

    async def claimed(self) -> ClaimedJob:
        claim = await self.queue.claim(self.tenant)
        assert claim is not None
        return claim


@pytest.fixture(params=["memory", "postgres"])
async def kit(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Kit]:
    if request.param == "memory":
        yield _in_memory()
        return
    database = Database(database_url)
    yield await _in_postgres(database)
    await database.close()


def _in_memory() -> Kit:
    queue = FakeJobQueue()
    tenant_id = queue.add().tenant_id
    queue.jobs.clear()

    async def add() -> str:
        return queue.add(tenant_id).id

    async def state(job_id: str) -> str:
        return queue.jobs[job_id].state

    async def request_cancel(job_id: str) -> None:
        queue.jobs[job_id].cancel_requested = True

    async def expire() -> None:
        for job in queue.jobs.values():
            job.expired = True

    async def end_back_off() -> None:
        """There is none."""

    return Kit(queue, WaitingTenant(tenant_id, 1, 32, 0), add, state, request_cancel, expire, end_back_off)


async def _in_postgres(database: Database) -> Kit:
    rows = await make_tenant(database)

    async def add() -> str:
        return (await rows.job()).id

    async def state(job_id: str) -> str:
        return (await rows.get(job_id)).state

    async def _set(**values: Any) -> None:
        async with database.transaction_across_tenants() as session:
            past = func.now() - text("interval '1 second'")
            await session.execute(
                update(ExtractionJob)
                .where(ExtractionJob.tenant_id == rows.tenant_id)
                .values(dict.fromkeys(values, past))
            )

    return Kit(
        JobQueue(database, LEASE),
        WaitingTenant(rows.tenant_id, 1, 32, 0),
        add,
        state,
        rows.cancel,
        lambda: _set(lease_until=None),
        lambda: _set(available_at=None),
    )


async def _waiting(kit: Kit) -> list[WaitingTenant]:
    return [tenant for tenant in await kit.queue.waiting() if tenant.tenant_id == kit.tenant.tenant_id]


async def test_a_tenant_waits_while_it_has_a_queued_job(kit: Kit) -> None:
    assert await _waiting(kit) == []
    await kit.add()
    await kit.add()
    assert await _waiting(kit) == [kit.tenant]
    await kit.claimed()
    assert [tenant.running for tenant in await _waiting(kit)] == [1]
    await kit.claimed()
    assert await _waiting(kit) == []
    assert await kit.queue.claim(kit.tenant) is None


async def test_a_claim_is_written_under_its_attempt_until_it_ends(kit: Kit) -> None:
    job = await kit.add()
    claim = await kit.claimed()
    assert (claim.id, claim.attempt) == (job, 1)
    await kit.queue.report_progress(claim, 1, 2)
    assert await kit.queue.renew([claim]) == {job: False}
    await kit.queue.finish(claim, MADE)
    assert await kit.state(job) == "succeeded"
    assert await kit.queue.renew([claim]) == {}
    for write in (
        kit.queue.finish(claim, MADE),
        kit.queue.fail(claim, FINAL),
        kit.queue.crash(claim),
        kit.queue.cancelled(claim),
        kit.queue.give_back(claim),
        kit.queue.report_progress(claim, 2, 2),
    ):
        with pytest.raises(LeaseLost):
            await write


async def test_failures_are_repeated_where_that_may_help_and_not_for_ever(kit: Kit) -> None:
    once = await kit.add()
    await kit.queue.fail(await kit.claimed(), FINAL)
    assert await kit.state(once) == "failed"
    often = await kit.add()
    for ending in ("fail", "crash", "sweep"):
        assert await kit.state(often) == "queued"
        claim = await kit.claimed()
        match ending:
            case "fail":
                await kit.queue.fail(claim, RETRYABLE)
            case "crash":
                await kit.queue.crash(claim)
            case _:
                await kit.expire()
                assert often in await kit.queue.sweep()
        await kit.end_back_off()
    assert claim.attempt == MAX_FAILURES
    assert await kit.state(often) == "failed"


async def test_a_renewed_lease_is_not_swept(kit: Kit) -> None:
    job = await kit.add()
    claim = await kit.claimed()
    await kit.expire()
    await kit.queue.renew([claim])
    assert job not in await kit.queue.sweep()
    await kit.expire()
    await kit.queue.report_progress(claim, 0, None)
    assert job not in await kit.queue.sweep()


async def test_work_given_back_waits_again(kit: Kit) -> None:
    job = await kit.add()
    await kit.queue.give_back(await kit.claimed())
    assert await kit.state(job) == "queued"
    assert (await kit.claimed()).attempt == 2


@pytest.mark.parametrize("ending", ["finish", "fail", "give_back", "cancelled"])
async def test_after_a_request_to_cancel_every_end_is_cancelled(kit: Kit, ending: str) -> None:
    job = await kit.add()
    claim = await kit.claimed()
    await kit.request_cancel(job)
    assert await kit.queue.renew([claim]) == {job: True}
    with pytest.raises(CancelRequested):
        await kit.queue.report_progress(claim, 1, 2)
    match ending:
        case "finish":
            await kit.queue.finish(claim, MADE)
        case "fail":
            await kit.queue.fail(claim, RETRYABLE)
        case "give_back":
            await kit.queue.give_back(claim)
        case _:
            await kit.queue.cancelled(claim)
    assert await kit.state(job) == "cancelled"
