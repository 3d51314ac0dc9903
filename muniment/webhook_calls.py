"""Calls about a tenant's webhooks."""

from collections.abc import Sequence

from muniment.calls import Call, reads, reads_items, reads_nothing, reads_page
from muniment.models import Page, Webhook, WebhookDelivery
from muniment.request_parts import page_params, segment, tenant_path, without_none


def create_webhook(tenant: str, url: str, event_types: Sequence[str], name: str | None) -> Call[Webhook]:
    body = without_none(url=url, event_types=list(event_types), name=name)
    return Call("files", "POST", _path(tenant), reads(Webhook), json=body, repeatable=False)


def get_webhook(tenant: str, webhook: Webhook | str) -> Call[Webhook]:
    return Call("files", "GET", _path(tenant, webhook), reads(Webhook))


def list_webhooks(tenant: str) -> Call[tuple[Webhook, ...]]:
    return Call("files", "GET", _path(tenant), reads_items(Webhook))


def delete_webhook(tenant: str, webhook: Webhook | str) -> Call[None]:
    return Call("files", "DELETE", _path(tenant, webhook), reads_nothing, done_statuses=(404,))


def list_deliveries(
    tenant: str, webhook: Webhook | str, state: str | None, limit: int, cursor: str | None
) -> Call[Page[WebhookDelivery]]:
    params = (*page_params(limit, cursor), *((("state", state),) if state else ()))
    return Call("files", "GET", f"{_path(tenant, webhook)}/deliveries", reads_page(WebhookDelivery), params)


def retry_failed(tenant: str, webhook: Webhook | str) -> Call[Webhook]:
    return Call("files", "POST", f"{_path(tenant, webhook)}:retry-failed", reads(Webhook))


def _path(tenant: str, webhook: Webhook | str | None = None) -> str:
    path = f"{tenant_path(tenant)}/webhooks"
    if webhook is None:
        return path
    return f"{path}/{segment(webhook if isinstance(webhook, str) else webhook.id)}"
