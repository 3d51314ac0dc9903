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


async def tell_ends(session: AsyncSession, tenant_id: UUID, jobs: Sequence[ExtractionJob]) -> None:
    """Each of the jobs is in a final state by now, in this transaction."""
    await session.flush()
    # The database set their times.
    ended = await session.scalars(
        select(ExtractionJob)
        .where(ExtractionJob.tenant_id == tenant_id, ExtractionJob.id.in_([job.id for job in jobs]))
        .order_by(ExtractionJob.time_created, ExtractionJob.id)
        .execution_options(populate_existing=True)
    )
    records = [JobRecord.of(job) for job in ended]
    code = (await session.scalars(select(Tenant.code).where(Tenant.id == tenant_id))).one()
    events = [Event("extraction.finished", job_out(record, code)) for record in records]
    await outbox.add(session, tenant_id, code, events)
    for record in records:
        await extraction_signals.send(session, extraction_signals.CHANGED, record.id)
