"""Starts everything in order, keeps it running, and stops it in the reverse order."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from muniment.local.addresses import Addresses, choose_addresses
from muniment.local.child_process import ChildProcess, ServerFailed
from muniment.local.environment import child_environment, service_environment
from muniment.local.home import Home, HomeLock, RunningInstance
from muniment.local.leftovers import stop_leftovers
from muniment.local.postgres import EmbeddedPostgres
from muniment.local.ray_cluster import RayCluster
from muniment.local.restarting import Embedded, Restarting
from muniment.local.serve_process import ServeProcess
from muniment.local.valkey import EmbeddedValkey
from storage import migrate
from storage.settings import Settings

Tell = Callable[[str], None]
Failure = Callable[[], Awaitable[str]]
"""Waits for a part to fail for good, and says how it did."""


class Instance:
    """A running Muniment. `wait` returns when a part of it has failed for good."""

    def __init__(self, addresses: Addresses, operator_key: str, home: Home, failures: list[Failure]) -> None:
        self.addresses = addresses
        self.operator_key = operator_key
        self.home = home
        self._failures = failures

    async def wait(self) -> None:
        """Raises `ServerFailed`; an instance that works stays here until the caller cancels."""
        waiting = [asyncio.ensure_future(failure()) for failure in self._failures]
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            raise ServerFailed(next(iter(done)).result())
        finally:
            for task in waiting:
                task.cancel()


@asynccontextmanager
async def running(settings: Settings, tell: Tell) -> AsyncIterator[Instance]:
    """A Muniment that is ready inside the block; afterwards everything that was started has ended.

    Raises `AlreadyRunning`, `PortTaken`, or `ServerFailed` with the log to look at.
    """
    home = Home(settings.home)
    async with AsyncExitStack() as stack:
        stack.enter_context(HomeLock(home))
        ray_folder = home.ray_folder()
        if stopped := await asyncio.to_thread(stop_leftovers, home, ray_folder):
            tell(f"Stopped {stopped} processes that an earlier run left behind.")
        stack.push_async_callback(asyncio.to_thread, stop_leftovers, home, ray_folder)
        addresses = choose_addresses(settings, tell)
        environment = child_environment(os.environ, home)
        failures: list[Failure] = []

        async def server(url: str, name: str, embedded: Callable[[Path, dict[str, str]], Embedded]) -> str:
            if url:
                return url
            tell(f"Starting {name} …")
            restarting = Restarting(name, embedded(home.folder, environment), tell)
            stack.push_async_callback(restarting.stop)
            started = await restarting.start()
            failures.append(restarting.failure)
            return started

        database_url = await server(settings.database_url, "PostgreSQL", EmbeddedPostgres)
        redis_url = await server(settings.redis_url, "Valkey", EmbeddedValkey)
        await asyncio.to_thread(migrate.upgrade, database_url)

        tell("Starting Ray …")
        environment |= service_environment(settings, addresses, database_url, redis_url)
        cluster = RayCluster(home, environment)
        stack.push_async_callback(cluster.stop)
        await cluster.start()

        tell("Starting the services …")
        serve = ServeProcess(home, cluster.environment, settings.drain_seconds)
        stack.push_async_callback(serve.stop)
        await serve.start(addresses.urls())

        failures += [partial(_ended, child, home) for child in (cluster.child, serve.child)]
        home.announce(
            RunningInstance(
                home=str(home.folder),
                supervisor=os.getpid(),
                addresses=addresses.urls(),
                database_url=database_url,
                redis_url=redis_url,
                ray_address=cluster.address,
                ray_folder=str(ray_folder),
            )
        )
        yield Instance(addresses, settings.resolved_operator_key(), home, failures)


async def _ended(child: ChildProcess, home: Home) -> str:
    return f"{child.name} ended with status {await child.wait()}; the logs are in {home.logs}"
