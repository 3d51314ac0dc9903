"""`muniment events`: the end of the stream, and what is told from then on."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from actors.event_broker import Destination, EventBroker
from actors.event_messages import message_of
from muniment.errors import MunimentError
from muniment.local.event_tail import EventTail
from storage import outbox
from storage.database import Database
from storage.settings import Settings
from tests.told_events import Json, write_events


async def tell(database: Database, destination: Destination, numbers: range, code: str = "acme") -> None:
    """As the relay does it, at once."""
    await write_events(database, numbers, code)
    broker = EventBroker(destination)
    async with database.holding_across_tenants(1) as connection:
        assert connection is not None
        events = await outbox.waiting(connection, 100)
        await broker.publish([message_of(event) for event in events])
        await outbox.remove(connection, events)
    await broker.close()


def shown(printed: str) -> list[int]:
    return [json.loads(line)["data"]["number"] for line in printed.splitlines()]


async def run(destination: Destination, *options: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "muniment", "events", *options),
        env=os.environ | {"MUNIMENT_REDIS_URL": destination.url, "MUNIMENT_EVENTS_STREAM": destination.name},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


async def test_the_last_events_are_shown_as_they_were_told(database: Database, destination: Destination) -> None:
    await tell(database, destination, range(12))
    await tell(database, destination, range(12, 14), "globex")
    assert shown(await run(destination)) == list(range(4, 14))
    assert shown(await run(destination, "--last", "3")) == [11, 12, 13]
    assert shown(await run(destination, "--last", "3", "--tenant", "globex")) == [12, 13]
    event: Json = json.loads((await run(destination, "-n", "1")).strip())
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "muniment.file.created", "globex")


async def test_a_stream_that_nothing_was_told_to_is_empty(destination: Destination) -> None:
    assert await run(destination) == ""


@pytest.mark.parametrize("before", [0, 2])
async def test_what_is_told_from_now_on_follows(database: Database, destination: Destination, before: int) -> None:
    if before:
        await tell(database, destination, range(before))
    following = EventTail(destination.url, destination.name).read(1, None, follow=True)
    if before:
        assert shown(await asyncio.to_thread(next, following)) == [before - 1]
    for number in range(before, before + 3):
        waiting = asyncio.create_task(asyncio.to_thread(next, following))
        await tell(database, destination, range(number, number + 1))
        assert shown(await waiting) == [number]
    following.close()


def test_without_a_stream_it_says_why(tmp_path: Path) -> None:
    with pytest.raises(MunimentError, match="No Muniment runs"):
        EventTail.of(Settings(home=tmp_path))
    with pytest.raises(MunimentError, match="RabbitMQ and Kafka have tools"):
        EventTail.of(Settings(home=tmp_path, events_url="amqp://host"))
    unreachable = EventTail.of(Settings(home=tmp_path, events_url="redis://127.0.0.1:1", redis_url="redis://other"))
    assert unreachable.url == "redis://127.0.0.1:1"
    with pytest.raises(MunimentError, match="cannot be read"):
        list(unreachable.read(1, None, follow=False))
