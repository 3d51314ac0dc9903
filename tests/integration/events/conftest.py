"""An empty outbox, a stream of each test's own, and RabbitMQ where one runs."""

import os
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

import aio_pika
import pytest
from redis.asyncio import Redis

from actors.event_broker import Destination
from storage.database import Database
from tests.told_events import empty_outbox

RABBITMQ_URL = os.environ.get("MUNIMENT_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/")


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


@pytest.fixture
async def connection() -> AsyncIterator[aio_pika.abc.AbstractConnection]:
    try:
        connection = await aio_pika.connect(RABBITMQ_URL, timeout=5)
    except (OSError, aio_pika.exceptions.AMQPError) as error:
        pytest.skip(f"no RabbitMQ answers at {urlsplit(RABBITMQ_URL).hostname}: {error}")
    async with connection:
        yield connection


@pytest.fixture
async def rabbitmq(connection: aio_pika.abc.AbstractConnection) -> AsyncIterator[Destination]:
    """An exchange of the test's own."""
    name = f"events-{uuid4()}"
    yield Destination(RABBITMQ_URL, name, 1)
    async with connection.channel() as channel:
        await channel.exchange_delete(name)
