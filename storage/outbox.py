"""Events that are still to be told: written by the transaction that makes the change, removed when they were told.

A change that is rolled back leaves no event, and no committed one is without. Whoever relays them reads the rows that
are there, in their order, and never from where it stopped: numbers are given out before commits, so that a lower one
may appear after a higher one was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

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


async def add(session: AsyncSession, tenant_id: UUID, tenant_code: str, events: Sequence[Event]) -> None:
    """Write the events with the session's transaction.

    A tenant's events keep the order of its changes when this comes after the locks of what was changed were taken.
    """
    rows = [
        {"tenant_id": tenant_id, "tenant_code": tenant_code, "type": event.type, "data": event.data} for event in events
    ]
    if rows:
        await session.execute(insert(OutboxEvent), rows)
