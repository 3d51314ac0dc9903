"""Signals from a real PostgreSQL, through transactions and lost connections."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text

from storage import extraction_signals, signal_listener
from storage.database import Database, async_url
from storage.signal_listener import SignalListener

CHANNEL = "test_signals"


class Heard:
    def __init__(self) -> None:
        self.signals: list[tuple[str, str]] = []
        self.connections = 0
        self._something = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def signal(self, channel: str, payload: str) -> None:
        self.signals.append((channel, payload))
        self._tell()

    def connected(self) -> None:
        self.connections += 1
        self._tell()

    def _tell(self) -> None:
        async def tell() -> None:
            async with self._something:
                self._something.notify_all()

        self._tasks.add(asyncio.create_task(tell()))

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self._something:
            await self._something.wait_for(reached)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def heard(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Heard]:
    monkeypatch.setattr(signal_listener, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(signal_listener, "CHECK_SECONDS", 0.05)
    heard = Heard()
    listener = SignalListener(async_url(database_url), [CHANNEL], heard.signal, heard.connected)
    task = asyncio.create_task(listener.run())
    await heard.until(lambda: heard.connections == 1)
    yield heard
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _send(database: Database, payload: str) -> None:
    async with database.transaction_across_tenants() as session:
        await extraction_signals.send(session, CHANNEL, payload)


async def test_a_signal_is_heard_when_its_transaction_commits(heard: Heard, database: Database) -> None:
    async with database.reading_across_tenants() as session:
        await extraction_signals.send(session, CHANNEL, "rolled back")
    await _send(database, "kept")
    await heard.until(lambda: bool(heard.signals))
    assert heard.signals == [(CHANNEL, "kept")]


async def test_a_lost_connection_comes_back_and_says_that_signals_may_be_missing(
    heard: Heard, database: Database
) -> None:
    async with database.transaction_across_tenants() as session:
        await session.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name"),
            {"name": signal_listener.APPLICATION_NAME},
        )
    await heard.until(lambda: heard.connections >= 2)
    await _send(database, "after")
    await heard.until(lambda: (CHANNEL, "after") in heard.signals)


async def test_a_server_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal_listener, "RETRY_SECONDS", 0.01)
    heard = Heard()
    listener = SignalListener("postgresql://nobody@127.0.0.1:1/none", [CHANNEL], heard.signal, heard.connected)
    task = asyncio.create_task(listener.run())
    await asyncio.sleep(0.1)
    assert not task.done()
    assert heard.connections == 0
    task.cancel()
