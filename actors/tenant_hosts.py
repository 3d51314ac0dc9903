"""Where tenant actors live: Ray actors that each hold many, named by release and number.

A tenant's host is chosen by rendezvous hashing of its code, so that every replica finds the same one without asking;
a tenant whose isolation is `dedicated` has a host of its own.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import ray

from actors.event_broker import Destination, EventBroker
from actors.event_relay import EventRelay
from actors.sweeper import Sweeper
from actors.tenant_host_line import HostCall, Progress
from actors.tenant_hosting import TenantHosting
from actors.webhook_relay import WebhookRelay
from actors.webhook_sender import WebhookSender
from storage.cache import Cache
from storage.database import Database
from storage.errors import MunimentError
from storage.files_on_disk import FilesOnDisk
from storage.logs import configure_logging, current_request, current_tenant
from storage.settings import Settings, get_settings
from storage.webhook_secrets import WebhookSecrets

log = logging.getLogger(__name__)

NAMESPACE = "muniment"
CALLS_AT_A_TIME = 4096
BATCH_SECONDS = 0.1
"""So long a batch waits for its slowest change."""


def host_names(settings: Settings) -> list[str]:
    return [f"tenant-host-{settings.release}-{number}" for number in range(settings.tenant_hosts)]


def host_of(tenant_code: str, isolation: str, settings: Settings) -> str:
    """The name of the tenant's host."""
    if isolation == "dedicated":
        return f"tenant-host-{settings.release}-of-{tenant_code}"
    return max(host_names(settings), key=lambda name: _weight(name, tenant_code))


def _weight(name: str, tenant_code: str) -> bytes:
    return hashlib.blake2b(f"{name}\0{tenant_code}".encode(), digest_size=8).digest()


class TenantHost:
    """The Ray actor: a `TenantHosting`, a sweeper, a relay of events, one of webhooks, and the loop that passivates.

    Errors are returned, not raised: Ray would wrap them, and take the whole batch for failed.
    """

    def __init__(self, name: str, call_soon: Callable[[], None] = lambda: None) -> None:
        """`call_soon` has `facts` called: others call an actor that Ray has restarted only when a file changes, and
        until then events would wait, and what the sweeper finishes.
        """
        settings = get_settings()
        configure_logging("tenant-host", settings.log_level)
        self._name = name
        self._dedicated = name not in host_names(settings)
        self._settings = settings
        self._database = Database(settings.database_url, settings.database_pool_size)
        self._cache = Cache(settings.redis_url, settings.cache_ttl_seconds)
        self._disk = FilesOnDisk(settings.base_path)
        self._hosting = TenantHosting(self._database, self._cache, self._disk, settings.tenant_idle_seconds)
        grace = timedelta(seconds=settings.upload_grace_seconds)
        self._sweeper = Sweeper(self._database, self._cache, self._disk, self._hosting, grace)
        self._relay = EventRelay(self._database, EventBroker(Destination.of(settings)))
        self._webhooks = WebhookRelay(
            self._database,
            WebhookSender(settings.webhook_addresses),
            WebhookSecrets(settings.resolved_key_pepper()),
        )
        self._running: dict[tuple[str, UUID], asyncio.Task[Any]] = {}
        self._background: list[asyncio.Task[None]] = []
        call_soon()

    async def _start(self) -> None:
        """On the first call: a Ray actor's constructor runs outside its event loop."""
        if not self._background:
            work = [self._passivate(), self._sweeper.run()]
            # The hosts that all tenants share are always there.
            work += [] if self._dedicated else [self._relay.run(), self._webhooks.run()]
            self._background = [asyncio.create_task(part) for part in work]

    async def call_many(self, calls: list[HostCall]) -> list[Any]:
        """Each change's answer, or what it failed with as a value; in their order.

        What is not done when a batch has taken `BATCH_SECONDS` is answered with `STILL_RUNNING`: the caller sends it
        again by itself, and gets the answer of the change that runs.
        """
        await self._start()
        running = [self._begin(call) for call in calls]
        await asyncio.wait(running, timeout=None if len(calls) == 1 else BATCH_SECONDS)
        return [task.result() if task.done() else Progress.STILL_RUNNING for task in running]

    def _begin(self, call: HostCall) -> asyncio.Task[Any]:
        key = call.tenant_code, call.change.call_id
        if (found := self._running.get(key)) is not None:
            return found
        task = self._running[key] = asyncio.create_task(self._answer(call))
        task.add_done_callback(lambda _: self._running.pop(key))
        return task

    async def _answer(self, call: HostCall) -> Any:
        current_request.set(call.request_id)
        current_tenant.set(call.tenant_code)
        try:
            return await self._hosting.call(call.tenant_code, call.change)
        except MunimentError as error:
            return error
        except Exception:
            log.exception("call failed")
            return RuntimeError("a defect in the tenant's host")

    async def facts(self) -> dict[str, Any]:
        await self._start()
        return {"name": self._name, "pid": os.getpid(), "tenants": len(self._hosting)}

    async def _passivate(self) -> None:
        while True:
            await asyncio.sleep(min(self._settings.tenant_idle_seconds / 2, 60))
            await self.passivate()

    async def passivate(self) -> None:
        """One round: idle tenants leave, and with the last of them a process that is for one tenant only."""
        with contextlib.suppress(MunimentError):
            await self._hosting.passivate_idle()
        if self._dedicated and not len(self._hosting):
            self._ask_to_end()

    def _ask_to_end(self) -> None:  # pragma: no cover - only within an actor
        # By a call: only a method of the actor may end it.
        ray.get_runtime_context().current_actor.exit_when_empty.remote()

    async def exit_when_empty(self) -> None:  # pragma: no cover - only within an actor
        """End the process of one tenant that nobody calls; the next call starts it again."""
        if not len(self._hosting):
            ray.actor.exit_actor()

    async def close(self) -> None:
        """Stop what runs in the background, and let go of the servers."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._hosting.close()
        await self._database.close()
        await self._cache.close()
        await self._disk.close()


def find_or_start(name: str) -> Any:  # pragma: no cover - needs a cluster, as the tests end to end have
    """The actor's handle. Blocks on the cluster's store: call it in a thread."""
    return (
        ray.remote(TenantHost)
        .options(
            name=name,
            namespace=NAMESPACE,
            get_if_exists=True,
            lifetime="detached",
            max_restarts=-1,
            num_cpus=0.05,
            max_concurrency=CALLS_AT_A_TIME,
        )
        .remote(name, _call_myself)
    )


def _call_myself() -> None:  # pragma: no cover - only within an actor
    ray.get_runtime_context().current_actor.facts.remote()
