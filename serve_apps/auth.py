"""Who calls, and whether they may: each route names its scope in one line, `Depends(caller("files:read"))`."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from serve_apps.cached_records import cached_record
from serve_apps.rate_limits import count_request
from serve_apps.request_errors import MissingScope, Unauthorized
from serve_apps.services import Services, services_of
from storage import tenant_crud
from storage.api_keys import BearerKey, Scope
from storage.cache import Versioned
from storage.cache_keys import api_key_key, tenant_key
from storage.errors import NotFound
from storage.logs import current_tenant
from storage.records import KeyRecord, TenantRecord


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
    services.key_uses.note(record)
    return Principal(record)


CurrentPrincipal = Annotated[Principal, Depends(principal)]


def operator(found: CurrentPrincipal) -> Principal:
    """Only the operator. A tenant's key is told that there is nothing, as with another tenant's things."""
    if not found.is_operator:
        raise NotFound("resource")
    return found


def authorize(found: Principal, scopes: tuple[Scope, ...], tenant: TenantRecord | None) -> TenantRecord:
    """The one rule: the tenant where the principal may act on it with one of `scopes`.

    Raises `NotFound` for another's tenant and for none, which look the same, and `MissingScope`.
    """
    if tenant is None:
        raise NotFound("tenant")
    if found.key is None:
        return tenant
    if found.key.tenant_id != tenant.id:
        raise NotFound("tenant")
    if found.key.scopes.isdisjoint(scopes):
        raise MissingScope(scopes[0])
    return tenant


def caller(*scopes: Scope, counted: bool = True) -> Callable[..., Awaitable[Caller]]:
    """A dependency: the caller of a route below `/v1/tenants/{code}` that needs one of `scopes`.

    `counted`: the call costs the tenant one request, if it is not the operator's.
    """

    async def authorized(request: Request, code: str, found: CurrentPrincipal, services: ServicesOf) -> Caller:
        tenant = authorize(found, scopes, await find_tenant(services, code))
        current_tenant.set(tenant.code)
        if counted and not found.is_operator:
            await count_request(request, services.rate_limiter, tenant)
        return Caller(found, tenant)

    return authorized


async def find_tenant(services: Services, code: str) -> TenantRecord | None:
    async def load() -> Versioned | None:
        async with services.database.reading_across_tenants() as session:
            row = await tenant_crud.find(session, code)
            return Versioned(row.version, TenantRecord.of(row).to_json()) if row else None

    if not tenant_crud.TENANT_CODE.fullmatch(code):
        return None

    def is_its_own(record: TenantRecord) -> bool:
        return record.code == code

    return await cached_record(services.cache, tenant_key(code), load, TenantRecord.from_json, is_its_own)


async def _key_record(services: Services, key_id: str) -> KeyRecord | None:
    async def load() -> Versioned | None:
        async with services.database.reading_across_tenants() as session:
            record = await tenant_crud.find_key(session, key_id)
            return Versioned(1, record.to_json()) if record else None

    def is_its_own(record: KeyRecord) -> bool:
        return record.id == key_id

    return await cached_record(services.cache, api_key_key(key_id), load, KeyRecord.from_json, is_its_own)
