"""A tenant's webhooks, and what is still to be sent to them. The relay uses `webhook_deliveries`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.errors import NotFound, TooManyWebhooks
from storage.identifiers import is_id, new_id
from storage.models import Webhook, WebhookDelivery

MAX_WEBHOOKS = 10
"""Of one tenant."""
SENT_FOR = timedelta(days=3)
"""An event that was not received for so long is given up."""

DeliveryState = Literal["waiting", "failed"]


async def register(
    session: AsyncSession, tenant_id: UUID, url: str, name: str, event_types: Sequence[str], encrypted_secret: bytes
) -> Webhook:
    """From the commit on, events are written for it too. Raises `TooManyWebhooks`."""
    # One at a time for a tenant, so that they are counted exactly.
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended('webhooks', uuid_hash_extended(:tenant_id, 0)))")
    await session.execute(lock, {"tenant_id": tenant_id})
    if len(await of_tenant(session, tenant_id)) >= MAX_WEBHOOKS:
        raise TooManyWebhooks(MAX_WEBHOOKS)
    row = Webhook(
        id=new_id("wh"),
        tenant_id=tenant_id,
        url=url,
        name=name,
        event_types=list(event_types),
        secret=encrypted_secret,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def of_tenant(session: AsyncSession, tenant_id: UUID) -> Sequence[Webhook]:
    query = select(Webhook).where(Webhook.tenant_id == tenant_id).order_by(Webhook.time_created, Webhook.id)
    return (await session.scalars(query)).all()


async def get(session: AsyncSession, tenant_id: UUID, webhook_id: str) -> Webhook:
    row: Webhook | None = None
    if is_id("wh", webhook_id):
        row = await session.scalar(select(Webhook).where(Webhook.tenant_id == tenant_id, Webhook.id == webhook_id))
    if row is None:
        raise NotFound("webhook")
    return row


async def remove(session: AsyncSession, tenant_id: UUID, webhook_id: str) -> None:
    """With what was still to be sent to it."""
    await get(session, tenant_id, webhook_id)
    await session.execute(delete(Webhook).where(Webhook.tenant_id == tenant_id, Webhook.id == webhook_id))


async def deliveries(
    session: AsyncSession, webhook: Webhook, state: DeliveryState | None, limit: int, before: int | None
) -> Sequence[WebhookDelivery]:
    """Up to `limit`, the newest event first, older than the event numbered `before`."""
    query = (
        select(WebhookDelivery)
        .where(WebhookDelivery.tenant_id == webhook.tenant_id, WebhookDelivery.webhook_id == webhook.id)
        .order_by(WebhookDelivery.sequence.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(WebhookDelivery.time_failed.is_(None) == (state == "waiting"))
    if before is not None:
        query = query.where(WebhookDelivery.sequence < before)
    return (await session.scalars(query)).all()


async def retry_failed(session: AsyncSession, webhook: Webhook) -> None:
    """What was given up is to be sent again, as if it were new."""
    await session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.tenant_id == webhook.tenant_id, WebhookDelivery.webhook_id == webhook.id)
        .where(WebhookDelivery.time_failed.is_not(None))
        .values(
            attempts=0,
            time_due=func.now(),
            time_expires=func.now() + SENT_FOR,
            time_failed=None,
        )
        .execution_options(synchronize_session=False)
    )
