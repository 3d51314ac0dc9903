"""What docs/events.md shows is what is told, and its consumers work as they stand there."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any, get_args

import aio_pika
import pytest
from redis.asyncio import Redis

from actors.event_broker import Destination, EventBroker
from actors.event_messages import CONTENT_TYPE, message_of
from storage import outbox
from storage.database import Database
from storage.outbox import EventType
from tests.told_events import Json, write_events

DOCS = (Path(__file__).parents[3] / "docs" / "events.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS, flags=re.DOTALL)


class Enough(Exception):
    """Ends a consumer that would go on for ever."""


class Application:
    """What the examples leave to their reader: it remembers ids, and stops after an event with the number 9."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.handled: list[int] = []

    def remember(self, event_id: str) -> bool:
        new = event_id not in self.seen
        self.seen.add(event_id)
        return new

    def handle(self, event: Json) -> None:
        self.handled.append(event["data"]["number"])
        if event["data"]["number"] == 9:
            raise Enough

    def run(self, code: str) -> None:
        with pytest.raises(Enough):
            exec(code, {"remember": self.remember, "handle": self.handle})  # noqa: S102 - our own documentation


async def tell_twice(database: Database, destination: Destination) -> None:
    """Events 0 to 8, the same again, and 9."""
    broker = EventBroker(destination)
    await write_events(database, range(9))
    async with database.holding_across_tenants(1) as connection:
        assert connection is not None
        for number in (None, 9):
            messages = [message_of(event) for event in await outbox.waiting(connection, 100)]
            await broker.publish(messages)
            if number is not None:
                break
            await write_events(database, [9])
    await broker.close()


def test_the_event_that_is_shown_has_the_form_of_those_that_are_told() -> None:
    (shown,) = blocks("json")
    event = json.loads(shown)
    assert event["specversion"] == "1.0"
    assert event["type"].removeprefix("muniment.") in get_args(EventType)
    assert event["subject"] == event["partitionkey"] == event["data"]["storage_path"].split("/")[0]


def test_every_type_is_described_and_no_other() -> None:
    described = re.findall(r"^\| `((?:file|tenant|extraction)\.\w+)` \|", DOCS, flags=re.MULTILINE)
    assert sorted(described) == sorted(get_args(EventType))
    assert CONTENT_TYPE in DOCS


async def test_the_consumer_of_redis_handles_each_event_once(
    database: Database, destination: Destination, redis: Redis
) -> None:
    await tell_twice(database, destination)
    code = blocks("python")[0].replace("redis://localhost:6379/0", destination.url)
    application = Application()
    await asyncio.to_thread(application.run, code.replace("muniment.events", destination.name))
    assert application.handled == list(range(10))
    groups: Any = await redis.xinfo_groups(destination.name)
    # The last one was not confirmed: handling it ended the consumer.
    assert (groups[0]["name"], groups[0]["pending"]) == (b"billing", 1)


async def test_the_consumer_of_rabbitmq_handles_each_event_once(
    database: Database, rabbitmq: Destination, connection: aio_pika.abc.AbstractConnection
) -> None:
    queue_name = f"{rabbitmq.name}-billing"
    async with connection.channel() as channel:
        exchange = await channel.declare_exchange(rabbitmq.name, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(queue_name, durable=True)
        await queue.bind(exchange, "*.file.*")
        await tell_twice(database, rabbitmq)
        code = blocks("python")[1].replace("amqp://guest:guest@localhost/", rabbitmq.url)
        code = code.replace("muniment.events", rabbitmq.name).replace('"billing"', f'"{queue_name}"')
        application = Application()
        await asyncio.to_thread(application.run, code)
        assert application.handled == list(range(10))
        await queue.delete(if_unused=False, if_empty=False)
