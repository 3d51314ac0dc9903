"""The queue against a real PostgreSQL: claims, fences, leases, and their races."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select, text, update

from storage import extraction_batches, extraction_crud, extraction_queue, extraction_results
from storage.database import Database
from storage.errors import AlreadyFinished, NotFinished, NotFound, TenantSuspended, TooManyQueued
from storage.extraction_queue import MAX_FAILURES
from storage.extraction_records import CancelRequested, ClaimedJob, HowToRead, LeaseLost
from storage.extraction_results import NewResult
from storage.models import ExtractionJob, ExtractionResult, File, Tenant
from storage.stored_documents import unpacked
from tests.extraction_rows import ENGINE, LEASE, MADE, Rows, make_tenant

RETRYABLE = {"code": "out-of-memory", "phase": "parse", "retryable": True, "message": "No memory left."}
FINAL = {"code": "corrupt-file", "phase": "parse", "retryable": False, "message": "Cannot be read."}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def rows(database: Database) -> Rows:
    return await make_tenant(database)


async def _make_available(rows: Rows) -> None:
    """Let the back-off of the tenant's jobs be over."""
    async with rows.database.transaction(rows.tenant_id) as session:
        await session.execute(
            update(ExtractionJob)
            .where(ExtractionJob.tenant_id == rows.tenant_id)
            .values(available_at=func.now() - text("interval '1 second'"))
        )


async def _fail(rows: Rows, claim: ClaimedJob, error: dict[str, object]) -> None:
    async with rows.database.transaction(rows.tenant_id) as session:
        await extraction_queue.fail(session, claim, error)


async def _result_count(rows: Rows) -> int:
    async with rows.database.reading(rows.tenant_id) as session:
        count = await session.scalar(
            select(func.count()).select_from(ExtractionResult).where(ExtractionResult.tenant_id == rows.tenant_id)
        )
        return count or 0


async def test_a_job_is_queued_then_running_then_succeeded_with_its_result(rows: Rows) -> None:
    job = await rows.job()
    assert (job.state, job.cached, job.attempt) == ("queued", False, 0)
    claim = await rows.claimed()
    assert claim.id == job.id
    running = await rows.get(job.id)
    assert (running.state, running.attempt) == ("running", 1)
    assert running.time_started is not None
    await rows.finish(claim)
    done = await rows.get(job.id)
    assert (done.state, done.pages_done, done.pages_total, done.is_final) == ("succeeded", 2, 2, True)
    assert done.time_finished is not None
    async with rows.database.reading(rows.tenant_id) as session:
        stored = await extraction_results.find(session, rows.tenant_id, job.id)
        document = await extraction_results.read_document(session, rows.tenant_id, stored.result_id)
    assert document is not None
    assert unpacked(document) == b'{"content":"done"}'


async def test_two_claims_at_once_never_get_the_same_job(rows: Rows) -> None:
    """Race: both look for the oldest queued job before either has taken it."""
    for _ in range(20):
        await rows.job()
    claims = await asyncio.gather(*(rows.claim() for _ in range(24)))
    taken = [claim.id for claim in claims if claim]
    assert len(taken) == len(set(taken)) == 20


async def test_claims_at_once_stay_within_the_tenants_share(rows: Rows) -> None:
    """Race: each claimer counts the running jobs before another's claim commits."""
    for _ in range(10):
        await rows.job()
    claims = await asyncio.gather(*(rows.claim(max_running=3) for _ in range(10)))
    assert sum(claim is not None for claim in claims) == 3


async def test_jobs_are_claimed_oldest_first(rows: Rows) -> None:
    jobs = [await rows.job() for _ in range(3)]
    assert [(await rows.claimed()).id for _ in range(3)] == [job.id for job in jobs]


async def test_an_old_attempt_cannot_write(rows: Rows) -> None:
    await rows.job()
    old = await rows.claimed(lease=-1)
    async with rows.database.transaction_across_tenants() as session:
        assert old.id in await extraction_queue.sweep_expired(session)
    await _make_available(rows)
    new = await rows.claimed()
    assert new.attempt == 2
    with pytest.raises(LeaseLost):
        await rows.finish(old)
    with pytest.raises(LeaseLost):
        await _fail(rows, old, FINAL)
    for write in (extraction_queue.give_back, extraction_queue.cancelled, extraction_queue.crash):
        with pytest.raises(LeaseLost):
            async with rows.database.transaction(rows.tenant_id) as session:
                await write(session, old)
    with pytest.raises(LeaseLost):
        async with rows.database.transaction(rows.tenant_id) as session:
            await extraction_queue.report_progress(session, old, 1, 2, LEASE)
    async with rows.database.transaction(rows.tenant_id) as session:
        assert await extraction_queue.renew(session, [old, new], LEASE) == {new.id: False}
    assert await _result_count(rows) == 0
    await rows.finish(new)
    assert (await rows.get(new.id)).state == "succeeded"


