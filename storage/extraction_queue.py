"""The queue of extraction jobs, as runners use it: claim, renew, finish, fail, give back.

Whoever holds a claim writes under its attempt; a write under an attempt that is over raises `LeaseLost` and changes
nothing. Looking for waiting tenants and for expired leases crosses tenants; everything else names one.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from storage import extraction_results, extraction_signals
from storage.extraction_crud import end_cancelled
from storage.extraction_ends import tell_ends
from storage.extraction_records import CancelRequested, ClaimedJob, LeaseLost, WaitingTenant
from storage.extraction_results import NewResult
from storage.models import ExtractionJob, ExtractionResult, File, Tenant
from storage.tenant_configuration import TenantConfiguration

MAX_FAILURES = 3
BACK_OFF_SECONDS = 2.0
"""Before the second attempt; doubled before the third."""
SWEEP_LIMIT = 100

CLAIM_LOCK = 6_865_203
"""First key of the advisory lock that claims of one tenant queue at; any number that nothing else here uses."""

# A loose index scan: one probe of the index `jobs_queued` for each tenant that waits, however many jobs it has.
_WAITING = text("""
    WITH RECURSIVE waiting(tenant_id) AS (
        (SELECT tenant_id FROM extraction_jobs WHERE state = 'queued' ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT job.tenant_id FROM extraction_jobs job
                WHERE job.state = 'queued' AND job.tenant_id > waiting.tenant_id ORDER BY job.tenant_id LIMIT 1)
        FROM waiting WHERE waiting.tenant_id IS NOT NULL
    )
    SELECT tenant._id, tenant.configuration,
        (SELECT count(*) FROM extraction_jobs job WHERE job.tenant_id = tenant._id AND job.state = 'running')
    FROM waiting JOIN tenants tenant ON tenant._id = waiting.tenant_id
    WHERE tenant.status = 'active'
""")

WORKER_CRASHED = {
    "code": "worker-crashed",
    "phase": "parse",
    "retryable": True,
    "message": "The worker ended while it read the file.",
}


async def waiting_tenants(session: AsyncSession) -> list[WaitingTenant]:
    """Every active tenant with a queued job."""
    found = await session.execute(_WAITING)
    return [_waiting(tenant_id, configuration, running) for tenant_id, configuration, running in found]


def _waiting(tenant_id: UUID, configuration: dict[str, Any], running: int) -> WaitingTenant:
    share = TenantConfiguration.model_validate(configuration).extraction
    return WaitingTenant(tenant_id, share.priority_weight, share.max_running, running)


async def claim(session: AsyncSession, tenant_id: UUID, max_running: int, lease: float) -> ClaimedJob | None:
    """The tenant's oldest job that can run now, held for `lease` seconds; None where there is none.

    A job whose work another is doing is left waiting; one whose work was done meanwhile ends with that result.
    """
    # One claim at a time for a tenant: its running jobs are counted exactly, and no two do the same work.
    await session.execute(select(func.pg_advisory_xact_lock(CLAIM_LOCK, func.hashtext(str(tenant_id)))))
    if await _running(session, tenant_id) >= max_running:
        return None
    while (found := (await session.execute(_next(tenant_id))).one_or_none()) is not None:
        job, file = found
        known = await extraction_results.find_alike(session, job)
        if known is None:
            return await _start(session, job, file, lease)
        _end_with(job, known.id, known.status, known.page_count, cached=True)
        await tell_ends(session, tenant_id, [job.id])
    return None


async def _running(session: AsyncSession, tenant_id: UUID) -> int:
    count = await session.scalar(
        select(func.count())
        .select_from(ExtractionJob)
        .where(ExtractionJob.tenant_id == tenant_id, ExtractionJob.state == "running")
    )
    return count or 0


def _next(tenant_id: UUID) -> Select[ExtractionJob, File]:
    twin = aliased(ExtractionJob)
    return (
        select(ExtractionJob, File)
        .join(File, (File.id == ExtractionJob.file_id) & (File.tenant_id == tenant_id))
        .where(
            ExtractionJob.tenant_id == tenant_id,
            ExtractionJob.state == "queued",
            ExtractionJob.available_at <= func.now(),
            exists().where(Tenant.id == tenant_id, Tenant.status == "active"),
            ~exists().where(
                twin.tenant_id == tenant_id,
                twin.state == "running",
                twin.sha256 == ExtractionJob.sha256,
                twin.options_hash == ExtractionJob.options_hash,
                twin.engine_version == ExtractionJob.engine_version,
            ),
        )
        .order_by(ExtractionJob.time_created, ExtractionJob.id)
        .limit(1)
        .with_for_update(of=ExtractionJob, skip_locked=True)
    )


async def _start(session: AsyncSession, job: ExtractionJob, file: File, lease: float) -> ClaimedJob:
    job.state = "running"
    # Counted before it runs: a worker that the kernel kills never gets to.
    job.attempt += 1
    job.lease_until = func.now() + timedelta(seconds=lease)
    job.pages_done, job.pages_total = 0, None
    if job.time_started is None:
        job.time_started = func.now()
    claimed = ClaimedJob.of(job, file)
    await extraction_signals.changed(session, job)
    await session.flush()
    return claimed


async def renew(session: AsyncSession, claims: Sequence[ClaimedJob], lease: float) -> dict[str, bool]:
    """Hold the claims for `lease` more seconds: the ids that are still held, and whether each is to be cancelled."""
    held: dict[str, bool] = {}
    for tenant_id in sorted({claim.tenant_id for claim in claims}):
        attempts = [(claim.id, claim.attempt) for claim in claims if claim.tenant_id == tenant_id]
        found = await session.execute(
            update(ExtractionJob)
            .where(
                ExtractionJob.tenant_id == tenant_id,
                tuple_(ExtractionJob.id, ExtractionJob.attempt).in_(attempts),
                ExtractionJob.state == "running",
            )
            .values(lease_until=func.now() + timedelta(seconds=lease))
            .returning(ExtractionJob.id, ExtractionJob.cancel_requested)
            .execution_options(synchronize_session=False)
        )
        held.update((row.id, row.cancel_requested) for row in found)
    return held


async def report_progress(session: AsyncSession, claim: ClaimedJob, done: int, total: int | None, lease: float) -> None:
    """Write how far the attempt is, which renews its lease. Raises `LeaseLost` and `CancelRequested`."""
    job = await _held(session, claim)
    if job.cancel_requested:
        raise CancelRequested
    job.lease_until = func.now() + timedelta(seconds=lease)
    if (job.pages_done, job.pages_total) != (done, total):
        job.pages_done, job.pages_total = done, total
        await extraction_signals.changed(session, job)


async def _held(session: AsyncSession, claim: ClaimedJob) -> ExtractionJob:
    job = await session.scalar(
        select(ExtractionJob)
        .where(
            ExtractionJob.tenant_id == claim.tenant_id,
            ExtractionJob.id == claim.id,
            ExtractionJob.attempt == claim.attempt,
            ExtractionJob.state == "running",
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if job is None:
        raise LeaseLost
    return job


async def finish(session: AsyncSession, claim: ClaimedJob, made: NewResult) -> None:
    """Store the result; jobs that wait for the same work end with it. Raises `LeaseLost`.

    A job whose cancellation was asked for is cancelled instead: who was told so is not told otherwise.
    """
    job = await _held(session, claim)
    if job.cancel_requested:
        await end_cancelled(session, job)
        return
    result_id = await extraction_results.store(session, job, made)
    stored = await session.get_one(ExtractionResult, result_id)
    twins = (await session.scalars(_queued_twins(job))).all()
    for twin in twins:
        _end_with(twin, result_id, stored.status, stored.page_count, cached=True)
    _end_with(job, result_id, stored.status, stored.page_count, cached=False)
    await tell_ends(session, job.tenant_id, [job.id, *(twin.id for twin in twins)])


def _queued_twins(job: ExtractionJob) -> Select[ExtractionJob]:
    return (
        select(ExtractionJob)
        .where(
            ExtractionJob.tenant_id == job.tenant_id,
            ExtractionJob.sha256 == job.sha256,
            ExtractionJob.options_hash == job.options_hash,
            ExtractionJob.engine_version == job.engine_version,
            ExtractionJob.state == "queued",
        )
        # A twin that somebody else is changing right now is settled by its claim.
        .with_for_update(skip_locked=True)
    )


def _end_with(job: ExtractionJob, result_id: UUID, status: str, page_count: int, *, cached: bool) -> None:
    job.state, job.cached, job.result_id = status, cached, result_id
    job.pages_done = job.pages_total = page_count
    job.password, job.lease_until, job.error = None, None, None
    job.time_finished = func.now()


async def fail(session: AsyncSession, claim: ClaimedJob, error: dict[str, Any]) -> None:
    """End the attempt without a result. A retryable error makes the job wait for another, up to `MAX_FAILURES`.

    `error` is `{code, phase, retryable, message}`. Raises `LeaseLost`.
    """
    await _end_attempt(session, await _held(session, claim), error)


async def crash(session: AsyncSession, claim: ClaimedJob) -> None:
    """The attempt's worker died. Raises `LeaseLost`."""
    await fail(session, claim, WORKER_CRASHED)


