"""How services reach a tenant's actor: typed calls that survive the death of its host."""

import asyncio
import logging
import random
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, cast

from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayError, RayTaskError

from actors.tenant_changes import Answer, Change
from actors.tenant_host_line import HostCall, HostLine
from actors.tenant_hosts import find_or_start, host_names, host_of
from storage.errors import TenantActorFenced, Unavailable
from storage.logs import current_request
from storage.records import TenantRecord
from storage.settings import Settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 20.0
"""How long a call looks for a living host before it gives up; a restart takes 2 to 5 s."""
ANSWER_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0


class TenantCalls(Protocol):
    """What routes need: one change of one tenant, applied once, however often it had to be sent."""

    async def call(self, tenant: TenantRecord, change: Change[Answer]) -> Answer:
        """The change's answer; raises what the change raises, or `Unavailable` when no host answers in time."""
        ...

    def wake(self) -> None:
        """Begin, in the background, to finish what a crash left half done."""

    async def close(self) -> None: ...


class TenantHosts:
    """Calls over Ray. Changes carry a call id, so sending one again is safe.

    `find` answers the handle of the host with a name, which it starts where there is none; it may block.
    """

    def __init__(self, settings: Settings, find: Callable[[str], Any] = find_or_start) -> None:
        self._settings = settings
        self._find = find
        self._handles: dict[str, Any] = {}
        self._lines: dict[str, HostLine] = {}
        self._waking: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Start the hosts that all tenants share: each has a sweeper."""
        self._waking = asyncio.create_task(self._wake())

    async def close(self) -> None:
        if self._waking is not None:
            self._waking.cancel()
            await asyncio.gather(self._waking, return_exceptions=True)
        await asyncio.gather(*(line.close() for line in self._lines.values()))

    async def _wake(self) -> None:
        for name in host_names(self._settings):
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await (await self._host(name)).facts.remote()
            except (RayError, TimeoutError) as error:
                log.warning("tenant host not awake", extra={"host": name, "reason": type(error).__name__})

    async def call(self, tenant: TenantRecord, change: Change[Answer]) -> Answer:
        name = host_of(tenant.code, tenant.rules.isolation, self._settings)
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                answer = await self._answer(name, tenant.code, change)
            except (RayActorError, ActorUnavailableError) as error:
                # The next look-up finds the restarted actor, or starts another.
                self._handles.pop(name, None)
                log.warning("tenant host away", extra={"host": name, "reason": type(error).__name__})
            except RayTaskError:
                # A defect in the host, which its log tells more of.
                raise
            except (RayError, TimeoutError, GetTimeoutError) as error:
                raise Unavailable("tenant's worker") from error
            else:
                if not isinstance(answer, Exception):
                    return cast("Answer", answer)
                if not isinstance(answer, TenantActorFenced):
                    raise answer
            if asyncio.get_running_loop().time() + pause > deadline:
                raise Unavailable("tenant's worker")
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads retries
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _answer(self, name: str, code: str, change: Change[Any]) -> Any:
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = HostLine(partial(self._send, name))
        async with asyncio.timeout(ANSWER_SECONDS):
            return await line.call(HostCall(code, change, current_request.get()))

    async def _send(self, name: str, calls: list[HostCall]) -> list[Any]:
        # A time of its own: those who waited may be gone, and the line must go on.
        async with asyncio.timeout(ANSWER_SECONDS):
            host = await self._host(name)
            answers: list[Any] = await host.call_many.remote(calls)
            return answers

    async def _host(self, name: str) -> Any:
        if name not in self._handles:
            # Asking the cluster's store blocks, and for long while the head is down.
            self._handles[name] = await asyncio.to_thread(self._find, name)
        return self._handles[name]