async def test_an_expired_lease_is_good_until_somebody_sweeps_it(rows: Rows) -> None:
    """After an outage of the database the holders, who are alive, renew first."""
    await rows.job()
    claim = await rows.claimed(lease=-1)
    async with rows.database.transaction_across_tenants() as session:
        assert await extraction_queue.renew(session, [claim], LEASE) == {claim.id: False}
        assert claim.id not in await extraction_queue.sweep_expired(session)


async def test_the_third_crash_fails_the_job(rows: Rows) -> None:
    job = await rows.job(password=b"sealed")
    for attempt in range(1, MAX_FAILURES + 1):
        claim = await rows.claimed(lease=-1)
        assert claim.attempt == attempt
        assert claim.password == b"sealed"
        async with rows.database.transaction_across_tenants() as session:
            await extraction_queue.sweep_expired(session)
        await _make_available(rows)
    failed = await rows.get(job.id)
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error["code"] == "worker-crashed"
    assert await rows.claim() is None
    assert await _password(rows, job.id) is None


async def _password(rows: Rows, job_id: str) -> bytes | None:
    async with rows.database.reading(rows.tenant_id) as session:
        password: bytes | None = await session.scalar(select(ExtractionJob.password).where(ExtractionJob.id == job_id))
        return password


async def test_a_retryable_error_waits_before_the_next_attempt(rows: Rows) -> None:
    job = await rows.job()
    await _fail(rows, await rows.claimed(), RETRYABLE)
    waiting = await rows.get(job.id)
    assert (waiting.state, waiting.error) == ("queued", None)
    assert await rows.claim() is None
    await _make_available(rows)
    assert (await rows.claimed()).attempt == 2


async def test_another_error_fails_at_once(rows: Rows) -> None:
    job = await rows.job(password=b"sealed")
    await _fail(rows, await rows.claimed(), FINAL)
    failed = await rows.get(job.id)
    assert (failed.state, failed.error) == ("failed", FINAL)
    assert await _password(rows, job.id) is None


async def test_work_given_back_is_nobodys_failure(rows: Rows) -> None:
    await rows.job()
    for attempt in range(1, MAX_FAILURES + 2):
        claim = await rows.claimed()
        assert claim.attempt == attempt
        async with rows.database.transaction(rows.tenant_id) as session:
            await extraction_queue.give_back(session, claim)


async def test_a_queued_job_is_cancelled_at_once(rows: Rows) -> None:
    job = await rows.job(password=b"sealed")
    assert (await rows.cancel(job.id)).state == "cancelled"
    assert await rows.claim() is None
    assert await _password(rows, job.id) is None
    with pytest.raises(AlreadyFinished):
        await rows.cancel(job.id)


@pytest.mark.parametrize("ending", ["finish", "fail", "crash", "give_back", "sweep", "cancelled"])
async def test_a_job_whose_cancellation_was_accepted_ends_cancelled(rows: Rows, ending: str) -> None:
    job = await rows.job()
    claim = await rows.claimed(lease=-1 if ending == "sweep" else LEASE)
    assert (await rows.cancel(job.id)).state == "running"
    with pytest.raises(CancelRequested):
        async with rows.database.transaction(rows.tenant_id) as session:
            await extraction_queue.report_progress(session, claim, 1, 2, LEASE)
    async with rows.database.transaction(rows.tenant_id) as session:
        match ending:
            case "finish":
                await extraction_queue.finish(session, claim, MADE)
            case "fail":
                await extraction_queue.fail(session, claim, RETRYABLE)
            case "crash":
                await extraction_queue.crash(session, claim)
            case "give_back":
                await extraction_queue.give_back(session, claim)
            case "sweep":
                await extraction_queue.sweep_expired(session)
            case _:
                await extraction_queue.cancelled(session, claim)
    assert (await rows.get(job.id)).state == "cancelled"
    assert await _result_count(rows) == 0


async def test_cancel_and_finish_at_once_agree_on_one_end(rows: Rows) -> None:
    """Race: the runner stores its result while the user asks for the end."""
    for _ in range(10):
        job = await rows.job()
        claim = await rows.claimed()
        asked, finished = await asyncio.gather(rows.cancel(job.id), rows.finish(claim), return_exceptions=True)
        assert finished is None
        end = await rows.get(job.id)
        if isinstance(asked, AlreadyFinished):
            assert end.state == "succeeded"
        else:
            assert not isinstance(asked, BaseException)
            assert end.state == "cancelled"


