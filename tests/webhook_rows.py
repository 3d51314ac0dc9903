"""Webhooks of a running service and what waits for them, as tests look at it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from storage.models import WebhookDelivery
from tests.file_service import FileService, SampleTenant

Json = dict[str, Any]


async def made(tenant: SampleTenant, url: str, **fields: Any) -> Json:
    """The new webhook, with its secret."""
    answer = await tenant.request("POST", "/webhooks", json={"url": url} | fields)
    assert answer.status_code == 201, answer.text
    webhook: Json = answer.json()
    return webhook


async def deliveries(service: FileService) -> Sequence[WebhookDelivery]:
    """All of them, in the order of their events."""
    async with service.services.database.reading_across_tenants() as session:
        return (await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.sequence))).all()


async def waiting(service: FileService, webhook: Json) -> list[str]:
    """The types of the events that wait for the webhook."""
    return [row.type for row in await deliveries(service) if row.webhook_id == webhook["id"]]
