"""Every end of a job is told once, by the transaction that ends it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from storage import extraction_crud, extraction_queue
from storage.database import Database
from storage.extraction_records import ClaimedJob, LeaseLost
from storage.shown_records import job_out
from tests.extraction_rows import MADE, Rows, make_tenant
from tests.told_events import waiting_events

FINAL = {"code": "corrupt-file", "phase": "parse", "retryable": False, "message": "Cannot be read."}
RETRYABLE = {"code": "out-of-memory", "phase": "parse", "retryable": True, "message": "No memory left."}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def rows(database: Database) -> Rows:
    return await make_tenant(database)


async def told(rows: Rows) -> list[dict[str, Any]]:
    events = await waiting_events(rows.database, rows.code)
    assert {kind for kind, _ in events} <= {"extraction.finished"}
    return [data for _, data in events]


async def shown(rows: Rows, *job_ids: str) -> list[dict[str, Any]]:
    return [job_out(await rows.get(job_id), rows.code) for job_id in job_ids]


async def finish(rows: Rows, claim: ClaimedJob) -> None:
    await rows.finish(claim)


async def fail(rows: Rows, claim: ClaimedJob) -> None:
    async with rows.database.transaction(rows.tenant_id) as session:
        await extraction_queue.fail(session, claim, FINAL)


async def stop(rows: Rows, claim: ClaimedJob) -> None:
    await rows.cancel(claim.id)
    async with rows.database.transaction(rows.tenant_id) as session:
        await extraction_queue.cancelled(session, claim)


async def finish_although_it_was_to_stop(rows: Rows, claim: ClaimedJob) -> None:
    await rows.cancel(claim.id)
    await rows.finish(claim)


async def give_back_although_it_was_to_stop(rows: Rows, claim: ClaimedJob) -> None:
    await rows.cancel(claim.id)
    async with rows.database.transaction(rows.tenant_id) as session:
        await extraction_queue.give_back(session, claim)


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (finish, "succeeded"),
        (fail, "failed"),
        (stop, "cancelled"),
        (finish_although_it_was_to_stop, "cancelled"),
        (give_back_although_it_was_to_stop, "cancelled"),
    ],
)
async def test_the_end_of_an_attempt_is_told_as_the_job_is_shown(
    rows: Rows, end: Callable[[Rows, ClaimedJob], Awaitable[None]], state: str
) -> None:
    job = await rows.job()
    claim = await rows.claimed()
    assert await told(rows) == []
    await end(rows, claim)
    (event,) = await told(rows)
    assert [event] == await shown(rows, job.id)
    assert (event["state"], event["time_finished"] is not None) == (state, True)
    # Whoever comes late changes nothing and tells nothing.
    with pytest.raises(LeaseLost):
        await rows.finish(claim)
    assert len(await told(rows)) == 1


async def test_a_queued_job_that_is_cancelled_is_told(rows: Rows) -> None:
    job = await rows.job()
    await rows.cancel(job.id)
    assert await told(rows) == await shown(rows, job.id)


async def test_an_attempt_that_is_repeated_is_no_end(rows: Rows) -> None:
    await rows.job()
    claim = await rows.claimed()
    async with rows.database.transaction(rows.tenant_id) as session:
        await extraction_queue.fail(session, claim, RETRYABLE)
    assert await told(rows) == []


async def test_a_job_that_is_born_with_its_result_is_told_at_once(rows: Rows) -> None:
    file_id = await rows.file()
    first = await rows.job(file_id)
    await rows.finish(await rows.claimed())
    born = await rows.job(file_id)
    assert (born.state, born.cached) == ("succeeded", True)
    assert await told(rows) == await shown(rows, first.id, born.id)


async def test_jobs_that_end_with_anothers_result_are_told_with_it(rows: Rows) -> None:
    file_id = await rows.file()
    jobs = [await rows.job(file_id) for _ in range(3)]
    await rows.finish(await rows.claimed())
    events = await told(rows)
    assert events == await shown(rows, *(job.id for job in jobs))
    assert [event["cached"] for event in events] == [False, True, True]


async def test_a_job_whose_work_was_done_while_it_waited_is_told_by_its_claim(rows: Rows, database: Database) -> None:
    file_id = await rows.file()
    first, second = await rows.job(file_id), await rows.job(file_id)
    claim = await rows.claimed()
    async with database.transaction_across_tenants() as other:
        # Somebody is changing the second one, so that the first one's end passes it over.
        await other.execute(text("SELECT id FROM extraction_jobs WHERE id = :id FOR UPDATE"), {"id": second.id})
        await rows.finish(claim)
    assert await told(rows) == await shown(rows, first.id)
    assert await rows.claim() is None
    assert await told(rows) == await shown(rows, first.id, second.id)


async def test_jobs_whose_runner_is_gone_for_good_are_told(rows: Rows) -> None:
    job = await rows.job()
    for _ in range(extraction_queue.MAX_FAILURES):
        await _pass_time(rows)
        await rows.claimed(lease=-1)
        async with rows.database.transaction_across_tenants() as session:
            assert job.id in await extraction_queue.sweep_expired(session)
    (event,) = await told(rows)
    assert (event["state"], event["error"]["code"]) == ("failed", "worker-crashed")


async def _pass_time(rows: Rows) -> None:
    """Let the back-off of the tenant's jobs be over."""
    later = text("UPDATE extraction_jobs SET available_at = now() - interval '1 second' WHERE tenant_id = :id")
    async with rows.database.transaction(rows.tenant_id) as session:
        await session.execute(later, {"id": rows.tenant_id})


async def test_an_end_that_is_rolled_back_is_not_told(rows: Rows, database: Database) -> None:
    job = await rows.job()
    claim = await rows.claimed()
    async with database.transaction(rows.tenant_id) as session:
        await extraction_queue.finish(session, claim, MADE)
        await session.rollback()
    assert await told(rows) == []
    async with database.transaction(rows.tenant_id) as session:
        await extraction_crud.delete_job(session, rows.tenant_id, job.id)
    assert await told(rows) == []
