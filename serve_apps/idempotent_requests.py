"""`Idempotency-Key`: a request sent twice is done once, and answered alike."""

import asyncio
import contextlib
import hashlib
import logging
import re
from collections.abc import AsyncIterator
from uuid import UUID

import orjson
from fastapi import Request

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
