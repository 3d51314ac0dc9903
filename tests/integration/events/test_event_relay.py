"""The relay between a real outbox and a real Redis: order, repeats, and everything that may die."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from cloudevents.core.formats.json import JSONFormat
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from actors import event_relay
from actors.event_broker import Destination, EventBroker
from actors.event_messages import Message
from actors.event_redis import FIELD
from actors.event_relay import RELAY_LOCK, EventRelay
from storage import outbox
from storage.database import Database
from storage.errors import Unavailable
from storage.outbox import WaitingEvent
from tests.cut_connection import way_to
from tests.told_events import ids, ids_waiting, numbers, running, stream_of, until, until_told, write_events


def relay_to(destination: Destination, database: Database) -> EventRelay:
    """One that does not let a test wait."""
    return EventRelay(database, EventBroker(destination), poll=0.01, turn=0.05, first_pause=0.01)


async def until_longer(redis: Redis, destination: Destination, length: int) -> None:
    async def is_longer() -> bool:
        return bool(await redis.xlen(destination.name) > length)

    await until(is_longer)


async def test_events_are_told_in_order_as_cloud_events_and_leave_the_outbox(
    database: Database, destination: Destination, redis: Redis
) -> None:
    await write_events(database, range(3))
    waiting = await ids_waiting(database)
    async with running(relay_to(destination, database)):
        await until_told(database)
    entries: Any = await redis.xrange(destination.name)
    fields = entries[0][1]
    assert (list(fields), len(entries)) == ([FIELD.encode()], 3)
    first = JSONFormat().read(None, fields[FIELD.encode()])
    assert first.get_attributes() | {"time": None} == {
        "specversion": "1.0",
        "id": waiting[0],
        "source": "muniment",
        "type": "muniment.file.created",
        "subject": "acme",
        "partitionkey": "acme",
        "sequence": first.get_extension("sequence"),
        "datacontenttype": "application/json",
        "time": None,
    }
    assert first.get_data() == {"number": 0}
    told = await stream_of(redis, destination.name)
    assert (ids(told), numbers(told)) == (waiting, [0, 1, 2])
    assert [event["sequence"] for event in told] == sorted(event["sequence"] for event in told)


async def test_a_long_outbox_is_told_in_batches(
    database: Database, destination: Destination, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_relay, "BATCH", 10)
    await write_events(database, range(35))
    # A pause after each batch would outlast the test.
    relay = replace(relay_to(destination, database), poll=3600)
    async with running(relay):
        await until_told(database)
    assert numbers(await stream_of(redis, destination.name)) == list(range(35))


class Interrupted(EventBroker):
    """Publishes, and is then stopped before anybody can note it."""

    def __init__(self, destination: Destination, failure: BaseException) -> None:
        super().__init__(destination)
        self.failure = failure

    async def publish(self, messages: Sequence[Message]) -> None:
        await super().publish(messages)
        raise self.failure


@pytest.mark.parametrize("failure", [asyncio.CancelledError(), Unavailable("event broker"), ValueError("a defect")])
async def test_a_relay_that_dies_after_telling_and_before_noting_it_tells_again_under_the_same_ids(
    database: Database, destination: Destination, redis: Redis, failure: BaseException
) -> None:
    await write_events(database, range(3))
    waiting = await ids_waiting(database)
    dying = replace(relay_to(destination, database), broker=Interrupted(destination, failure), first_pause=3600)
    async with running(dying):
        await until_longer(redis, destination, 2)
    assert await ids_waiting(database) == waiting, "nothing was noted"
    async with running(relay_to(destination, database)):
        await until_told(database)
    told = await stream_of(redis, destination.name)
    assert ids(told) == waiting * 2
    assert numbers(told) == [0, 1, 2]


RELAY_PROCESS = """
import asyncio, sys
from actors.event_broker import Destination, EventBroker
from actors.event_relay import EventRelay
from storage import outbox
from storage.database import Database

