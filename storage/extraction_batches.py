"""Batches: many jobs asked for at once, and looked at, cancelled and tried again together.

A batch keeps no state of its own: what it is follows from its jobs, so the two can never disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import orjson
from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage import extraction_signals, tenant_crud
from storage.errors import AlreadyFinished, NotFound
from storage.extraction_crud import ends_cancelled, refuse_too_many
from storage.extraction_ends import tell_ends
from storage.extraction_records import FINAL_STATES, STATES, HowToRead
from storage.identifiers import is_id, new_id
from storage.models import ExtractionBatch, ExtractionJob, ExtractionResult, File


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch as its tenant sees it. `counts` has every state of jobs, also those that no job is in."""

    id: str
    name: str
    options: dict[str, Any]
    time_created: datetime
    counts: dict[str, int]

    @classmethod
    def of(cls, row: ExtractionBatch, counts: dict[str, int]) -> Self:
        return cls(row.id, row.name, row.options, row.time_created, {state: counts.get(state, 0) for state in STATES})

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def is_final(self) -> bool:
        return not self.counts["queued"] and not self.counts["running"]

    @property
    def state(self) -> str:
        """One of a job's states: `queued` before its first job runs, `partial` when its jobs ended in several ways.

        One without jobs has succeeded.
        """
        if not self.is_final:
            return "queued" if self.counts["queued"] == self.total else "running"
        ends = [state for state in FINAL_STATES if self.counts[state]] or ["succeeded"]
        return ends[0] if len(ends) == 1 else "partial"


async def create(session: AsyncSession, tenant_id: UUID, name: str, options: dict[str, Any]) -> str:
    """An empty batch; its id. `options` never hold the password."""
    row = ExtractionBatch(id=new_id("eb"), tenant_id=tenant_id, name=name, options=options)
    session.add(row)
    await session.flush()
    return row.id


# The jobs of a batch are claimed in its order: each is a microsecond younger than the one before.
_ADD_JOBS = text("""
    INSERT INTO extraction_jobs (id, tenant_id, file_id, batch_id, state, options, sha256, options_hash,
        engine_version, password, cached, result_id, pages_done, pages_total, time_created, time_finished)
    SELECT asked.job_id, file.tenant_id, file.id, :batch_id, coalesce(known.status, 'queued'),
        CAST(:options AS jsonb), file.sha256, :options_hash, :engine_version,
        CASE WHEN known.id IS NULL THEN CAST(:password AS bytea) END, known.id IS NOT NULL, known.id,
        coalesce(known.page_count, 0), known.page_count, now() + asked.place * interval '1 microsecond',
        CASE WHEN known.id IS NOT NULL THEN now() END
    FROM unnest(CAST(:job_ids AS text[]), CAST(:file_ids AS text[]), CAST(:places AS bigint[]))
        AS asked(job_id, file_id, place)
    JOIN files file ON file.id = asked.file_id AND file.tenant_id = :tenant_id
    LEFT JOIN extraction_results known ON known.tenant_id = file.tenant_id AND known.sha256 = file.sha256
        AND known.options_hash = :options_hash AND known.engine_version = :engine_version
""")


async def add_jobs(
    session: AsyncSession, tenant_id: UUID, batch_id: str, how: HowToRead, files: Sequence[tuple[int, str]], limit: int
) -> None:
    """A job for each of the files, which were locked in this transaction and come with their place in the batch.

    Jobs whose work was done before are born with its result. Raises `TooManyQueued` when more than `limit` jobs of
    the tenant would wait.
    """
    file_ids = [file_id for _, file_id in files]
    await _keep_results(session, tenant_id, how, file_ids)
    await session.execute(
        _ADD_JOBS,
        {
            "tenant_id": tenant_id,
            "batch_id": batch_id,
            "options": orjson.dumps(how.options).decode(),
            "options_hash": how.options_hash,
            "engine_version": how.engine_version,
            "password": how.password,
            "job_ids": [new_id("ex") for _ in files],
            "file_ids": file_ids,
            "places": [place for place, _ in files],
        },
    )
    await refuse_too_many(session, tenant_id, limit)
    await tell_ends(session, tenant_id, await _born_finished(session, tenant_id, batch_id, file_ids))
    await extraction_signals.send(session, extraction_signals.WORK)


async def _born_finished(
    session: AsyncSession, tenant_id: UUID, batch_id: str, file_ids: Sequence[str]
) -> Sequence[str]:
    found = await session.scalars(
        select(ExtractionJob.id).where(
            ExtractionJob.tenant_id == tenant_id,
            ExtractionJob.batch_id == batch_id,
            ExtractionJob.file_id.in_(file_ids),
            ExtractionJob.state.in_(FINAL_STATES),
        )
    )
    return found.all()


