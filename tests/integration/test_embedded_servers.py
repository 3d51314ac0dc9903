"""The embedded servers: their data outlives a crash, and only loopback reaches them."""

import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from muniment.local.postgres import EmbeddedPostgres, processes_on
from muniment.local.valkey import EmbeddedValkey


async def run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def server(home: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(home, dict(os.environ))


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    embedded = server(tmp_path)
    yield embedded
    await embedded.stop()


async def test_data_and_address_stay_over_a_restart(tmp_path: Path) -> None:
    first = server(tmp_path)
    url = await first.start()
    await run(url, "CREATE TABLE kept AS SELECT 7 AS number")
    await first.stop()

    second = server(tmp_path)
    assert await second.start() == url
    assert await value(url, "SELECT number FROM kept") == 7
    await second.stop()


async def test_committed_data_survives_the_server_being_killed(tmp_path: Path) -> None:
    first = server(tmp_path)
    url = await first.start()
    await run(url, "CREATE TABLE kept AS SELECT 7 AS number")
    data = tmp_path / "postgres"
    (postmaster,) = [found for found in processes_on(data) if found.ppid() == os.getpid()]
    # The postmaster alone: its orphans and its lock file stay behind, as after the kernel's OOM killer.
    postmaster.send_signal(signal.SIGKILL)

    second = server(tmp_path)
    assert await value(await second.start(), "SELECT number FROM kept") == 7
    await second.stop()
    assert processes_on(data) == []
    await first.stop()


async def test_a_second_start_takes_over_from_a_server_that_was_left_running(tmp_path: Path) -> None:
    left = server(tmp_path)
    await run(await left.start(), "CREATE TABLE kept AS SELECT 7 AS number")
    second = server(tmp_path)
    assert await value(await second.start(), "SELECT number FROM kept") == 7
    await second.stop()
    await left.stop()


async def test_the_services_role_is_no_superuser(postgres: EmbeddedPostgres) -> None:
    url = await postgres.start()
    assert await value(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


async def test_a_wrong_password_is_refused_on_loopback_too(postgres: EmbeddedPostgres) -> None:
    url = await postgres.start()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url, password="guess")


async def test_both_servers_listen_on_loopback_only(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path, dict(os.environ))
    await postgres.start()
    await valkey.start()
    listening = {
        connection.laddr.ip
        for child in psutil.Process().children()
        for connection in child.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    await valkey.stop()


async def test_the_cache_asks_for_its_password(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path, dict(os.environ))
    url = await valkey.start()
    guessed = re.sub(":[^:]+@", ":guess@", url)
    async with Redis.from_url(url) as friend, Redis.from_url(guessed) as stranger:
        assert await friend.ping()
        with pytest.raises(AuthenticationError):
            await stranger.ping()
    await valkey.stop()


async def test_keys_are_readable_by_the_owner_only(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    await postgres.start()
    assert {key.stat().st_mode & 0o777 for key in (tmp_path / "keys").iterdir()} == {0o600}
