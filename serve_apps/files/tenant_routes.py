"""Tenants, their keys, and the operations that outlive them."""

import asyncio
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from actors.tenant_changes import DeleteTenant, UpdateTenant
from serve_apps.answers import json_answer, preferred_wait
from serve_apps.auth import Caller, Principal, ServicesOf, caller, find_tenant, operator
from serve_apps.files import schemas
from serve_apps.ingress import service_path
from serve_apps.json_body import (
    MERGE_PATCH,
    json_body,
    json_request,
    read_merge_patch,
    validated,
)
from serve_apps.paging import Cursor, fingerprint, next_link
from serve_apps.preconditions import if_match, none_match, version_tag
from serve_apps.request_errors import BadCursor
from serve_apps.services import Services
from storage import outbox, tenant_crud
from storage.cache import GONE
from storage.cache_keys import api_key_key, tenant_key
from storage.errors import ImmutableField, InvalidFields, NotFound, pointer
from storage.identifiers import new_id
from storage.metadata_field import refuse_bad_metadata
from storage.outbox import Event
from storage.records import OperationRecord, TenantRecord
from storage.shown_records import tenant_out
from storage.tenant_configuration import TenantConfiguration
from storage.tenant_purge import find_operation

router = APIRouter(prefix="/v1", tags=["tenants"])

Operator = Annotated[Principal, Depends(operator)]
Admin = Annotated[Caller, Depends(caller("tenant:admin"))]
Reader = Annotated[Caller, Depends(caller("files:read", "tenant:admin"))]
"""An administrator must see the version that it is about to change."""

TENANTS = fingerprint("tenants")
NOT_STORED = {"Cache-Control": "no-store"}
"""Of answers that hold a secret."""
POLL_SECONDS = 0.1


@router.post(
    "/tenants", status_code=201, response_model=schemas.TenantOut, openapi_extra=json_request(schemas.NewTenant)
)
async def create_tenant(
    request: Request,
    _: Operator,
    services: ServicesOf,
    new: Annotated[schemas.NewTenant, Depends(json_body(schemas.NewTenant))],
) -> Response:
    """Create a tenant under its own code, which never changes, with a first key that has all scopes."""
    tenant_crud.check_code(new.code)
    refuse_bad_metadata(new.metadata)
    configuration = _configuration(new.configuration)
    async with services.database.transaction_across_tenants() as session:
        row = await tenant_crud.create(session, new.code, configuration.stored(), new.metadata)
        key, bearer = await tenant_crud.add_key(session, row.id, services.key_pepper, name="first")
        stats = await tenant_crud.stats(session, row.id)
        record = TenantRecord.of(row)
        await outbox.add(session, row.id, new.code, [Event("tenant.created", tenant_out(record))])
        # Before the commit, so that a tenant that exists has its folders; after the code is known to be free.
        await services.disk.prepare_tenant(new.code)
    body = schemas.tenant_out(record, stats) | {"api_key": schemas.key_out(key, str(bearer))}
    headers = NOT_STORED | {
        "Location": service_path(request, f"/v1/tenants/{record.code}"),
        "ETag": version_tag(record.version),
    }
    return json_answer(body, 201, headers)


def _configuration(given: schemas.Json) -> TenantConfiguration:
    try:
        return TenantConfiguration.created_from(given)
    except ValidationError as error:
        raise InvalidFields.of(error, "/configuration") from None


