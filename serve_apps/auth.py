"""Who calls, and whether they may: each route names its scope in one line, `Depends(caller("files:read"))`."""

import asyncio
import hmac
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from serve_apps.request_errors import MissingScope, Unauthorized
from serve_apps.services import Services, services_of
from storage import tenant_crud
from storage.api_keys import BearerKey, Scope
from storage.cache import Versioned
from storage.cache_keys import api_key_key, tenant_key
from storage.errors import MunimentError, NotFound
from storage.logs import current_tenant
from storage.records import KeyRecord, TenantRecord

log = logging.getLogger(__name__)

NOTE_USE_SECONDS = 60
"""`time_last_used` is that exact."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The operator (no key) or the holder of a tenant's key."""

    key: KeyRecord | None

    @property
    def is_operator(self) -> bool:
        return self.key is None


@dataclass(frozen=True, slots=True)
class Caller:
    """An authorized principal and the tenant that it works on."""

    principal: Principal
    tenant: TenantRecord


ServicesOf = Annotated[Services, Depends(services_of)]


async def principal(request: Request, services: ServicesOf) -> Principal:
    """Who sent the request. Raises `Unauthorized`."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    text = credentials.strip()
    if scheme.lower() != "bearer" or not text:
        raise Unauthorized
    if hmac.compare_digest(text.encode(), services.operator_key.encode()):
        return Principal(None)
    bearer = BearerKey.parse(text)
    record = await _key_record(services, bearer.id) if bearer else None
    if bearer is None or record is None or not bearer.opens(record, services.key_pepper):
        raise Unauthorized
    _note_use(services, record.id)
    return Principal(record)


CurrentPrincipal = Annotated[Principal, Depends(principal)]


def operator(found: CurrentPrincipal) -> Principal:
    """Only the operator. A tenant's key is told that there is nothing, as with another tenant's things."""
    if not found.is_operator:
        raise NotFound("resource")
    return found


def authorize(found: Principal, scope: Scope, tenant: TenantRecord | None) -> TenantRecord:
    """The one rule: the tenant where the principal may act on it with `scope`.

    Raises `NotFound` for another's tenant and for none, which look the same, and `MissingScope`.
    """
    if tenant is None:
        raise NotFound("tenant")
    if found.key is None:
        return tenant
    if found.key.tenant_id != tenant.id:
        raise NotFound("tenant")
    if scope not in found.key.scopes:
        raise MissingScope(scope)
    return tenant


def caller(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """A dependency: the caller of a route below `/v1/tenants/{code}` that needs `scope`."""

    async def authorized(code: str, found: CurrentPrincipal, services: ServicesOf) -> Caller:
        tenant = authorize(found, scope, await find_tenant(services, code))
        current_tenant.set(tenant.code)
        return Caller(found, tenant)

    return authorized


async def find_tenant(services: Services, code: str) -> TenantRecord | None:
    async def load() -> Versioned | None:
        async with services.database.reading() as session:
            row = await tenant_crud.find(session, code)
            return Versioned(row.version, TenantRecord.of(row).to_json()) if row else None

    if not tenant_crud.TENANT_CODE.fullmatch(code):
        return None
    found = await services.cache.get_or_load(tenant_key(code), load)
    record = TenantRecord.from_json(found) if found else None
    # What came over a connection that a cancelled call left behind may be another's.
    if record is not None and record.code != code:
        log.error("cache answered with another tenant")
        found = await load_uncached(load)
        record = TenantRecord.from_json(found) if found else None
    return record


async def load_uncached(load: Callable[[], Awaitable[Versioned | None]]) -> bytes | None:
    entry = await load()
    return entry.value if entry else None


async def _key_record(services: Services, key_id: str) -> KeyRecord | None:
    async def load() -> Versioned | None:
        async with services.database.reading() as session:
            record = await tenant_crud.find_key(session, key_id)
            return Versioned(1, record.to_json()) if record else None

    found = await services.cache.get_or_load(api_key_key(key_id), load)
    record = KeyRecord.from_json(found) if found else None
    if record is not None and record.id != key_id:
        log.error("cache answered with another key")
        found = await load_uncached(load)
        record = KeyRecord.from_json(found) if found else None
    return record


_noted: dict[str, float] = {}
_notes: set[asyncio.Task[None]] = set()


def _note_use(services: Services, key_id: str) -> None:
    """Remember when the key was last used; in the background, once a minute."""
    now = time.monotonic()
    if now - _noted.get(key_id, -NOTE_USE_SECONDS) < NOTE_USE_SECONDS:
        return
    _noted[key_id] = now
    task = asyncio.create_task(_write_use(services, key_id))
    _notes.add(task)
    task.add_done_callback(_notes.discard)


async def _write_use(services: Services, key_id: str) -> None:
    try:
        async with services.database.transaction() as session:
            await tenant_crud.note_key_use(session, key_id)
    except MunimentError as error:
        log.warning("key use not noted", extra={"key": key_id, "reason": str(error)})
