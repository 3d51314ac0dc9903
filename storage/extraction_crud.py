"""A tenant's extraction jobs: asked for, looked at, cancelled, deleted. Runners use `extraction_queue`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from storage import extraction_results, extraction_signals, tenant_crud
from storage.errors import AlreadyFinished, NotFound, TooManyQueued
from storage.extraction_ends import tell_ends
from storage.extraction_records import HowToRead, JobRecord, refuse_unless_id
from storage.identifiers import is_id, new_id
from storage.models import ExtractionJob, File
from storage.records import FileRecord


@dataclass(frozen=True, slots=True)
class JobFilter:
    state: str | None = None
    file_id: str | None = None
    batch_id: str | None = None

    @property
    def can_match(self) -> bool:
        """What is no identifier finds nothing; the database would refuse some of it, such as NUL."""
        asked = (("fs", self.file_id), ("eb", self.batch_id))
        return all(given is None or is_id(prefix, given) for prefix, given in asked)


async def lock_file(session: AsyncSession, tenant_id: UUID, file_id: str) -> FileRecord:
    """The file that the tenant wants extracted, kept from deletion until the transaction ends.

    Raises `NotFound` and `TenantSuspended`.
    """
    # Tenant, file, result: who locks more than one of them takes this order.
    await tenant_crud.hold_active(session, tenant_id)
    found = await lock_files(session, tenant_id, [file_id])
    if not found:
        raise NotFound("file")
    return found[0]


async def lock_files(session: AsyncSession, tenant_id: UUID, file_ids: Sequence[str]) -> list[FileRecord]:
    """Those of the files that exist, by id, kept from deletion until the transaction ends."""
    known = [file_id for file_id in file_ids if is_id("fs", file_id)]
    rows = await session.scalars(
        select(File)
        .where(File.tenant_id == tenant_id, File.id.in_(known), File.state == "active")
        .order_by(File.id)
        .with_for_update(read=True, key_share=True)
    )
    return [FileRecord.of(row) for row in rows]


async def enqueue(
    session: AsyncSession, tenant_id: UUID, file: FileRecord, how: HowToRead, max_queued: int
) -> JobRecord:
    """A queued job; or, where the same work was done before, one that is born with its result.

    The file was locked in this transaction. Raises `TooManyQueued`.
    """
    row = _row(tenant_id, file, how)
    known = await extraction_results.find_alike(session, row)
    if known is not None:
        row.state, row.cached, row.result_id, row.password = known.status, True, known.id, None
        row.pages_done = row.pages_total = known.page_count
        row.time_finished = func.now()
    session.add(row)
    await session.flush()
    if known is None:
        await refuse_too_many(session, tenant_id, max_queued)
        await extraction_signals.send(session, extraction_signals.WORK)
    await session.refresh(row)
    if known is not None:
        await tell_ends(session, tenant_id, [row.id])
    return JobRecord.of(row)


def _row(tenant_id: UUID, file: FileRecord, how: HowToRead) -> ExtractionJob:
    return ExtractionJob(
        id=new_id("ex"),
        tenant_id=tenant_id,
        file_id=file.id,
        state="queued",
        options=how.options,
        sha256=file.sha256,
        options_hash=how.options_hash,
        engine_version=how.engine_version,
        password=how.password,
    )


async def refuse_too_many(session: AsyncSession, tenant_id: UUID, max_queued: int) -> None:
    """Raises `TooManyQueued` when more jobs of the tenant wait than may."""
    waiting = (
        select(literal(1))
        .where(ExtractionJob.tenant_id == tenant_id, ExtractionJob.state == "queued")
        .limit(max_queued + 1)
        .subquery()
    )
    if (await session.scalar(select(func.count()).select_from(waiting)) or 0) > max_queued:
        raise TooManyQueued(max_queued)


async def get(session: AsyncSession, tenant_id: UUID, job_id: str) -> JobRecord:
    refuse_unless_id(job_id)
    row = await session.scalar(_one(tenant_id, job_id))
    if row is None:
        raise NotFound("extraction")
    return JobRecord.of(row)


def _one(tenant_id: UUID, job_id: str) -> Select[ExtractionJob]:
    return select(ExtractionJob).where(ExtractionJob.tenant_id == tenant_id, ExtractionJob.id == job_id)


async def page(
    session: AsyncSession, tenant_id: UUID, wanted: JobFilter, limit: int, after: tuple[datetime, str] | None
) -> list[JobRecord]:
    """Up to `limit` jobs, newest first, older than the one named by `after`."""
    if not wanted.can_match:
        return []
    query = (
        select(ExtractionJob)
        .where(ExtractionJob.tenant_id == tenant_id)
        .order_by(ExtractionJob.time_created.desc(), ExtractionJob.id.desc())
        .limit(limit)
    )
    if wanted.state is not None:
        query = query.where(ExtractionJob.state == wanted.state)
    if wanted.file_id is not None:
        query = query.where(ExtractionJob.file_id == wanted.file_id)
    if wanted.batch_id is not None:
        query = query.where(ExtractionJob.batch_id == wanted.batch_id)
    if after is not None:
        query = query.where(tuple_(ExtractionJob.time_created, ExtractionJob.id) < after)
    return [JobRecord.of(row) for row in await session.scalars(query)]


async def cancel(session: AsyncSession, tenant_id: UUID, job_id: str) -> JobRecord:
    """A queued job is cancelled; a running one is as soon as its runner has stopped it, and can end no other way.

    Raises `AlreadyFinished` and `TenantSuspended`.
    """
    row = await _locked(session, tenant_id, job_id)
    if row.state == "running":
        row.cancel_requested = True
        await extraction_signals.send(session, extraction_signals.STOP, row.id)
    elif row.state == "queued":
        await end_cancelled(session, row)
    else:
        raise AlreadyFinished(row.state)
    await session.flush()
    await session.refresh(row)
    return JobRecord.of(row)


def ends_cancelled() -> dict[str, Any]:
    """The columns of a job that ends without having been done."""
    return {"state": "cancelled", "password": None, "lease_until": None, "time_finished": func.now()}


async def end_cancelled(session: AsyncSession, row: ExtractionJob) -> None:
    for column, value in ends_cancelled().items():
        setattr(row, column, value)
    await tell_ends(session, row.tenant_id, [row.id])


async def _locked(session: AsyncSession, tenant_id: UUID, job_id: str) -> ExtractionJob:
    refuse_unless_id(job_id)
    await tenant_crud.hold_active(session, tenant_id)
    row = await session.scalar(_one(tenant_id, job_id).with_for_update())
    if row is None:
        raise NotFound("extraction")
    return row


async def delete_job(session: AsyncSession, tenant_id: UUID, job_id: str) -> dict[str, int]:
    """Remove a job in any state, and its result unless another job has the same.

    Returns what to invalidate after the commit. Raises `TenantSuspended`.
    """
    row = await _locked(session, tenant_id, job_id)
    await session.delete(row)
    await session.flush()
    await _tell_gone(session, row)
    return await extraction_results.remove_unreferenced(
        session, tenant_id, [row.result_id] if row.result_id is not None else []
    )


async def forget_file_extractions(session: AsyncSession, tenant_id: UUID, file_ids: Sequence[str]) -> dict[str, int]:
    """Remove the jobs of files that this transaction is about to delete, and the results that only they had.

    Returns what to invalidate after the commit.
    """
    if not file_ids:
        return {}
    # Nobody can enqueue a job for a locked file: its foreign key waits, and finds the file gone.
    await session.execute(
        select(File.id).where(File.tenant_id == tenant_id, File.id.in_(file_ids)).order_by(File.id).with_for_update()
    )
    rows = await session.scalars(
        delete(ExtractionJob)
        .where(ExtractionJob.tenant_id == tenant_id, ExtractionJob.file_id.in_(file_ids))
        .returning(ExtractionJob)
        .execution_options(synchronize_session=False)
    )
    removed = rows.all()
    for row in removed:
        await _tell_gone(session, row)
    results = {row.result_id for row in removed if row.result_id is not None}
    return await extraction_results.remove_unreferenced(session, tenant_id, list(results))


async def _tell_gone(session: AsyncSession, row: ExtractionJob) -> None:
    if row.state == "running":
        await extraction_signals.send(session, extraction_signals.STOP, row.id)
    await extraction_signals.changed(session, row)
