"""How much a Muniment holds."""

from typing import Any

from sqlalchemy import func, select

from storage.database import Database
from storage.models import ExtractionJob, File, OutboxEvent, Tenant


async def count(database_url: str) -> dict[str, Any]:
    """Tenants, files and their bytes, extraction jobs by state, and events that are still to be told."""
    database = Database(database_url, pool_size=1)
    try:
        async with database.reading_across_tenants() as session:
            tenants = await session.scalar(select(func.count()).select_from(Tenant))
            files, size = (
                await session.execute(
                    select(func.count(), func.coalesce(func.sum(File.file_size_bytes), 0)).where(File.state == "active")
                )
            ).one()
            jobs = await session.execute(select(ExtractionJob.state, func.count()).group_by(ExtractionJob.state))
            events = await session.scalar(select(func.count()).select_from(OutboxEvent))
            return {
                "tenants": tenants,
                "files": files,
                "bytes": int(size),
                "extractions": {str(state): number for state, number in jobs},
                "events_waiting": events,
            }
    finally:
        await database.close()
