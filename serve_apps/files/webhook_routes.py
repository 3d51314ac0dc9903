"""A tenant's webhooks, and what is still to be sent to them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from serve_apps.answers import NOT_STORED, json_answer
from serve_apps.auth import Caller, ServicesOf, caller
from serve_apps.documented_problems import raises
from serve_apps.files import webhook_schemas as schemas
from serve_apps.ingress import service_path
from serve_apps.json_body import json_body, json_request
from serve_apps.paging import Cursor, fingerprint, next_link
from serve_apps.request_errors import BadCursor
from storage import tenant_crud, webhook_crud
from storage.errors import TooManyWebhooks
from storage.webhook_crud import DeliveryState
from storage.webhook_secrets import WebhookSecrets, new_secret
from storage.webhook_urls import check_url

router = APIRouter(prefix="/v1/tenants/{code}/webhooks", tags=["webhooks"])

Reader = Annotated[Caller, Depends(caller("tenant:admin"))]
Writer = Annotated[Caller, Depends(caller("tenant:admin", changes=True))]


async def _hold_for(found: Caller, session: AsyncSession) -> None:
    """The operator may change the webhooks of a suspended tenant too."""
    if not found.principal.is_operator:
        await tenant_crud.hold_active(session, found.tenant.id)


@router.post("", status_code=201, response_model=schemas.NewWebhookOut, openapi_extra=json_request(schemas.NewWebhook))
@raises(TooManyWebhooks)
async def create_webhook(
    request: Request,
    found: Writer,
    services: ServicesOf,
    new: Annotated[schemas.NewWebhook, Depends(json_body(schemas.NewWebhook))],
) -> Response:
    """Have events sent to a URL. The secret that they are signed with is in this answer only."""
    check_url(new.url, services.settings.webhook_addresses)
    tenant, secret = found.tenant, new_secret()
    encrypted = WebhookSecrets(services.key_pepper).encrypt(tenant.id, secret)
    async with services.database.transaction(tenant.id) as session:
        await _hold_for(found, session)
        row = await webhook_crud.register(session, tenant.id, new.url, new.name, new.event_types, encrypted)
    headers = NOT_STORED | {"Location": service_path(request, f"/v1/tenants/{tenant.code}/webhooks/{row.id}")}
    return json_answer(schemas.webhook_out(row, secret), 201, headers)


@router.get("", response_model=schemas.WebhookList)
async def list_webhooks(found: Reader, services: ServicesOf) -> Response:
    """The tenant's webhooks, without their secrets."""
    async with services.database.reading(found.tenant.id) as session:
        rows = await webhook_crud.of_tenant(session, found.tenant.id)
    return json_answer({"items": [schemas.webhook_out(row) for row in rows], "next_cursor": None})


@router.get("/{webhook_id}", response_model=schemas.WebhookOut)
async def get_webhook(webhook_id: str, found: Reader, services: ServicesOf) -> Response:
    """A webhook, without its secret."""
    async with services.database.reading(found.tenant.id) as session:
        row = await webhook_crud.get(session, found.tenant.id, webhook_id)
    return json_answer(schemas.webhook_out(row))


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(webhook_id: str, found: Writer, services: ServicesOf) -> Response:
    """Remove a webhook, with what was still to be sent to it."""
    async with services.database.transaction(found.tenant.id) as session:
        await _hold_for(found, session)
        await webhook_crud.remove(session, found.tenant.id, webhook_id)
    return Response(status_code=204)


@router.get("/{webhook_id}/deliveries", response_model=schemas.DeliveryPage)
@raises(BadCursor)
async def list_deliveries(
    request: Request,
    webhook_id: str,
    found: Reader,
    services: ServicesOf,
    state: DeliveryState | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """What was not received yet, and what was given up, the newest first."""
    list_id = fingerprint("webhook-deliveries", str(found.tenant.id), webhook_id, state)
    before = Cursor.decode(cursor, list_id).size() if cursor is not None else None
    async with services.database.reading(found.tenant.id) as session:
        webhook = await webhook_crud.get(session, found.tenant.id, webhook_id)
        rows = await webhook_crud.deliveries(session, webhook, state, limit + 1, before)
    items, more = rows[:limit], len(rows) > limit
    last = Cursor(items[-1].sequence, webhook_id).encode(list_id) if more else None
    body = {"items": [schemas.delivery_out(row) for row in items], "next_cursor": last}
    path = f"/v1/tenants/{found.tenant.code}/webhooks/{webhook_id}/deliveries"
    return json_answer(body, headers=next_link(request, path, last))


@router.post("/{webhook_id}:retry-failed", status_code=202, response_model=schemas.WebhookOut)
async def retry_failed(webhook_id: str, found: Writer, services: ServicesOf) -> Response:
    """Send what was given up again."""
    async with services.database.transaction(found.tenant.id) as session:
        await _hold_for(found, session)
        webhook = await webhook_crud.get(session, found.tenant.id, webhook_id)
        await webhook_crud.retry_failed(session, webhook)
    return json_answer(schemas.webhook_out(webhook), 202)
