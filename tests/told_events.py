"""What waits in the outbox, as tests look at it."""

from typing import Any

from sqlalchemy import select

from storage.database import Database
from storage.models import OutboxEvent


async def waiting_events(database: Database, tenant_code: str) -> list[tuple[str, dict[str, Any]]]:
    """Type and data of each event of the tenant that is still to be told, in order."""
    query = select(OutboxEvent).where(OutboxEvent.tenant_code == tenant_code).order_by(OutboxEvent.sequence)
    async with database.reading_across_tenants() as session:
        return [(event.type, event.data) for event in await session.scalars(query)]
