"""The relay and a real RabbitMQ; passed over where none runs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import orjson
import pytest
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from actors.event_broker import Destination, EventBroker
from actors.event_relay import EventRelay
from storage.database import Database
from storage.errors import Unavailable
from tests.cut_connection import Way, way_to
from tests.integration.events.test_event_relay import Interrupted
from tests.told_events import Json, ids, ids_waiting, numbers, running, until, until_told, write_events


@dataclass(slots=True)
class Consumer:
    """Has a durable queue of its own, and confirms what it got."""

    queue: AbstractQueue
    got: list[AbstractIncomingMessage] = field(default_factory=list)

    async def hear(self, message: AbstractIncomingMessage) -> None:
        self.got.append(message)
        await message.ack()

    @property
    def events(self) -> list[Json]:
        return [orjson.loads(message.body) for message in self.got]

    async def until(self, count: int) -> None:
        async def has_them() -> bool:
            return len(self.got) >= count

        await until(has_them)


@pytest.fixture
def destination(rabbitmq: Destination) -> Destination:
    return rabbitmq


@pytest.fixture
async def consumer(connection: aio_pika.abc.AbstractConnection, destination: Destination) -> AsyncIterator[Consumer]:
    """Bound to every event, before anything is told."""
    async with connection.channel() as channel:
        exchange = await channel.declare_exchange(destination.name, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(f"{destination.name}-queue", durable=True)
        await queue.bind(exchange, "#")
        consumer = Consumer(queue)
        await queue.consume(consumer.hear)
        yield consumer
        await queue.delete(if_unused=False, if_empty=False)


def relay_to(destination: Destination, database: Database) -> EventRelay:
    return EventRelay(database, EventBroker(destination), poll=0.01, turn=0.05, first_pause=0.05)


async def test_events_come_in_order_with_their_ids_and_kinds(
    database: Database, destination: Destination, consumer: Consumer
) -> None:
    await write_events(database, range(1200))
    waiting = await ids_waiting(database)
    async with running(relay_to(destination, database)):
        await consumer.until(1200)
        await until_told(database)
    assert ids(consumer.events) == waiting
    assert numbers(consumer.events) == list(range(1200))
    first = consumer.got[0]
    assert first.message_id == waiting[0]
    assert first.content_type == "application/cloudevents+json"
    assert first.delivery_mode is aio_pika.DeliveryMode.PERSISTENT
    assert first.routing_key == "acme.file.created"


async def test_consumers_choose_tenants_and_kinds(
    database: Database,
    destination: Destination,
    consumer: Consumer,
    connection: aio_pika.abc.AbstractConnection,
) -> None:
    async with connection.channel() as channel:
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(destination.name, "globex.*.created")
        only = Consumer(queue)
        await queue.consume(only.hear)
        await write_events(database, [1], "acme")
        await write_events(database, [2], "globex")
        async with running(relay_to(destination, database)):
            await consumer.until(2)
            await only.until(1)
        assert (numbers(only.events), numbers(consumer.events)) == ([2], [1, 2])


@pytest.mark.parametrize("failure", [asyncio.CancelledError(), Unavailable("event broker")])
async def test_what_was_told_before_the_relay_died_comes_again_under_the_same_id(
    database: Database, destination: Destination, consumer: Consumer, failure: BaseException
) -> None:
    await write_events(database, range(3))
    waiting = await ids_waiting(database)
    dying = replace(relay_to(destination, database), broker=Interrupted(destination, failure), first_pause=3600)
    async with running(dying):
        await consumer.until(3)
    assert await ids_waiting(database) == waiting
    async with running(relay_to(destination, database)):
        await until_told(database)
        await consumer.until(6)
    assert ids(consumer.events) == waiting * 2


async def test_nothing_is_lost_while_the_broker_comes_and_goes(
    database: Database, destination: Destination, consumer: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    total = 3000
    async with (
        way_to(*host_and_port(destination)) as way,
        running(relay_to(through(way, destination), database)),
    ):
        for start in range(0, total, 500):
            await write_events(database, range(start, start + 500))
            # Amid the telling of what was just written, as a rule.
            await consumer.until(start + 100)
            await way.cut()
            await way.mend()
        await until_told(database)
    await consumer.until(total)
    assert numbers(consumer.events) == list(range(total)), "in order, after repeats were dropped"
    # Not `caplog.messages`: some of the library's records cannot be written out any more.
    said = {record.msg for record in caplog.records}
    assert "event broker away" in said
    assert "event relay failed" not in said, "an outage is no defect"


async def test_events_wait_for_a_broker_that_is_away_from_the_start(
    database: Database, destination: Destination, consumer: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    async def warned() -> bool:
        return caplog.messages.count("events wait") >= 2

    async with way_to(*host_and_port(destination)) as way:
        await way.cut()
        await write_events(database, [1, 2])
        async with running(relay_to(through(way, destination), database)):
            await until(warned)
            assert len(await ids_waiting(database)) == 2
            await way.mend()
            await until_told(database)
    await consumer.until(2)
    assert numbers(consumer.events) == [1, 2]


def through(way: Way, destination: Destination) -> Destination:
    parts = urlsplit(destination.url)
    netloc = f"{parts.username}:{parts.password}@127.0.0.1:{way.port}"
    return replace(destination, url=urlunsplit(parts._replace(netloc=netloc)))


def host_and_port(destination: Destination) -> tuple[str, int]:
    parts = urlsplit(destination.url)
    return parts.hostname or "", parts.port or 5672
