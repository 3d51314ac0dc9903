"""Real servers for the tests that need them: one PostgreSQL and one Valkey per session, started at the first use."""

import asyncio
import os
from collections.abc import AsyncIterator

import hypothesis
import pytest

from muniment.local.postgres import EmbeddedPostgres
from muniment.local.valkey import EmbeddedValkey
from storage import migrate

# The same examples on every run, and no limit of time for one: the machine may be busy with other things.
hypothesis.settings.register_profile("muniment", derandomize=True, deadline=None)
hypothesis.settings.load_profile("muniment")


@pytest.fixture(scope="session")
async def database_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A fresh, migrated database. Tests keep apart by making tenants of their own."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres-home"), dict(os.environ))
    url = await server.start()
    try:
        # Alembic's entry runs an event loop of its own.
        await asyncio.to_thread(migrate.upgrade, url)
        yield url
    finally:
        await server.stop()


@pytest.fixture(scope="session")
async def redis_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """An empty cache."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey-home"), dict(os.environ))
    try:
        yield await server.start()
    finally:
        await server.stop()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Content is no name: an archive made at import holds its time, and workers must collect the same tests."""
    return "content" if isinstance(val, bytes) else None
