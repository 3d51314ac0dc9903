"""A tenant's webhooks, as `Client.webhooks`, and `verify` for those who receive them."""

from collections.abc import Iterator, Sequence
from typing import Literal

from muniment import webhook_calls
from muniment.models import Webhook, WebhookDelivery
from muniment.sending import Sender
from muniment.webhook_signatures import InvalidSignature, verify

__all__ = ["DeliveryState", "InvalidSignature", "Webhooks", "verify"]

DeliveryState = Literal["waiting", "failed"]


class Webhooks:
    """Where a tenant's events are sent (scope `tenant:admin`)."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    def create(
        self, url: str, *, event_types: Sequence[str] = (), name: str | None = None, tenant: str | None = None
    ) -> Webhook:
        """Have events sent to `url`, those of the types named or all; its `secret` is never shown again."""
        return self._sender.send(webhook_calls.create_webhook(self._tenant(tenant), url, event_types, name))

    def get(self, webhook: Webhook | str, *, tenant: str | None = None) -> Webhook:
        return self._sender.send(webhook_calls.get_webhook(self._tenant(tenant), webhook))

    def list(self, *, tenant: str | None = None) -> tuple[Webhook, ...]:
        return self._sender.send(webhook_calls.list_webhooks(self._tenant(tenant)))

    def delete(self, webhook: Webhook | str, *, tenant: str | None = None) -> None:
        """Remove it, with what was still to be sent to it."""
        return self._sender.send(webhook_calls.delete_webhook(self._tenant(tenant), webhook))

    def deliveries(
        self,
        webhook: Webhook | str,
        *,
        state: DeliveryState | None = None,
        page_size: int = 50,
        tenant: str | None = None,
    ) -> Iterator[WebhookDelivery]:
        """What was not received yet, and what was given up, the newest event first."""
        code = self._tenant(tenant)
        return self._sender.iterate(
            lambda cursor: webhook_calls.list_deliveries(code, webhook, state, page_size, cursor)
        )

    def retry_failed(self, webhook: Webhook | str, *, tenant: str | None = None) -> Webhook:
        """Send what was given up again."""
        return self._sender.send(webhook_calls.retry_failed(self._tenant(tenant), webhook))
