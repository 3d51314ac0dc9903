"""A tenant's webhooks, as `AsyncClient.webhooks`."""

from collections.abc import AsyncIterator, Sequence

from muniment import webhook_calls
from muniment.documented import documented_by
from muniment.models import Webhook, WebhookDelivery
from muniment.sending import AsyncSender
from muniment.webhooks import DeliveryState, Webhooks


@documented_by(Webhooks)
class AsyncWebhooks:
    """`Webhooks`, to be awaited."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    async def create(
        self, url: str, *, event_types: Sequence[str] = (), name: str | None = None, tenant: str | None = None
    ) -> Webhook:
        return await self._sender.send(webhook_calls.create_webhook(self._tenant(tenant), url, event_types, name))

    async def get(self, webhook: Webhook | str, *, tenant: str | None = None) -> Webhook:
        return await self._sender.send(webhook_calls.get_webhook(self._tenant(tenant), webhook))

    async def list(self, *, tenant: str | None = None) -> tuple[Webhook, ...]:
        return await self._sender.send(webhook_calls.list_webhooks(self._tenant(tenant)))

    async def delete(self, webhook: Webhook | str, *, tenant: str | None = None) -> None:
        return await self._sender.send(webhook_calls.delete_webhook(self._tenant(tenant), webhook))

    def deliveries(
        self,
        webhook: Webhook | str,
        *,
        state: DeliveryState | None = None,
        page_size: int = 50,
        tenant: str | None = None,
    ) -> AsyncIterator[WebhookDelivery]:
        code = self._tenant(tenant)
        return self._sender.iterate(
            lambda cursor: webhook_calls.list_deliveries(code, webhook, state, page_size, cursor)
        )

    async def retry_failed(self, webhook: Webhook | str, *, tenant: str | None = None) -> Webhook:
        return await self._sender.send(webhook_calls.retry_failed(self._tenant(tenant), webhook))
