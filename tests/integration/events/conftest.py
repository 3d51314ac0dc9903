"""An empty outbox, and a stream of each test's own."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from actors.event_broker import Destination
from storage.database import Database
from tests.told_events import empty_outbox


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await empty_outbox(database)
    yield database
    await empty_outbox(database)
    await database.close()


@pytest.fixture
def destination(redis_url: str) -> Destination:
    return Destination(redis_url, f"events-{uuid4()}", 100_000)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client