@router.get("/tenants", response_model=schemas.TenantPage)
async def list_tenants(
    request: Request,
    _: Operator,
    services: ServicesOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """All tenants, in order of their creation."""
    after = None
    if cursor is not None:
        found = Cursor.decode(cursor, TENANTS)
        after = (found.moment(), _uuid(found.id))
    async with services.database.reading_across_tenants() as session:
        rows = await tenant_crud.page(session, limit + 1, after)
        records = [TenantRecord.of(row) for row in rows[:limit]]
        stats = await tenant_crud.stats_of(session, [record.id for record in records])
    items = [schemas.tenant_out(record, stats[record.id]) for record in records if record.id in stats]
    more = len(rows) > limit
    last = Cursor(records[-1].time_created.isoformat(), str(records[-1].id)).encode(TENANTS) if more else None
    return json_answer({"items": items, "next_cursor": last}, headers=next_link(request, "/v1/tenants", last))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadCursor from None


@router.get("/tenants/{code}", response_model=schemas.TenantOut)
async def get_tenant(request: Request, found: Reader, services: ServicesOf) -> Response:
    """A tenant with its configuration (defaults filled in) and statistics."""
    async with services.database.reading(found.tenant.id) as session:
        row = await tenant_crud.find(session, found.tenant.code)
        if row is None:
            raise NotFound("tenant")
        record = TenantRecord.of(row)
        stats = await tenant_crud.stats(session, record.id)
    tag = version_tag(record.version)
    if not none_match(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers={"ETag": tag})
    return json_answer(schemas.tenant_out(record, stats), headers={"ETag": tag})


@router.patch(
    "/tenants/{code}",
    response_model=schemas.TenantOut,
    openapi_extra=json_request(schemas.TenantPatch, MERGE_PATCH),
)
async def update_tenant(request: Request, found: Admin, services: ServicesOf) -> Response:
    """Change configuration and metadata by merge patch; `If-Match` names the version that the caller saw."""
    version = if_match(request)
    patch = await read_merge_patch(request)
    _refuse_immutable(patch, schemas.TenantPatch)
    changes = validated(schemas.TenantPatch, patch)
    change = UpdateTenant(uuid4(), version, changes.configuration, changes.metadata)
    record = await services.tenants.call(found.tenant, change)
    async with services.database.reading(record.id) as session:
        stats = await tenant_crud.stats(session, record.id)
    return json_answer(schemas.tenant_out(record, stats), headers={"ETag": version_tag(record.version)})


def _refuse_immutable(patch: schemas.Json, model: type[schemas.Taken]) -> None:
    fixed = [name for name in patch if name not in model.model_fields]
    if fixed:
        raise ImmutableField(tuple((pointer(name), f"'{name}' cannot be changed") for name in fixed))


@router.delete("/tenants/{code}", status_code=202, response_model=schemas.OperationOut)
async def delete_tenant(code: str, request: Request, _: Operator, services: ServicesOf) -> Response:
    """Remove a tenant with everything it has. It is gone at once; the operation tells when its bytes are too."""
    tenant = await find_tenant(services, code)
    if tenant is None:
        raise NotFound("tenant")
    operation_id = new_id("op")
    try:
        await services.tenants.call(tenant, DeleteTenant(uuid4(), operation_id))
    except NotFound:
        await _expect_own_deletion(services, code, operation_id)
    seconds = preferred_wait(request)
    operation = await _wait(services, operation_id, seconds)
    headers = {"Location": service_path(request, f"/v1/operations/{operation_id}")}
    if seconds and operation.state != "running":
        return json_answer(schemas.operation_out(operation), 200, headers | {"Preference-Applied": f"wait={seconds}"})
    return json_answer(schemas.operation_out(operation), 202, headers | {"Retry-After": "1"})


async def _expect_own_deletion(services: Services, code: str, operation_id: str) -> None:
    """Raises `NotFound` unless it was this operation that removed the tenant: the call was sent twice then.

    Whoever answered it first may have died before the cache heard of it.
    """
    try:
        await _operation(services, operation_id)
    except NotFound:
        raise NotFound("tenant") from None
    await services.cache.invalidate({tenant_key(code): GONE})


async def _operation(services: Services, operation_id: str) -> OperationRecord:
    async with services.database.reading_across_tenants() as session:
        return await find_operation(session, operation_id)


async def _wait(services: Services, operation_id: str, seconds: int) -> OperationRecord:
    """The operation when it has ended, or as it is after the time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        operation = await _operation(services, operation_id)
        if operation.state != "running" or asyncio.get_running_loop().time() >= deadline:
            return operation
        await asyncio.sleep(POLL_SECONDS)


@router.get("/operations/{operation_id}", response_model=schemas.OperationOut)
async def get_operation(operation_id: str, _: Operator, services: ServicesOf) -> Response:
    """How far long work has come."""
    return json_answer(schemas.operation_out(await _operation(services, operation_id)))


@router.post(
    "/tenants/{code}/api-keys",
    status_code=201,
    response_model=schemas.NewKeyOut,
    openapi_extra=json_request(schemas.NewKey),
)
async def create_key(
    request: Request,
    found: Admin,
    services: ServicesOf,
    new: Annotated[schemas.NewKey, Depends(json_body(schemas.NewKey))],
) -> Response:
    """Make a key. Its secret is in this answer only."""
    async with services.database.transaction(found.tenant.id) as session:
        row, bearer = await tenant_crud.add_key(
            session, found.tenant.id, services.key_pepper, new.name, new.scopes, new.time_expires
        )
    headers = NOT_STORED | {
        "Location": service_path(request, f"/v1/tenants/{found.tenant.code}/api-keys/{row.id}"),
    }
    return json_answer(schemas.key_out(row, str(bearer)), 201, headers)


@router.get("/tenants/{code}/api-keys/{key_id}", response_model=schemas.KeyOut)
async def get_key(key_id: str, found: Admin, services: ServicesOf) -> Response:
    """A key, without its secret."""
    async with services.database.reading(found.tenant.id) as session:
        row = await tenant_crud.key(session, found.tenant.id, key_id)
    return json_answer(schemas.key_out(row))


@router.get("/tenants/{code}/api-keys", response_model=schemas.KeyList)
async def list_keys(found: Admin, services: ServicesOf) -> Response:
    """The tenant's keys, without their secrets."""
    async with services.database.reading(found.tenant.id) as session:
        rows = await tenant_crud.keys(session, found.tenant.id)
    return json_answer({"items": [schemas.key_out(row) for row in rows], "next_cursor": None})


@router.delete("/tenants/{code}/api-keys/{key_id}", status_code=204)
async def revoke_key(key_id: str, found: Admin, services: ServicesOf) -> Response:
    """Revoke a key; it stops working everywhere at once."""
    async with services.database.transaction(found.tenant.id) as session:
        await tenant_crud.revoke_key(session, found.tenant.id, key_id)
    await services.cache.invalidate({api_key_key(key_id): GONE})
    return Response(status_code=204)
