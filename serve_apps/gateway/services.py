"""What stands behind the gateway, and whether it can be used."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from storage.settings import Settings

CACHED_SECONDS = 2.0
ANSWER_SECONDS = 5.0

AskReady = Callable[[str], Awaitable[bool]]
"""Given the name of a Serve application, whether its service is ready."""


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    """Of the Serve application, and of its route."""
    title: str
    does: str
    port: int


def services_behind(settings: Settings) -> list[Service]:
    return [
        Service("files", "File service", "Tenants, their keys and their files", settings.files_port),
        Service("extraction", "Extraction service", "Files to structured data", settings.extraction_port),
    ]


async def ask_replica(name: str) -> bool:
    """Ask any replica of the application, wherever in the cluster it runs."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return bool(await serve.get_app_handle(name).is_ready.remote())
    except (RayError, RayServeException, TimeoutError):
        return False


class Readiness:
    """Asks the services at most every two seconds."""

    def __init__(self, services: list[Service], ask: AskReady) -> None:
        self._services, self._ask = services, ask
        self._checked = -CACHED_SECONDS
        self._missing: list[Service] = []
        self._turn = asyncio.Lock()

    async def missing(self) -> list[Service]:
        """The services that cannot be used now."""
        async with self._turn:
            if time.monotonic() - self._checked >= CACHED_SECONDS:
                answers = await asyncio.gather(*(self._ask(service.name) for service in self._services))
                self._missing = [found for found, ready in zip(self._services, answers, strict=True) if not ready]
                self._checked = time.monotonic()
        return self._missing
