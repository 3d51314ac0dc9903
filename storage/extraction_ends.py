"""Telling of jobs' ends, in the transaction that ends them: to who waits for one, and as events."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage import extraction_signals, outbox
from storage.extraction_records import JobRecord
from storage.models import ExtractionJob, Tenant
from storage.outbox import Event
from storage.shown_records import job_out

AT_A_TIME = 1000
"""Jobs told of by one statement: the event loop has its turn in between."""


async def tell_ends(session: AsyncSession, tenant_id: UUID, job_ids: Sequence[str]) -> None:
    """Each of the jobs is in a final state by now, in this transaction."""
    await session.flush()
    code = (await session.scalars(select(Tenant.code).where(Tenant.id == tenant_id))).one()
    for start in range(0, len(job_ids), AT_A_TIME):
        await _tell_some(session, tenant_id, code, job_ids[start : start + AT_A_TIME])


async def _tell_some(session: AsyncSession, tenant_id: UUID, code: str, job_ids: Sequence[str]) -> None:
    # The database set their times.
    ended = await session.scalars(
        select(ExtractionJob)
        .where(ExtractionJob.tenant_id == tenant_id, ExtractionJob.id.in_(job_ids))
        .order_by(ExtractionJob.time_created, ExtractionJob.id)
        .execution_options(populate_existing=True)
    )
    records = [JobRecord.of(job) for job in ended]
    events = [Event("extraction.finished", job_out(record, code)) for record in records]
    await outbox.add(session, tenant_id, code, events)
    batches = {record.batch_id for record in records if record.batch_id is not None}
    await extraction_signals.send_all(
        session, extraction_signals.CHANGED, [*(record.id for record in records), *batches]
    )