async def test_the_same_work_again_is_born_finished(rows: Rows) -> None:
    await rows.job(await rows.file("same"))
    await rows.finish(await rows.claimed())
    again = await rows.job(await rows.file("same"), password=b"sealed")
    assert (again.state, again.cached, again.pages_done, again.pages_total) == ("succeeded", True, 2, 2)
    assert again.time_finished is not None
    assert await _password(rows, again.id) is None
    assert await _result_count(rows) == 1


async def test_a_partial_result_is_shared_as_partial(rows: Rows) -> None:
    await rows.job(await rows.file("same"))
    await rows.finish(await rows.claimed(), NewResult(ENGINE, "partial", 1, b"{}"))
    assert (await rows.job(await rows.file("same"))).state == "partial"


@pytest.mark.parametrize("other", [{"options_hash": "other"}, {"engine_version": "other"}])
async def test_other_options_or_another_engine_are_other_work(rows: Rows, other: dict[str, str]) -> None:
    file = await rows.file()
    await rows.job(file)
    await rows.finish(await rows.claimed())
    assert (await rows.job(file, **other)).state == "queued"


async def test_another_tenants_result_is_never_used(rows: Rows, database: Database) -> None:
    other = await make_tenant(database)
    await other.job(await other.file("same"))
    await other.finish(await other.claimed())
    assert (await rows.job(await rows.file("same"))).state == "queued"


async def test_a_job_waits_while_the_same_work_runs_and_ends_with_it(rows: Rows) -> None:
    first = await rows.job(await rows.file("same"))
    second = await rows.job(await rows.file("same"), password=b"sealed")
    different = await rows.job()
    claim = await rows.claimed()
    assert claim.id == first.id
    assert (await rows.claimed()).id == different.id
    assert await rows.claim() is None
    await rows.finish(claim)
    ended = await rows.get(second.id)
    assert (ended.state, ended.cached, ended.attempt) == ("succeeded", True, 0)
    assert await _password(rows, second.id) is None
    assert await _result_count(rows) == 1


async def test_a_job_that_waited_for_failed_work_does_it_itself(rows: Rows) -> None:
    await rows.job(await rows.file("same"))
    second = await rows.job(await rows.file("same"))
    await _fail(rows, await rows.claimed(), FINAL)
    assert (await rows.claimed()).id == second.id


async def test_a_job_enqueued_while_the_same_work_was_being_stored_is_not_parsed_again(rows: Rows) -> None:
    """Race: enqueue looks for a result before the finish commits, the finish for twins before the enqueue does."""
    await rows.job(await rows.file("same"))
    claim = await rows.claimed()
    file_id = await rows.file("same")
    async with rows.database.transaction(rows.tenant_id) as enqueuing:
        file = await extraction_crud.lock_file(enqueuing, rows.tenant_id, file_id)
        late = await extraction_crud.enqueue(enqueuing, rows.tenant_id, file, HowToRead({}, "h", ENGINE), 10)
        await rows.finish(claim)
    assert (await rows.get(late.id)).state == "queued"
    assert await rows.claim() is None
    ended = await rows.get(late.id)
    assert (ended.state, ended.cached) == ("succeeded", True)


async def test_a_deleted_running_job_leaves_nothing(rows: Rows) -> None:
    job = await rows.job()
    claim = await rows.claimed()
    await rows.delete(job.id)
    with pytest.raises(LeaseLost):
        await rows.finish(claim)
    assert await _result_count(rows) == 0
    with pytest.raises(NotFound):
        await rows.get(job.id)
    with pytest.raises(NotFound):
        await rows.delete(job.id)


async def test_a_result_goes_with_the_last_job_that_has_it(rows: Rows) -> None:
    first = await rows.job(await rows.file("same"))
    await rows.finish(await rows.claimed())
    second = await rows.job(await rows.file("same"))
    assert await rows.delete(first.id) == {}
    assert await _result_count(rows) == 1
    assert len(await rows.delete(second.id)) == 1
    assert await _result_count(rows) == 0


