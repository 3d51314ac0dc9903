"""Alembic's entry: runs the migrations over asyncpg, one process at a time."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from storage.database import async_url
from storage.models import Base
from storage.tenant_role import prepare

MIGRATION_LOCK = 6_865_201
"""Key of the advisory lock that migrating processes queue at; any number that nothing else here uses."""


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        context.run_migrations()
        prepare(connection)


async def _migrate() -> None:
    engine = create_async_engine(async_url(context.config.attributes["database_url"]))
    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()
    await engine.dispose()


asyncio.run(_migrate())
