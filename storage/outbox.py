"""Events that are still to be told: written by the transaction that makes the change, removed when they were told.

A change that is rolled back leaves no event, and no committed one is without. Whoever relays them reads the rows that
are there, in their order, and never from where it stopped: numbers are given out before commits, so that a lower one
may appear after a higher one was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from storage.models import Json, OutboxEvent

EventType = Literal[
    "tenant.created",
    "tenant.updated",
    "tenant.deleted",
    "file.created",
    "file.updated",
    "file.deleted",
    "extraction.finished",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a tenant. `data` is what it is about, as answers show it."""

    type: EventType
    data: Json


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An event as it lies in the outbox."""

    sequence: int
    id: UUID
    tenant_code: str
    type: str
    data: Json
    time_created: datetime


async def add(session: AsyncSession, tenant_id: UUID, tenant_code: str, events: Sequence[Event]) -> None:
    """Write the events with the session's transaction.

    A tenant's events keep the order of its changes when this comes after the locks of what was changed were taken.
    """
    rows = [
        {"tenant_id": tenant_id, "tenant_code": tenant_code, "type": event.type, "data": event.data} for event in events
    ]
    if rows:
        await session.execute(insert(OutboxEvent), rows)


async def waiting(connection: AsyncConnection, limit: int) -> list[WaitingEvent]:
    """The first events that are still to be told."""
    columns = (getattr(OutboxEvent, name) for name in WaitingEvent.__slots__)
    rows = await connection.execute(select(*columns).order_by(OutboxEvent.sequence).limit(limit))
    return [WaitingEvent(*row) for row in rows]


async def remove(connection: AsyncConnection, events: Sequence[WaitingEvent]) -> None:
    """They were told."""
    await connection.execute(delete(OutboxEvent).where(OutboxEvent.sequence.in_([event.sequence for event in events])))


async def count(connection: AsyncConnection) -> int:
    """How many events are still to be told."""
    return await connection.scalar(select(func.count()).select_from(OutboxEvent)) or 0