async def test_a_result_found_by_a_new_job_is_not_removed_under_it(rows: Rows) -> None:
    """Race: the last job is deleted while another is being born with its result."""
    first = await rows.job(await rows.file("same"))
    await rows.finish(await rows.claimed())
    file_id = await rows.file("same")
    async with rows.database.transaction(rows.tenant_id) as enqueuing:
        file = await extraction_crud.lock_file(enqueuing, rows.tenant_id, file_id)
        born = await extraction_crud.enqueue(enqueuing, rows.tenant_id, file, HowToRead({}, "h", ENGINE), 10)
        deleting = asyncio.create_task(rows.delete(first.id))
        await _until_blocked(rows.database)
    assert await deleting == {}
    async with rows.database.reading(rows.tenant_id) as session:
        await extraction_results.find(session, rows.tenant_id, born.id)


async def _until_blocked(database: Database) -> None:
    """Until some connection waits for a lock."""
    async with asyncio.timeout(10):
        while True:
            async with database.reading_across_tenants() as session:
                waiting = await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
            if waiting:
                return
            await asyncio.sleep(0.01)


async def test_deleting_files_takes_their_jobs_and_results_but_not_shared_ones(rows: Rows) -> None:
    shared, copy, alone = await rows.file("same"), await rows.file("same"), await rows.file()
    kept = await rows.job(copy)
    gone = [await rows.job(shared), await rows.job(alone)]
    await rows.finish(await rows.claimed())
    await rows.finish(await rows.claimed())
    running = await rows.job(alone, options_hash="other")
    claim = await rows.claimed()
    async with rows.database.transaction(rows.tenant_id) as session:
        invalid = await extraction_crud.forget_file_extractions(session, rows.tenant_id, [shared, alone])
        assert await extraction_crud.forget_file_extractions(session, rows.tenant_id, []) == {}
        for file in await session.scalars(select(File).where(File.id.in_([shared, alone]))):
            await session.delete(file)
    assert len(invalid) == 1
    assert await _result_count(rows) == 1
    for job in (*gone, running):
        with pytest.raises(NotFound):
            await rows.get(job.id)
    with pytest.raises(LeaseLost):
        await rows.finish(claim)
    assert (await rows.get(kept.id)).state == "succeeded"


async def test_a_job_for_a_file_that_is_being_deleted_is_refused(rows: Rows) -> None:
    """Race: the file is deleted while a job for it is being enqueued."""
    file_id = await rows.file()
    async with rows.database.transaction(rows.tenant_id) as deleting:
        await extraction_crud.forget_file_extractions(deleting, rows.tenant_id, [file_id])
        enqueuing = asyncio.create_task(rows.job(file_id))
        await _until_blocked(rows.database)
        await deleting.delete(await deleting.get_one(File, file_id))
    with pytest.raises(NotFound):
        await enqueuing


async def test_only_the_tenants_active_files_can_be_extracted(rows: Rows, database: Database) -> None:
    other = await make_tenant(database)
    for file_id in (await rows.file(state="pending"), await other.file(), "fs_none"):
        with pytest.raises(NotFound):
            await rows.job(file_id)


async def _set_status(rows: Rows, status: str) -> None:
    async with rows.database.transaction_across_tenants() as session:
        await session.execute(update(Tenant).where(Tenant.id == rows.tenant_id).values(status=status))


async def test_of_a_suspended_tenant_what_runs_ends_and_what_waits_goes_on_later(rows: Rows) -> None:
    running, waiting = await rows.job(), await rows.job()
    claim = await rows.claimed()
    await _set_status(rows, "suspended")
    # By a runner that looked whose turn it was before.
    assert await rows.claim() is None
    await rows.finish(claim)
    assert (await rows.get(running.id)).state == "succeeded"
    assert (await rows.get(waiting.id)).state == "queued"
    await _set_status(rows, "active")
    assert (await rows.claimed()).id == waiting.id


async def test_jobs_and_batches_of_a_suspended_tenant_are_not_changed(rows: Rows) -> None:
    job, batch = await rows.job(), await rows.batch(await rows.file())
    await _set_status(rows, "suspended")
    for change in (
        lambda session: extraction_crud.cancel(session, rows.tenant_id, job.id),
        lambda session: extraction_crud.delete_job(session, rows.tenant_id, job.id),
        lambda session: extraction_batches.cancel(session, rows.tenant_id, batch),
        lambda session: extraction_batches.retry_failed(session, rows.tenant_id, batch, 10),
    ):
        with pytest.raises(TenantSuspended):
            async with rows.database.transaction(rows.tenant_id) as session:
                await change(session)
    assert (await rows.get(job.id)).state == "queued"


