"""The database of a home for a program beside the services, whether they run or not."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from muniment.local.child_process import ServerFailed
from muniment.local.environment import child_environment
from muniment.local.home import Home, HomeLock
from muniment.local.postgres import EmbeddedPostgres
from storage.settings import Settings


@asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[str]:
    """The URL of the configured database, of the one that runs on the home, or of one that runs for the block alone.

    Raises `AlreadyRunning` while an instance is only starting, `ServerFailed` where there is no database.
    """
    home = Home(settings.home)
    if settings.database_url:
        yield settings.database_url
    elif (instance := home.running_instance()) is not None:
        yield instance.database_url
    else:
        if not (home.folder / "postgres").exists():
            raise ServerFailed(f"there is no database in {home.folder}; set MUNIMENT_HOME or MUNIMENT_DATABASE_URL")
        with HomeLock(home):
            server = EmbeddedPostgres(home.folder, child_environment(os.environ, home))
            url = await server.start()
            try:
                yield url
            finally:
                await server.stop()