async def _keep_results(session: AsyncSession, tenant_id: UUID, how: HowToRead, file_ids: list[str]) -> None:
    """Results of the work that is asked for are not removed before the jobs refer to them."""
    bytes_of_files = select(File.sha256).where(File.tenant_id == tenant_id, File.id.in_(file_ids))
    await session.execute(
        select(ExtractionResult.id)
        .where(
            ExtractionResult.tenant_id == tenant_id,
            ExtractionResult.sha256.in_(bytes_of_files),
            ExtractionResult.options_hash == how.options_hash,
            ExtractionResult.engine_version == how.engine_version,
        )
        .order_by(ExtractionResult.id)
        .with_for_update(read=True, key_share=True)
    )


async def get(session: AsyncSession, tenant_id: UUID, batch_id: str) -> BatchRecord:
    """Raises `NotFound`."""
    row = None
    if is_id("eb", batch_id):
        row = await session.scalar(
            select(ExtractionBatch).where(ExtractionBatch.tenant_id == tenant_id, ExtractionBatch.id == batch_id)
        )
    if row is None:
        raise NotFound("extraction batch")
    return BatchRecord.of(row, (await _counts(session, tenant_id, [batch_id])).get(batch_id, {}))


async def _counts(session: AsyncSession, tenant_id: UUID, batch_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    found = await session.execute(
        select(ExtractionJob.batch_id, ExtractionJob.state, func.count())
        .where(ExtractionJob.tenant_id == tenant_id, ExtractionJob.batch_id.in_(batch_ids))
        .group_by(ExtractionJob.batch_id, ExtractionJob.state)
    )
    counts: dict[str, dict[str, int]] = {}
    for batch_id, state, number in found:
        counts.setdefault(batch_id or "", {})[state] = number
    return counts


async def page(
    session: AsyncSession, tenant_id: UUID, limit: int, after: tuple[datetime, str] | None
) -> list[BatchRecord]:
    """Up to `limit` batches, newest first, older than the one named by `after`."""
    query = (
        select(ExtractionBatch)
        .where(ExtractionBatch.tenant_id == tenant_id)
        .order_by(ExtractionBatch.time_created.desc(), ExtractionBatch.id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(ExtractionBatch.time_created, ExtractionBatch.id) < after)
    rows = (await session.scalars(query)).all()
    counts = await _counts(session, tenant_id, [row.id for row in rows])
    return [BatchRecord.of(row, counts.get(row.id, {})) for row in rows]


async def cancel(session: AsyncSession, tenant_id: UUID, batch_id: str) -> BatchRecord:
    """Waiting jobs are cancelled, running ones as soon as their runners have stopped them.

    Raises `AlreadyFinished` when no job is left that could be cancelled, and `TenantSuspended`.
    """
    await tenant_crud.hold_active(session, tenant_id)
    before = await get(session, tenant_id, batch_id)
    running, queued = [await _locked(session, tenant_id, batch_id, state) for state in ("running", "queued")]
    if not running and not queued:
        raise AlreadyFinished(before.state)
    await _update(session, tenant_id, running, cancel_requested=True)
    await extraction_signals.send_all(session, extraction_signals.STOP, running)
    await _update(session, tenant_id, queued, **ends_cancelled())
    await tell_ends(session, tenant_id, queued)
    return await get(session, tenant_id, batch_id)


async def _locked(session: AsyncSession, tenant_id: UUID, batch_id: str, state: str) -> Sequence[str]:
    """Ids of the batch's jobs in a state; in one order, so that two who change the same batch wait for each other."""
    found = await session.scalars(
        select(ExtractionJob.id)
        .where(ExtractionJob.tenant_id == tenant_id, ExtractionJob.batch_id == batch_id, ExtractionJob.state == state)
        .order_by(ExtractionJob.id)
        .with_for_update()
    )
    return found.all()


async def _update(session: AsyncSession, tenant_id: UUID, job_ids: Sequence[str], **values: Any) -> None:
    await session.execute(
        update(ExtractionJob)
        .where(ExtractionJob.tenant_id == tenant_id, ExtractionJob.id.in_(job_ids))
        .values(**values)
        .execution_options(synchronize_session=False)
    )


async def retry_failed(session: AsyncSession, tenant_id: UUID, batch_id: str, limit: int) -> BatchRecord:
    """Queue the batch's failed jobs again, as if they had not run. Raises `TooManyQueued` and `TenantSuspended`.

    A password was forgotten when its job ended: a file that needs one fails again.
    """
    await tenant_crud.hold_active(session, tenant_id)
    await get(session, tenant_id, batch_id)
    failed = await _locked(session, tenant_id, batch_id, "failed")
    again = {"state": "queued", "failures": 0, "error": None, "available_at": func.now(), "time_finished": None}
    await _update(session, tenant_id, failed, pages_done=0, pages_total=None, **again)
    await refuse_too_many(session, tenant_id, limit)
    await extraction_signals.send(session, extraction_signals.WORK)
    await extraction_signals.send_all(session, extraction_signals.CHANGED, [*failed, batch_id])
    return await get(session, tenant_id, batch_id)
