"""The servers that outlive the service, and an empty place for each run."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis
from sqlalchemy import text

from muniment.local.postgres import EmbeddedPostgres
from muniment.local.valkey import EmbeddedValkey
from storage import migrate
from storage.database import Database
from storage.models import Base
from tests.crash.service_process import Where


@dataclass
class Servers:
    home: Path
    database_url: str
    redis_url: str
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    _volumes: "itertools.count[int]" = field(default_factory=itertools.count)

    async def empty_place(self) -> Where:
        """Without rows, cached values or bytes, whatever the run before has left."""
        database = Database(self.database_url)
        async with database.transaction_across_tenants() as session:
            await session.execute(text(f"TRUNCATE {', '.join(Base.metadata.tables)} CASCADE"))
        await database.close()
        async with Redis.from_url(self.redis_url) as redis:
            await redis.flushdb()
        folder = self.home / f"run-{next(self._volumes)}"
        await asyncio.to_thread(folder.mkdir)
        return Where(folder / "files", self.database_url, self.redis_url, folder / "service.log")


@asynccontextmanager
async def servers(home: Path) -> AsyncIterator[Servers]:
    postgres, valkey = EmbeddedPostgres(home, dict(os.environ)), EmbeddedValkey(home, dict(os.environ))
    try:
        database_url, redis_url = await postgres.start(), await valkey.start()
        await asyncio.to_thread(migrate.upgrade, database_url)
        yield Servers(home, database_url, redis_url, postgres, valkey)
    finally:
        await postgres.stop()
        await valkey.stop()
