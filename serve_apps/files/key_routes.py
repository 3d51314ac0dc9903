"""A tenant's API keys."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from serve_apps.answers import NOT_STORED, json_answer
from serve_apps.auth import Caller, ServicesOf, caller
from serve_apps.files import schemas
from serve_apps.ingress import service_path
from serve_apps.json_body import json_body, json_request
from storage import tenant_crud
from storage.cache import GONE
from storage.cache_keys import api_key_key

router = APIRouter(prefix="/v1/tenants/{code}/api-keys", tags=["tenants"])

Reader = Annotated[Caller, Depends(caller("tenant:admin"))]
Writer = Annotated[Caller, Depends(caller("tenant:admin", changes=True))]


async def _hold_for(found: Caller, session: AsyncSession) -> None:
    """The operator may change the keys of a suspended tenant too."""
    if not found.principal.is_operator:
        await tenant_crud.hold_active(session, found.tenant.id)


@router.post("", status_code=201, response_model=schemas.NewKeyOut, openapi_extra=json_request(schemas.NewKey))
async def create_key(
    request: Request,
    found: Writer,
    services: ServicesOf,
    new: Annotated[schemas.NewKey, Depends(json_body(schemas.NewKey))],
) -> Response:
    """Make a key. Its secret is in this answer only."""
    async with services.database.transaction(found.tenant.id) as session:
        await _hold_for(found, session)
        row, bearer = await tenant_crud.add_key(
            session, found.tenant.id, services.key_pepper, new.name, new.scopes, new.time_expires
        )
    headers = NOT_STORED | {
        "Location": service_path(request, f"/v1/tenants/{found.tenant.code}/api-keys/{row.id}"),
    }
    return json_answer(schemas.key_out(row, str(bearer)), 201, headers)


@router.get("/{key_id}", response_model=schemas.KeyOut)
async def get_key(key_id: str, found: Reader, services: ServicesOf) -> Response:
    """A key, without its secret."""
    async with services.database.reading(found.tenant.id) as session:
        row = await tenant_crud.key(session, found.tenant.id, key_id)
    return json_answer(schemas.key_out(row))


@router.get("", response_model=schemas.KeyList)
async def list_keys(found: Reader, services: ServicesOf) -> Response:
    """The tenant's keys, without their secrets."""
    async with services.database.reading(found.tenant.id) as session:
        rows = await tenant_crud.keys(session, found.tenant.id)
    return json_answer({"items": [schemas.key_out(row) for row in rows], "next_cursor": None})


@router.delete("/{key_id}", status_code=204)
async def revoke_key(key_id: str, found: Writer, services: ServicesOf) -> Response:
    """Revoke a key; it stops working everywhere at once."""
    gone = {api_key_key(key_id): GONE}
    async with services.database.transaction(found.tenant.id) as session:
        await _hold_for(found, session)
        await tenant_crud.revoke_key(session, found.tenant.id, key_id)
        await services.cache.forewarn(gone)
    await services.cache.invalidate(gone)
    return Response(status_code=204)
