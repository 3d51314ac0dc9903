"""What only the operator does to a tenant: suspend, resume and remove it; and the operations that outlive it."""

import asyncio
from typing import Annotated, Literal
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from actors.tenant_changes import DeleteTenant, SetTenantStatus
from serve_apps.answers import json_answer, preferred_wait
from serve_apps.auth import Caller, Principal, ServicesOf, caller, operator
from serve_apps.documented_problems import raises
from serve_apps.files import schemas
from serve_apps.files.tenant_answers import tenant_answer
from serve_apps.ingress import service_path
from serve_apps.services import Services
from storage.cache import GONE
from storage.cache_keys import tenant_key
from storage.errors import NotFound
from storage.identifiers import new_id
from storage.records import OperationRecord
from storage.tenant_purge import find_operation

router = APIRouter(prefix="/v1", tags=["tenants"])

Operator = Annotated[Principal, Depends(operator)]
OfTenant = Annotated[Caller, Depends(caller())]

POLL_SECONDS = 0.1


@router.post("/tenants/{code}:suspend", response_model=schemas.TenantOut)
async def suspend_tenant(found: OfTenant, services: ServicesOf) -> Response:
    """From now on the tenant can be read, not changed; what runs is finished, what is queued waits."""
    return await _set_status(found, services, "suspended")


@router.post("/tenants/{code}:resume", response_model=schemas.TenantOut)
async def resume_tenant(found: OfTenant, services: ServicesOf) -> Response:
    """Let a suspended tenant go on."""
    return await _set_status(found, services, "active")


async def _set_status(found: Caller, services: Services, status: Literal["active", "suspended"]) -> Response:
    record = await services.tenants.call(found.tenant, SetTenantStatus(uuid4(), status))
    return await tenant_answer(services, record)


@router.delete(
    "/tenants/{code}",
    status_code=202,
    response_model=schemas.OperationOut,
    responses={200: {"model": schemas.OperationOut, "description": "It has ended within the time of `Prefer: wait`."}},
)
async def delete_tenant(request: Request, found: OfTenant, services: ServicesOf) -> Response:
    """Remove a tenant with everything it has. It is gone at once; the operation tells when its bytes are too."""
    operation_id = new_id("op")
    try:
        await services.tenants.call(found.tenant, DeleteTenant(uuid4(), operation_id))
    except NotFound:
        await _expect_own_deletion(services, found.tenant.code, operation_id)
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
@raises(NotFound)
async def get_operation(operation_id: str, _: Operator, services: ServicesOf) -> Response:
    """How far long work has come."""
    return json_answer(schemas.operation_out(await _operation(services, operation_id)))
