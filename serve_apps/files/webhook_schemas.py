"""What is taken and answered about webhooks, as JSON."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from serve_apps.files.schemas import Json, Name, Taken
from storage.models import Webhook, WebhookDelivery
from storage.times import utc
from storage.webhook_crud import DeliveryState

WebhookEvent = Literal["file.created", "file.updated", "file.deleted", "extraction.finished", "tenant.updated"]
"""What can happen to a tenant while it has a webhook."""


class NewWebhook(Taken):
    url: str
    name: Name = ""
    event_types: list[WebhookEvent] = Field(default_factory=list, description="Those to be sent; empty for all.")

    @field_validator("event_types")
    @classmethod
    def _each_once(cls, event_types: list[WebhookEvent]) -> list[WebhookEvent]:
        return list(dict.fromkeys(event_types))


class WebhookOut(BaseModel):
    id: str
    url: str
    name: str
    event_types: list[str]
    time_created: datetime
    time_last_delivered: datetime | None


class NewWebhookOut(WebhookOut):
    secret: str = Field(description="What the webhook's requests are signed with; never shown again.")


class WebhookList(BaseModel):
    items: list[WebhookOut]
    next_cursor: None = None


class DeliveryOut(BaseModel):
    event_id: str
    event_type: str
    state: DeliveryState
    attempts: int
    time_created: datetime
    time_next_attempt: datetime | None
    time_failed: datetime | None
    last_error: str | None


class DeliveryPage(BaseModel):
    items: list[DeliveryOut]
    next_cursor: str | None


def webhook_out(row: Webhook, secret: str | None = None) -> Json:
    return {
        "id": row.id,
        "url": row.url,
        "name": row.name,
        "event_types": row.event_types,
        "time_created": utc(row.time_created),
        "time_last_delivered": utc(row.time_last_delivered) if row.time_last_delivered else None,
    } | ({"secret": secret} if secret else {})


def delivery_out(row: WebhookDelivery) -> Json:
    return {
        "event_id": str(row.event_id),
        "event_type": row.type,
        "state": "failed" if row.time_failed else "waiting",
        "attempts": row.attempts,
        "time_created": utc(row.time_created),
        "time_next_attempt": utc(row.time_due) if row.time_due else None,
        "time_failed": utc(row.time_failed) if row.time_failed else None,
        "last_error": row.last_error,
    }
