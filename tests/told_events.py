"""What waits in the outbox and what was told, as tests look at it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import orjson
from redis.asyncio import Redis
from sqlalchemy import delete, select

from actors.event_redis import FIELD
from actors.event_relay import EventRelay
from storage import outbox
from storage.database import Database
from storage.models import OutboxEvent
from storage.outbox import Event

Json = dict[str, Any]


async def waiting_events(database: Database, tenant_code: str) -> list[tuple[str, Json]]:
    """Type and data of each event of the tenant that is still to be told, in order."""
    query = select(OutboxEvent).where(OutboxEvent.tenant_code == tenant_code).order_by(OutboxEvent.sequence)
    async with database.reading_across_tenants() as session:
        return [(event.type, event.data) for event in await session.scalars(query)]


async def write_events(database: Database, numbers: Sequence[int], code: str = "acme") -> None:
    """One transaction with an event for each number."""
    async with database.transaction_across_tenants() as session:
        await outbox.add(session, uuid4(), code, [Event("file.created", {"number": number}) for number in numbers])


async def ids_waiting(database: Database) -> list[str]:
    async with database.reading_across_tenants() as session:
        return [str(found) for found in await session.scalars(select(OutboxEvent.id).order_by(OutboxEvent.sequence))]


async def empty_outbox(database: Database) -> None:
    async with database.transaction_across_tenants() as session:
        await session.execute(delete(OutboxEvent))


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await reached():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.005)


async def until_told(database: Database) -> None:
    """Until nothing waits any more."""

    async def nothing_waits() -> bool:
        return not await ids_waiting(database)

    await until(nothing_waits)


@asynccontextmanager
async def running(relay: EventRelay) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(relay.run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def stream_of(redis: Redis, name: str) -> list[Json]:
    """All events of a Redis stream, in order."""
    entries: Any = await redis.xrange(name)
    return [orjson.loads(fields[FIELD.encode()]) for _, fields in entries]


def ids(events: Sequence[Json]) -> list[str]:
    return [event["id"] for event in events]


def numbers(events: Sequence[Json]) -> list[int]:
    """Of the events, each event's first telling only: what a consumer sees that drops repeats."""
    return [event["data"]["number"] for event in {event["id"]: event for event in events}.values()]
