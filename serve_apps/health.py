"""Whether this replica works, and whether it can serve."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from redis.exceptions import RedisError
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from serve_apps.problems import problem_of
from serve_apps.request_errors import ShuttingDown
from serve_apps.services import Services
from storage.errors import MunimentError, Unavailable

CACHED_SECONDS = 2.0
CHECK_SECONDS = 5.0

router = APIRouter(prefix="/healthz", tags=["health"])


class Readiness:
    """Asks database, cache and volume, at most every two seconds."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._checked = -CACHED_SECONDS
        self._failure: MunimentError | None = None
        self._turn = asyncio.Lock()
        self.shutting_down = False

    async def failure(self) -> MunimentError | None:
        """Why the replica cannot serve now, or None."""
        if self.shutting_down:
            return ShuttingDown()
        async with self._turn:
            return await self._checked_lately()

    async def _checked_lately(self) -> MunimentError | None:
        if time.monotonic() - self._checked >= CACHED_SECONDS:
            self._failure = await self._check()
            self._checked = time.monotonic()
        return self._failure

    async def _check(self) -> MunimentError | None:
        for what, check in (
            ("database", self._check_database),
            ("cache", self._services.cache.ping),
            ("storage volume", self._services.disk.check),
        ):
            if not await _works(check):
                return Unavailable(what)
        return None

    async def _check_database(self) -> None:
        async with self._services.database.reading_across_tenants() as session:
            await session.execute(text("SELECT 1"))


async def _works(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except (OSError, RedisError, MunimentError, TimeoutError):
        return False
    return True


@router.get("/live")
async def live() -> dict[str, str]:
    """The process works."""
    return {"status": "live"}


@router.get("/ready")
async def ready(request: Request) -> Response:
    """The service can be used; 503 while database, cache or storage cannot, or it is shutting down."""
    readiness: Readiness = request.app.state.readiness
    if (failure := await readiness.failure()) is not None:
        return problem_of(request, failure)
    return JSONResponse({"status": "ready"})
