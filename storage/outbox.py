"""Events that are still to be told: written by the transaction that makes the change, removed when they were told.

A change that is rolled back leaves no event, and no committed one is without. Whoever relays them reads the rows that
are there, in their order, and never from where it stopped: numbers are given out before commits, so that a lower one
may appear after a higher one was read.

For each webhook that asks for an event it is written once more, so that no receiver waits for a broker or for another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import orjson
from sqlalchemy import Text, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from storage.models import Json, OutboxEvent
from storage.webhook_crud import SENT_FOR

EventType = Literal[
    "tenant.created",
    "tenant.updated",
    "tenant.deleted",
    "file.created",
    "file.updated",
    "file.deleted",
    "extraction.finished",
]


def deliveries_of_told(sent_for: str) -> str:
    """SQL that writes what webhooks are to be sent of `told`, rows of the outbox that the same statement adds.

    `sent_for` is the parameter for how long it is tried. The webhooks are locked, so that one that is being removed is
    either still there at the commit, or passed over.
    """
    return f"""
        INSERT INTO webhook_deliveries
            (webhook_id, sequence, event_id, tenant_id, type, data, time_created, time_expires)
        SELECT webhook.id, told.sequence, told.id, told.tenant_id, told.type, told.data, told.time_created,
            now() + {sent_for}
        FROM told JOIN webhooks webhook ON webhook.tenant_id = told.tenant_id
            AND (webhook.event_types = '{{}}' OR told.type = ANY (webhook.event_types))
        FOR KEY SHARE OF webhook
    """  # noqa: S608 - the parameter's name comes from the callers' own statements


TOLD = "sequence, id, tenant_id, type, data, time_created"
"""Columns of `told`."""

_ADD = text(f"""
    WITH told AS (
        INSERT INTO outbox_events (tenant_id, tenant_code, type, data)
        SELECT :tenant_id, :tenant_code, event.type, CAST(event.data AS json)
        FROM unnest(:types, :data) WITH ORDINALITY AS event (type, data, place) ORDER BY event.place
        RETURNING {TOLD}
    )
    {deliveries_of_told(":sent_for")}
""").bindparams(  # noqa: S608 - made of constants
    bindparam("types", type_=ARRAY(Text)), bindparam("data", type_=ARRAY(Text)), bindparam("sent_for", SENT_FOR)
)


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
    if events:
        values = {
            "tenant_id": tenant_id,
            "tenant_code": tenant_code,
            "types": [event.type for event in events],
            "data": [orjson.dumps(event.data).decode() for event in events],
        }
        await session.execute(_ADD, values)


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