@pytest.mark.parametrize(("status", "refusal"), [("suspended", TenantSuspended), ("deleting", NotFound)])
async def test_a_tenant_that_takes_no_changes_takes_no_jobs(rows: Rows, status: str, refusal: type[Exception]) -> None:
    file_id = await rows.file()
    await rows.job()
    await _set_status(rows, status)
    with pytest.raises(refusal):
        await rows.job(file_id)
    async with rows.database.reading_across_tenants() as session:
        waiting = await extraction_queue.waiting_tenants(session)
    assert rows.tenant_id not in {tenant.tenant_id for tenant in waiting}


async def test_too_many_waiting_jobs_are_refused(rows: Rows) -> None:
    rows.max_queued = 2
    await rows.job()
    await rows.job(await rows.file("same"))
    with pytest.raises(TooManyQueued):
        await rows.job()
    await rows.claimed()
    await rows.job()


async def test_waiting_tenants_are_found_once_with_their_share(database: Database) -> None:
    plain = await make_tenant(database)
    heavy = await make_tenant(database, extraction={"priority_weight": 5, "max_running": 2})
    idle = await make_tenant(database)
    for _ in range(3):
        await plain.job()
        await heavy.job()
    await heavy.claimed()
    async with database.reading_across_tenants() as session:
        waiting = {tenant.tenant_id: tenant for tenant in await extraction_queue.waiting_tenants(session)}
    assert idle.tenant_id not in waiting
    found = waiting[heavy.tenant_id]
    assert (found.weight, found.max_running, found.running) == (5, 2, 1)
    assert waiting[plain.tenant_id].running == 0


async def test_progress_is_seen_and_renews_the_lease(rows: Rows) -> None:
    job = await rows.job()
    claim = await rows.claimed(lease=-1)
    async with rows.database.transaction_across_tenants() as session:
        await extraction_queue.report_progress(session, claim, 3, 7, LEASE)
        assert claim.id not in await extraction_queue.sweep_expired(session)
    seen = await rows.get(job.id)
    assert (seen.pages_done, seen.pages_total) == (3, 7)


async def test_jobs_are_listed_newest_first_page_by_page(rows: Rows) -> None:
    jobs = [await rows.job() for _ in range(5)]
    seen: list[str] = []
    after = None
    while True:
        async with rows.database.reading(rows.tenant_id) as session:
            page = await extraction_crud.page(session, rows.tenant_id, extraction_crud.JobFilter(), 2, after)
        if not page:
            break
        seen += [job.id for job in page]
        after = (page[-1].time_created, page[-1].id)
    assert seen == [job.id for job in reversed(jobs)]


async def test_jobs_are_listed_by_state_file_and_batch(rows: Rows) -> None:
    file_id = await rows.file()
    batch_id = await rows.batch(file_id)
    first = await rows.claimed()
    second = await rows.job()
    await rows.cancel(second.id)
    wanted = {
        first.id: [
            extraction_crud.JobFilter(state="running"),
            extraction_crud.JobFilter(file_id=file_id),
            extraction_crud.JobFilter(batch_id=batch_id),
        ],
        second.id: [extraction_crud.JobFilter(state="cancelled")],
    }
    async with rows.database.reading(rows.tenant_id) as session:
        for job_id, filters in wanted.items():
            for wished in filters:
                page = await extraction_crud.page(session, rows.tenant_id, wished, 10, None)
                assert [job.id for job in page] == [job_id]


async def test_another_tenants_job_does_not_exist(rows: Rows, database: Database) -> None:
    other = await make_tenant(database)
    job = await other.job()
    for call in (rows.get, rows.cancel, rows.delete):
        with pytest.raises(NotFound):
            await call(job.id)
    async with database.reading_across_tenants() as session:
        with pytest.raises(NotFound):
            await extraction_results.find(session, rows.tenant_id, job.id)


async def test_there_is_no_result_before_the_end(rows: Rows) -> None:
    job = await rows.job()
    async with rows.database.reading(rows.tenant_id) as session:
        with pytest.raises(NotFinished):
            await extraction_results.find(session, rows.tenant_id, job.id)


async def test_a_nul_character_in_a_document_becomes_a_replacement_character(rows: Rows) -> None:
    job = await rows.job()
    document = rb'{"content":"a\u0000b \\u0000 \\\u0000"}'
    await rows.finish(await rows.claimed(), NewResult(ENGINE, "succeeded", 1, document))
    async with rows.database.reading(rows.tenant_id) as session:
        stored = await extraction_results.find(session, rows.tenant_id, job.id)
        kept = await extraction_results.read_document(session, rows.tenant_id, stored.result_id)
        assert await extraction_results.read_document(session, stored.job.tenant_id, rows.tenant_id) is None
    assert kept is not None
    assert unpacked(kept) == rb'{"content":"a\ufffdb \\u0000 \\\ufffd"}'
