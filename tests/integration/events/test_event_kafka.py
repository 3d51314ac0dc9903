"""The relay and the Kafka cluster that librdkafka holds for tests: its own implementation of the real protocol."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from uuid import uuid4

import confluent_kafka
import orjson
import pytest

from actors.event_broker import Destination, EventBroker
from actors.event_relay import EventRelay
from storage.database import Database
from tests.cut_connection import way_to
from tests.integration.events.test_event_relay import Interrupted
from tests.told_events import ids, ids_waiting, numbers, running, until, until_told, write_events


@dataclass(frozen=True, slots=True)
class Cluster:
    host: str
    port: int

    def read(self, topic: str, count: int) -> list[confluent_kafka.Message]:
        """The first messages of the topic, over all partitions as they come."""
        consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": f"{self.host}:{self.port}",
                "group.id": str(uuid4()),
                "auto.offset.reset": "earliest",
            }
        )
        try:
            consumer.subscribe([topic])
            found: list[confluent_kafka.Message] = consumer.consume(count, timeout=30)
            return found
        finally:
            consumer.close()


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """Lives as long as the client that made it."""
    holder = confluent_kafka.Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1})
    (broker,) = (await asyncio.to_thread(holder.list_topics, timeout=10)).brokers.values()
    yield Cluster(broker.host, broker.port)
    del holder


@pytest.fixture
def destination(cluster: Cluster) -> Destination:
    return Destination(f"kafka://{cluster.host}:{cluster.port}", f"events-{uuid4()}", 1)


def relay_to(destination: Destination, database: Database) -> EventRelay:
    return EventRelay(database, EventBroker(destination), poll=0.01, turn=0.05, first_pause=0.05)


async def test_a_tenants_events_come_in_order_in_one_partition(
    database: Database, destination: Destination, cluster: Cluster
) -> None:
    for number in range(300):
        await write_events(database, [number], f"tenant-{number % 3}")
    waiting = await ids_waiting(database)
    async with running(relay_to(destination, database)):
        await until_told(database)
    messages = await asyncio.to_thread(cluster.read, destination.name, 300)
    events = [orjson.loads(message.value() or b"") for message in messages]
    assert sorted(ids(events)) == sorted(waiting)
    for tenant in range(3):
        its = [(m, e) for m, e in zip(messages, events, strict=True) if e["subject"] == f"tenant-{tenant}"]
        assert numbers([event for _, event in its]) == list(range(tenant, 300, 3))
        assert {message.key() for message, _ in its} == {f"tenant-{tenant}".encode()}
        assert len({message.partition() for message, _ in its}) == 1
    assert ("content-type", b"application/cloudevents+json") in (messages[0].headers() or [])


async def test_what_was_told_before_the_relay_died_comes_again_under_the_same_id(
    database: Database, destination: Destination, cluster: Cluster
) -> None:
    await write_events(database, range(3))
    waiting = await ids_waiting(database)
    dying = replace(relay_to(destination, database), broker=Interrupted(destination, asyncio.CancelledError()))
    async with running(dying) as task:
        await asyncio.wait([task])
    assert await ids_waiting(database) == waiting
    async with running(relay_to(destination, database)):
        await until_told(database)
    messages = await asyncio.to_thread(cluster.read, destination.name, 6)
    assert ids([orjson.loads(message.value() or b"") for message in messages]) == waiting * 2


async def test_events_wait_for_a_cluster_that_cannot_be_reached(
    database: Database, destination: Destination, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the first contact goes through the way that is cut: the cluster names its own address for all others."""

    async def warned() -> bool:
        return "events wait" in caplog.messages

    async with way_to(cluster.host, cluster.port) as way:
        await way.cut()
        await write_events(database, [1])
        async with running(relay_to(replace(destination, url=f"kafka://127.0.0.1:{way.port}"), database)):
            await until(warned)
            assert len(await ids_waiting(database)) == 1
            await way.mend()
            await until_told(database)
    (message,) = await asyncio.to_thread(cluster.read, destination.name, 1)
    assert orjson.loads(message.value() or b"")["data"] == {"number": 1}
