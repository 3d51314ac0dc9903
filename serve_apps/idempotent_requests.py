"""`Idempotency-Key`: a request sent twice is done once, and answered alike."""

import asyncio
import contextlib
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import orjson
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from serve_apps.request_errors import BadRequest
from storage import idempotency
from storage.database import Database
from storage.errors import IdempotencyKeyReused, MunimentError
from storage.idempotency import StoredAnswer

log = logging.getLogger(__name__)

KEY = re.compile(r"[\x21-\x7e]{1,255}")
REPLAYED = {"Idempotency-Replayed": "true"}
RENEWALS_A_LEASE = 3


def idempotency_key(request: Request) -> str | None:
    """The header's value, or None. Raises `BadRequest` for one that is not a key."""
    key = request.headers.get("idempotency-key")
    if key is not None and not KEY.fullmatch(key):
        raise BadRequest("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return key


def request_fingerprint(*parts: object) -> str:
    """What makes two requests the same: the route, and all that it was asked for."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def same_request(stored: StoredAnswer, fingerprint: str) -> idempotency.Json:
    """The stored answer. Raises `IdempotencyKeyReused` when it was given to another request."""
    if stored.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    return stored.answer


async def done_once(
    database: Database,
    tenant_id: UUID,
    key: str | None,
    fingerprint: str,
    work: Callable[[AsyncSession], Awaitable[idempotency.Json]],
) -> tuple[idempotency.Json, dict[str, str]]:
    """What `work` answers, and the headers that say so when an earlier request with the same key did it.

    Everything is one transaction: a request that fails leaves its key free, and one that comes while the first still
    runs waits for it. Raises what `work` raises, and `IdempotencyKeyReused`.
    """
    async with database.transaction(tenant_id) as session:
        if key is not None and (stored := await idempotency.begin(session, tenant_id, key)) is not None:
            return same_request(stored, fingerprint), REPLAYED
        answer = await work(session)
        if key is not None:
            await idempotency.complete(session, tenant_id, key, fingerprint, answer)
        return answer, {}


@contextlib.asynccontextmanager
async def claimed(database: Database, tenant_id: UUID, key: str | None) -> AsyncIterator[StoredAnswer | None]:
    """Hold the key while the block does the work (None), or hand it the answer that was given before.

    The block stores its answer with its work (`idempotency.complete`); when it raises, the key is free again.
    Raises `IdempotencyKeyInUse`.
    """
    if key is None:
        yield None
        return
    async with database.transaction(tenant_id) as session:
        stored = await idempotency.begin(session, tenant_id, key)
    if stored is not None:
        yield stored
        return
    renewing = asyncio.create_task(_renew(database, tenant_id, key))
    try:
        yield None
    except BaseException:
        await asyncio.shield(_give_back(database, tenant_id, key))
        raise
    finally:
        renewing.cancel()


async def _renew(database: Database, tenant_id: UUID, key: str) -> None:
    while True:
        await asyncio.sleep(idempotency.LEASE.total_seconds() / RENEWALS_A_LEASE)
        try:
            async with database.transaction(tenant_id) as session:
                await idempotency.renew(session, tenant_id, key)
        except MunimentError as error:
            log.warning("idempotency lease not renewed", extra={"reason": str(error)})


async def _give_back(database: Database, tenant_id: UUID, key: str) -> None:
    try:
        async with database.transaction(tenant_id) as session:
            await idempotency.give_back(session, tenant_id, key)
    except MunimentError as error:
        # The lease ends by itself.
        log.warning("idempotency key not given back", extra={"reason": str(error)})