async def sweep_expired(session: AsyncSession) -> list[str]:
    """End attempts whose holder is not heard of any more, as crashes; the ids of their jobs."""
    expired = (
        await session.scalars(
            select(ExtractionJob)
            .where(ExtractionJob.state == "running", ExtractionJob.lease_until < func.now())
            .order_by(ExtractionJob.id)
            .limit(SWEEP_LIMIT)
            .with_for_update(skip_locked=True)
        )
    ).all()
    for job in expired:
        await _end_attempt(session, job, WORKER_CRASHED)
    return [job.id for job in expired]


async def _end_attempt(session: AsyncSession, job: ExtractionJob, error: dict[str, Any]) -> None:
    if job.cancel_requested:
        await end_cancelled(session, job)
        return
    job.failures += 1
    job.lease_until = None
    if error["retryable"] and job.failures < MAX_FAILURES:
        job.state = "queued"
        job.available_at = func.now() + timedelta(seconds=BACK_OFF_SECONDS * 2 ** (job.failures - 1))
        await extraction_signals.changed(session, job)
    else:
        job.state, job.error, job.password = "failed", error, None
        job.time_finished = func.now()
        await tell_ends(session, job.tenant_id, [job.id])


async def cancelled(session: AsyncSession, claim: ClaimedJob) -> None:
    """The attempt was stopped because somebody asked for it. Raises `LeaseLost`."""
    await end_cancelled(session, await _held(session, claim))


async def give_back(session: AsyncSession, claim: ClaimedJob) -> None:
    """Let somebody else do it, at once; this is nobody's failure. Raises `LeaseLost`."""
    job = await _held(session, claim)
    if job.cancel_requested:
        await end_cancelled(session, job)
        return
    job.state, job.lease_until = "queued", None
    await extraction_signals.send(session, extraction_signals.WORK)
    await extraction_signals.changed(session, job)
