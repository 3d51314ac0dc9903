"""What is to be sent to webhooks, as the relays see it: found, claimed for an attempt, received, failed, given up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Tenant, Webhook, WebhookDelivery
from storage.outbox import WaitingEvent

FAILED_AGE = timedelta(days=30)
"""So long a delivery that was given up can be seen and tried again."""
BATCH = 1000

NOT_TRIED = "There were always others to be sent before."


@dataclass(frozen=True, slots=True)
class DueWebhook:
    tenant_id: UUID
    id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt: what is sent where, and the fence (`webhook`, the event's `sequence`, `attempt`) of its failure."""

    webhook: DueWebhook
    url: str
    encrypted_secret: bytes = field(repr=False)
    attempt: int
    event: WaitingEvent


@dataclass(frozen=True, slots=True)
class Failure:
    """`pause` is how long it waits for its next attempt; `reason` may be shown to the tenant."""

    claim: Claim
    reason: str
    pause: timedelta


# A loose index scan: one probe of the index `deliveries_due` for each webhook that something waits for.
_DUE = text("""
    WITH RECURSIVE waiting AS (
        (SELECT webhook_id, time_due FROM webhook_deliveries
         WHERE time_due IS NOT NULL ORDER BY webhook_id, time_due LIMIT 1)
        UNION ALL
        SELECT following.webhook_id, following.time_due FROM waiting CROSS JOIN LATERAL (
            SELECT delivery.webhook_id, delivery.time_due FROM webhook_deliveries delivery
            WHERE delivery.time_due IS NOT NULL AND delivery.webhook_id > waiting.webhook_id
            ORDER BY delivery.webhook_id, delivery.time_due LIMIT 1
        ) following
    )
    SELECT webhook.tenant_id, webhook.id FROM waiting JOIN webhooks webhook ON webhook.id = waiting.webhook_id
    WHERE waiting.time_due <= now()
""")


async def due(session: AsyncSession) -> list[DueWebhook]:
    """Every webhook that something is to be sent to now."""
    return [DueWebhook(tenant_id, webhook_id) for tenant_id, webhook_id in await session.execute(_DUE)]


async def claim(session: AsyncSession, webhook: DueWebhook, limit: int, lease: timedelta) -> list[Claim]:
    """Up to `limit` deliveries whose time has come, for this caller alone until `lease` has passed."""
    rows = await session.scalars(
        select(WebhookDelivery)
        .where(WebhookDelivery.tenant_id == webhook.tenant_id, WebhookDelivery.webhook_id == webhook.id)
        .where(WebhookDelivery.time_due <= func.now())
        .order_by(WebhookDelivery.time_due, WebhookDelivery.sequence)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    held = rows.all()
    if not held:
        return []
    found = await session.execute(
        select(Webhook.url, Webhook.secret, Tenant.code)
        .join(Tenant, Tenant.id == Webhook.tenant_id)
        .where(Webhook.tenant_id == webhook.tenant_id, Webhook.id == webhook.id)
    )
    url, secret, code = found.one()
    # Counted before the attempt, which may end this process.
    await session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.tenant_id == webhook.tenant_id, WebhookDelivery.webhook_id == webhook.id)
        .where(WebhookDelivery.sequence.in_([row.sequence for row in held]))
        .values(attempts=WebhookDelivery.attempts + 1, time_due=func.now() + lease)
        .execution_options(synchronize_session=False)
    )
    return [Claim(webhook, url, secret, row.attempts + 1, _event(row, code)) for row in held]


def _event(row: WebhookDelivery, code: str) -> WaitingEvent:
    return WaitingEvent(row.sequence, row.event_id, code, row.type, row.data, row.time_created)


async def note(
    session: AsyncSession, webhook: DueWebhook, received: Sequence[Claim], failed: Sequence[Failure]
) -> None:
    """How attempts ended. One that a later attempt has overtaken may still say that it was received."""
    of_webhook = and_(WebhookDelivery.tenant_id == webhook.tenant_id, WebhookDelivery.webhook_id == webhook.id)
    if received:
        # The webhook before its deliveries: whoever removes it locks them in this order.
        await session.execute(
            update(Webhook)
            .where(Webhook.tenant_id == webhook.tenant_id, Webhook.id == webhook.id)
            .values(time_last_delivered=func.now())
        )
        numbers = [claim.event.sequence for claim in received]
        await session.execute(delete(WebhookDelivery).where(of_webhook, WebhookDelivery.sequence.in_(numbers)))
    for failure in failed:
        await session.execute(
            update(WebhookDelivery)
            .where(of_webhook, WebhookDelivery.sequence == failure.claim.event.sequence)
            .where(WebhookDelivery.attempts == failure.claim.attempt, WebhookDelivery.time_due.is_not(None))
            .values(time_due=func.now() + failure.pause, last_error=failure.reason)
        )


async def give_up_expired(session: AsyncSession) -> int:
    """Give up what was not received for too long, a batch of it; how many it were."""
    expired = _key(WebhookDelivery.time_due.is_not(None) & (WebhookDelivery.time_expires <= func.now()))
    given_up = await session.scalars(
        update(WebhookDelivery)
        .where(_KEY.in_(expired.with_for_update(skip_locked=True)))
        .values(time_due=None, time_failed=func.now(), last_error=func.coalesce(WebhookDelivery.last_error, NOT_TRIED))
        .returning(WebhookDelivery.sequence)
        .execution_options(synchronize_session=False)
    )
    return len(given_up.all())


async def forget_failed(session: AsyncSession) -> int:
    """Forget what was given up long ago, a batch of it; how many it were."""
    old = _key(WebhookDelivery.time_failed < func.now() - FAILED_AGE)
    forgotten = await session.scalars(
        delete(WebhookDelivery)
        .where(_KEY.in_(old))
        .returning(WebhookDelivery.sequence)
        .execution_options(synchronize_session=False)
    )
    return len(forgotten.all())


_KEY = tuple_(WebhookDelivery.webhook_id, WebhookDelivery.sequence)


def _key(wanted: ColumnElement[bool]) -> Select[str, int]:
    return select(WebhookDelivery.webhook_id, WebhookDelivery.sequence).where(wanted).limit(BATCH)
