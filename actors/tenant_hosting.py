"""Many tenant actors in one process: activated by their first change, passivated when idle. No Ray in here."""

import asyncio
import logging
import time
from functools import partial
from typing import Any

from actors.tenant_actor import TenantActor
from actors.tenant_changes import Answer, Change, DeleteTenant
from storage.cache import Cache
from storage.database import Database
from storage.errors import MunimentError
from storage.files_on_disk import FilesOnDisk
from storage.tenant_purge import TenantPurge

log = logging.getLogger(__name__)

PURGES_AT_A_TIME = 2
"""Each holds a connection for all of its time and uses another: many at once would wait for each other."""


class TenantHosting:
    """Calls go to the tenant's actor, whichever activation is the newest here."""

    def __init__(self, database: Database, cache: Cache, disk: FilesOnDisk, idle_seconds: float) -> None:
        self._database = database
        self._cache = cache
        self._disk = disk
        self._idle_seconds = idle_seconds
        self._actors: dict[str, asyncio.Future[TenantActor]] = {}
        self._purge = TenantPurge(database, cache, disk)
        self._purges: set[asyncio.Task[None]] = set()
        self._purge_turns = asyncio.Semaphore(PURGES_AT_A_TIME)

    def __len__(self) -> int:
        return len(self._actors)

    async def call(self, code: str, change: Change[Answer]) -> Answer:
        """The change's answer. Raises what the change raises, and `TenantActorFenced` when another host took over."""
        actor = await self._actor(code)
        try:
            answer = await actor.call(change)
        finally:
            if actor.retired:
                await self._drop(code, actor)
        if isinstance(change, DeleteTenant):
            self._begin_purge(change.operation_id)
        return answer

    async def _actor(self, code: str) -> TenantActor:
        """Callers that come together activate once."""
        found = self._actors.get(code)
        if found is None:
            found = asyncio.ensure_future(TenantActor.activate(code, self._database, self._cache, self._disk))
            self._actors[code] = found
            found.add_done_callback(partial(self._forget_failed, code))
        return await asyncio.shield(found)

    def _forget_failed(self, code: str, ended: asyncio.Future[TenantActor]) -> None:
        """The next caller tries again, and does not get this one's error."""
        if not _is_active(ended) and self._actors.get(code) is ended:
            del self._actors[code]

    async def _drop(self, code: str, actor: TenantActor) -> None:
        found = self._actors.get(code)
        if found is not None and _is_active(found) and found.result() is actor:
            del self._actors[code]
            await actor.close()

    def _begin_purge(self, operation_id: str) -> None:
        task = asyncio.create_task(self._run_purge(operation_id))
        self._purges.add(task)
        task.add_done_callback(self._purges.discard)

    async def _run_purge(self, operation_id: str) -> None:
        # The sweeper takes every operation up again that still runs.
        try:
            async with self._purge_turns:
                await self._purge.run(operation_id)
        except MunimentError as error:
            log.warning("purge interrupted", extra={"operation": operation_id, "reason": str(error)})
        except Exception:
            log.exception("purge interrupted", extra={"operation": operation_id})

    async def passivate_idle(self, now: float | None = None) -> int:
        """Close the actors that nobody called for the idle time; how many it were."""
        moment = time.monotonic() if now is None else now
        ready = [(code, found.result()) for code, found in self._actors.items() if _is_active(found)]
        closed = 0
        for code, actor in ready:
            # Looked at when its turn comes: while another was closed somebody may have called this one.
            if actor.is_idle and moment - actor.last_used >= self._idle_seconds:
                await self._drop(code, actor)
                closed += 1
        return closed

    async def close(self) -> None:
        """Stop everything; whoever still waits is told to find the next activation."""
        activations = list(self._actors.values())
        self._actors.clear()
        unfinished: list[asyncio.Future[Any]] = [found for found in activations if not found.done()]
        unfinished.extend(self._purges)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        for found in filter(_is_active, activations):
            await found.result().close()


def _is_active(found: asyncio.Future[TenantActor]) -> bool:
    return found.done() and not found.cancelled() and found.exception() is None