database_url, redis_url, name = sys.argv[1:]
relay = EventRelay(Database(database_url), EventBroker(Destination(redis_url, name, 100_000)), poll=0.01, turn=0.01)
asyncio.run(relay.run())
"""


async def test_relays_that_are_killed_again_and_again_lose_nothing(
    database: Database, database_url: str, destination: Destination, redis: Redis
) -> None:
    """Each kill comes when the stream has grown: amid a batch, between telling and noting, or after it."""
    total, kills = 6000, 4
    await write_events(database, range(total))
    waiting = await ids_waiting(database)
    arguments = [sys.executable, "-c", RELAY_PROCESS, database_url, destination.url, destination.name]
    environment = os.environ | {"PYTHONPATH": str(Path(event_relay.__file__).parents[1])}
    for _ in range(kills):
        before = await redis.xlen(destination.name)
        process = await asyncio.create_subprocess_exec(*arguments, env=environment)
        try:
            await until_longer(redis, destination, before)
        finally:
            # Also where the test fails: it would tell the events of those that come after.
            process.send_signal(signal.SIGKILL)
            await process.wait()
    async with running(relay_to(destination, database)):
        await until_told(database)
    told = await stream_of(redis, destination.name)
    assert set(ids(told)) == set(waiting)
    assert numbers(told) == list(range(total))


async def test_an_event_that_appears_after_a_later_one_was_told_is_not_passed_over(
    database: Database, destination: Destination, redis: Redis
) -> None:
    """Race: a sequence number is given out, and its transaction commits after one with a higher number was told."""
    async with running(relay_to(destination, database)):
        async with database.transaction_across_tenants() as session:
            await session.execute(
                text(
                    "INSERT INTO outbox_events (tenant_id, tenant_code, type, data)"
                    " VALUES (gen_random_uuid(), 'slow', 'file.created', '{\"number\": 1}')"
                )
            )
            await write_events(database, [2])
            await until_told(database)
            assert numbers(await stream_of(redis, destination.name)) == [2]
        await until_told(database)
    told = await stream_of(redis, destination.name)
    assert numbers(told) == [2, 1]
    assert told[0]["sequence"] > told[1]["sequence"]


async def test_one_relay_works_at_a_time_and_another_takes_its_place(
    database: Database, destination: Destination, redis: Redis
) -> None:
    other = replace(destination, name=f"{destination.name}-other")
    async with running(relay_to(destination, database)) as first:
        await write_events(database, [1])
        await until_told(database)
        async with running(relay_to(other, database)):
            await write_events(database, [2])
            await until_told(database)
            assert await redis.xlen(other.name) == 0
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await write_events(database, [3])
            await until_told(database)
    assert numbers(await stream_of(redis, destination.name)) == [1, 2]
    assert numbers(await stream_of(redis, other.name)) == [3]


async def test_a_relay_whose_connection_to_the_database_is_lost_goes_on(
    database: Database, destination: Destination, redis: Redis
) -> None:
    async with running(relay_to(destination, database)):
        await write_events(database, [1])
        await until_told(database)
        async with database.transaction_across_tenants() as session:
            holder = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key")
            assert (await session.scalars(holder, {"key": RELAY_LOCK})).all() == [True]
        await write_events(database, [2])
        await until_told(database)
    assert numbers(await stream_of(redis, destination.name)) == [1, 2]


async def test_events_wait_while_the_broker_is_away_and_are_told_when_it_is_back(
    database: Database, destination: Destination, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    async def warned() -> bool:
        return "events wait" in caplog.messages

    parts = urlsplit(destination.url)
    assert parts.port is not None
    async with way_to("127.0.0.1", parts.port) as way:
        netloc = parts.netloc.replace(f":{parts.port}", f":{way.port}")
        through = replace(destination, url=urlunsplit(parts._replace(netloc=netloc)))
        async with running(relay_to(through, database)) as task:
            await write_events(database, [1])
            await until_told(database)
            await way.cut()
            await write_events(database, [2])
            await write_events(database, [3])
            await until(warned)
            assert len(await ids_waiting(database)) == 2
            await way.mend()
            await until_told(database)
            assert not task.done()
    assert numbers(await stream_of(redis, destination.name)) == [1, 2, 3]
    assert parts.password is not None
    assert parts.password not in caplog.text
    # Told in one line how many they are, and not again and again at full speed.
    waits = [record for record in caplog.records if record.message == "events wait"]
    assert {record.__dict__["events"] for record in waits} <= {1, 2}


async def test_a_stream_keeps_about_as_many_events_as_were_set(
    database: Database, destination: Destination, redis: Redis
) -> None:
    await write_events(database, range(2000))
    async with running(relay_to(replace(destination, max_length=100), database)):
        await until_told(database)
    assert 100 <= await redis.xlen(destination.name) < 400
    assert numbers(await stream_of(redis, destination.name))[-1] == 1999


async def test_a_defect_is_logged_and_tried_again(
    database: Database, destination: Destination, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Interrupted(destination, ValueError("a defect"))
    async with running(replace(relay_to(destination, database), broker=failing)):
        await write_events(database, [1])
        await until_longer(redis, destination, 1)
    assert any(record.exc_info and record.message == "event relay failed" for record in caplog.records)


async def test_a_look_at_the_outbox_that_takes_long_is_not_repeated_at_once(
    database: Database, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old snapshot keeps thousands of rows that were told in the way of each look."""
    looks: list[float] = []
    fifth = asyncio.Event()
    original = outbox.waiting

    async def slow(connection: AsyncConnection, limit: int) -> list[WaitingEvent]:
        looks.append(asyncio.get_running_loop().time())
        if len(looks) == 5:
            fifth.set()
        await connection.execute(text("SELECT pg_sleep(0.02)"))
        return await original(connection, limit)

    monkeypatch.setattr(outbox, "waiting", slow)
    async with running(relay_to(destination, database)), asyncio.timeout(30):
        await fifth.wait()
    assert looks[4] - looks[0] > 4 * 0.2


@pytest.mark.parametrize("instead", [None, Unavailable("database")])
async def test_a_relay_ends_although_a_driver_loses_its_cancellation(
    database: Database, destination: Destination, monkeypatch: pytest.MonkeyPatch, instead: Exception | None
) -> None:
    """The race: the cancellation comes together with the driver's answer, or makes it fail in its own way."""
    reached = asyncio.Event()

    async def loses_it(_connection: AsyncConnection, _limit: int) -> list[WaitingEvent]:
        reached.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        if instead is not None:
            raise instead
        return []

    monkeypatch.setattr(outbox, "waiting", loses_it)
    relay = asyncio.create_task(relay_to(destination, database).run())
    await reached.wait()
    relay.cancel()
    done, _ = await asyncio.wait([relay], timeout=10)
    assert done
    assert relay.cancelled()
