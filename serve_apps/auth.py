"""Who calls, and whether they may: each route names what it does in one line, `Depends(caller("files:read"))`."""

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from serve_apps.cached_records import cached_record
from serve_apps.documented_problems import raises
from serve_apps.rate_limits import count_request
from serve_apps.request_errors import MissingScope, RateLimited, Unauthorized
from serve_apps.services import Services, services_of
from storage import tenant_crud
from storage.api_keys import BearerKey, Scope
from storage.cache import Versioned
from storage.cache_keys import api_key_key, tenant_key
from storage.errors import NotFound, TenantSuspended
from storage.logs import current_tenant
from storage.records import KeyRecord, TenantRecord


@dataclass(frozen=True, slots=True)
class Principal:
    """The operator (no key) or the holder of a tenant's key."""

    key: KeyRecord | None

    @property
    def is_operator(self) -> bool:
        return self.key is None


KEY_SECONDS = 0.8
"""A key is believed for so long after it was read. A revocation is heard of at once where Redis works; where its
message is lost, with a process or with Redis, the key works for less than a second all the same."""

CHANGING: frozenset[Scope] = frozenset({"files:write", "extractions:write"})


@dataclass(frozen=True, slots=True)
class Action:
    """What a route does. A key needs one of `scopes` for it; where there is none, it is the operator's alone."""

    scopes: tuple[Scope, ...] = ()
    changes: bool = False

    def waits_for_resumption(self, principal: Principal) -> bool:
        """Whether a suspended tenant is spared it. The operator administers one, but stores nothing in it either."""
        return self.changes and not (principal.is_operator and CHANGING.isdisjoint(self.scopes))


OPERATE = Action()


class Platform:
    """What belongs to no tenant: their list, and the operations that outlive them."""


PLATFORM = Platform()
Resource = TypeVar("Resource", TenantRecord, Platform)


def authorize(found: Principal, action: Action, resource: Resource | None) -> Resource:
    """The one rule, for every route: the resource, where the principal may do this to it.

    Raises `NotFound` for another's tenant and for none, which look the same, `MissingScope` and `TenantSuspended`.
    """
    if resource is None:
        raise NotFound("tenant")
    if found.key is not None:
        _check_key(found.key, action, resource)
    if isinstance(resource, TenantRecord) and resource.status == "suspended" and action.waits_for_resumption(found):
        raise TenantSuspended
    return resource


def _check_key(key: KeyRecord, action: Action, resource: TenantRecord | Platform) -> None:
    if not isinstance(resource, TenantRecord):
        raise NotFound("resource")
    if key.tenant_id != resource.id:
        raise NotFound("tenant")
    if not action.scopes:
        raise NotFound("resource")
    if key.scopes.isdisjoint(action.scopes):
        raise MissingScope(action.scopes[0])


@dataclass(frozen=True, slots=True)
class Caller:
    """An authorized principal and the tenant that it works on."""

    principal: Principal
    tenant: TenantRecord


ServicesOf = Annotated[Services, Depends(services_of)]


@raises(Unauthorized)
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


@raises(NotFound)
def operator(found: CurrentPrincipal) -> Principal:
    """A dependency: the operator. A tenant's key is told that there is nothing, as with another tenant's things."""
    authorize(found, OPERATE, PLATFORM)
    return found


def caller(*scopes: Scope, changes: bool | None = None, counted: bool = True) -> Callable[..., Awaitable[Caller]]:
    """A dependency: the caller of a route below `/v1/tenants/{code}` that needs one of `scopes`, or is the operator's.

    `changes` is said where the scope does not tell. `counted`: the call costs the tenant one request, if it is not
    the operator's.
    """
    action = Action(scopes, not CHANGING.isdisjoint(scopes) if changes is None else changes)

    @raises(NotFound, MissingScope, RateLimited, *((TenantSuspended,) if action.changes else ()))
    async def authorized(request: Request, code: str, found: CurrentPrincipal, services: ServicesOf) -> Caller:
        tenant = authorize(found, action, await find_tenant(services, code))
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


async def refuse_revoked(services: Services, found: Caller) -> None:
    """For requests that are answered little by little: raises `Unauthorized` when the key works no more."""
    key = found.principal.key
    if key is not None:
        record = await _key_record(services, key.id)
        if record is None or record.has_expired:
            raise Unauthorized


async def _key_record(services: Services, key_id: str) -> KeyRecord | None:
    """As it is, or was less than `KEY_SECONDS` ago."""

    async def load() -> Versioned | None:
        read_at = time.time()
        async with services.database.reading_across_tenants() as session:
            record = await tenant_crud.find_key(session, key_id, read_at)
            return Versioned(1, record.to_json()) if record else None

    def is_its_own(record: KeyRecord) -> bool:
        return record.id == key_id

    key = api_key_key(key_id)
    record = await cached_record(services.cache, key, load, KeyRecord.from_json, is_its_own, KEY_SECONDS)
    if record is None or 0 <= time.time() - record.read_at < KEY_SECONDS:
        return record
    entry = await load()
    return KeyRecord.from_json(entry.value) if entry is not None else None
