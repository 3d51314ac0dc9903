"""An upload's bytes, counted against its tenant's limit as they come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from serve_apps.auth import Caller
from serve_apps.rate_limits import take, upload_limit
from serve_apps.services import Services
from storage.rate_limiter import Charge, RateLimiter
from storage.rate_windows import Limit
from storage.records import TenantRecord

COUNTED_BYTES = 256 * 1024
"""A body of unknown length is counted in pieces of so many bytes, or of what it is received in."""


@asynccontextmanager
async def metered_body(request: Request, services: Services, found: Caller) -> AsyncIterator[AsyncIterator[bytes]]:
    """The request's body, for the block. Reading it raises `RateLimited`: with a `Content-Length` before the first
    byte, else as soon as the limit is reached. Bytes that were announced and did not come cost nothing.
    """
    limit = upload_limit(found.tenant)
    if limit is None or found.principal.is_operator:
        yield request.stream()
        return
    body = _MeteredBody(request, services.rate_limiter, found.tenant, limit)
    try:
        yield body.chunks()
    finally:
        await asyncio.shield(body.settle())


class _MeteredBody:
    def __init__(self, request: Request, limiter: RateLimiter, tenant: TenantRecord, limit: Limit) -> None:
        self._request, self._limiter, self._tenant, self._limit = request, limiter, tenant, limit
        self._received = 0
        self._charge: Charge | None = None
        """Of a body whose length is known: at least what was received."""

    def chunks(self) -> AsyncIterator[bytes]:
        length = self._request.headers.get("content-length")
        return self._of_unknown_length() if length is None else self._of_length(int(length))

    async def _of_length(self, length: int) -> AsyncIterator[bytes]:
        # More than the limit allows at all is admitted when nothing else was, and counted as it comes.
        self._charge = await self._take(min(length, self._limit.amount))
        async for chunk in self._request.stream():
            self._received += len(chunk)
            if self._received > self._charge.here.amount:
                enough = min(length, self._received + self._limit.amount)
                self._charge = await self._limiter.change(self._charge, enough)
            yield chunk

    async def _of_unknown_length(self) -> AsyncIterator[bytes]:
        waiting: list[bytes] = []
        uncounted = 0
        async for chunk in self._request.stream():
            waiting.append(chunk)
            uncounted += len(chunk)
            if uncounted >= COUNTED_BYTES:
                yield await self._counted(waiting)
                waiting, uncounted = [], 0
        if uncounted:
            yield await self._counted(waiting)

    async def _counted(self, chunks: list[bytes]) -> bytes:
        """The chunks as one. What has no room is not handed on: of a resumable upload it would be kept."""
        whole = b"".join(chunks)
        await self._take(len(whole))
        return whole

    async def _take(self, amount: int) -> Charge:
        [charge] = await take(self._request, self._limiter, self._tenant, [(self._limit, amount)])
        return charge

    async def settle(self) -> None:
        """Nothing more comes."""
        if self._charge is not None and self._charge.here.amount != self._received:
            await self._limiter.change(self._charge, self._received)
