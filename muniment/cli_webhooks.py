"""Commands about a tenant's webhooks."""

from typing import Annotated, Literal, cast

import typer

from muniment.cli_options import JsonOption, TenantOption, client_for
from muniment.cli_output import note, print_fields, print_json, print_line, print_table

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK_ID", show_default=False)]

webhook_app = typer.Typer(no_args_is_help=True, help="Have a tenant's events sent to a URL.")


def register(app: typer.Typer) -> None:
    app.add_typer(webhook_app, name="webhook")


@webhook_app.command("create")
def create_webhook(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", show_default=False)],
    event: Annotated[
        list[str] | None, typer.Option(help="Such as file.created; repeat for several, all without.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the webhook is for.")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have events sent to URL; prints the secret that signs them, which is never shown again."""
    with client_for(context, tenant) as client:
        webhook = client.webhooks.create(url, event_types=event or (), name=name)
    if as_json:
        print_json(webhook)
        return
    print_line(str(webhook.secret))
    note(f"Webhook {webhook.id}; this secret is not shown again.")


@webhook_app.command("ls")
def list_webhooks(context: typer.Context, tenant: TenantOption = None, as_json: JsonOption = False) -> None:
    """List a tenant's webhooks, without their secrets."""
    with client_for(context, tenant) as client:
        webhooks = client.webhooks.list()
    if as_json:
        print_json(webhooks)
        return
    rows = (
        (webhook.id, webhook.name, webhook.url, " ".join(webhook.event_types) or "all", webhook.time_last_delivered)
        for webhook in webhooks
    )
    print_table(("ID", "NAME", "URL", "EVENTS", "LAST DELIVERED"), rows)


@webhook_app.command("deliveries")
def list_deliveries(
    context: typer.Context,
    webhook_id: WebhookId,
    state: Annotated[str | None, typer.Option(help="Only those that are `waiting`, or `failed`.")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what a webhook did not receive yet, and what was given up."""
    if state not in {None, "waiting", "failed"}:
        raise typer.BadParameter(f"{state}: a delivery is waiting or failed")
    wanted = cast("Literal['waiting', 'failed'] | None", state)
    with client_for(context, tenant) as client:
        found = list(client.webhooks.deliveries(webhook_id, state=wanted, page_size=200))
    if as_json:
        print_json(found)
        return
    rows = (
        (item.event_id, item.event_type, item.state, item.attempts, item.time_next_attempt, item.last_error)
        for item in found
    )
    print_table(("EVENT", "TYPE", "STATE", "ATTEMPTS", "NEXT", "LAST ERROR"), rows)


@webhook_app.command("retry-failed")
def retry_failed(
    context: typer.Context, webhook_id: WebhookId, tenant: TenantOption = None, as_json: JsonOption = False
) -> None:
    """Send what was given up again."""
    with client_for(context, tenant) as client:
        webhook = client.webhooks.retry_failed(webhook_id)
    print_json(webhook) if as_json else print_fields(webhook)


@webhook_app.command("rm")
def delete_webhook(context: typer.Context, webhook_id: WebhookId, tenant: TenantOption = None) -> None:
    """Remove a webhook, with what was still to be sent to it."""
    with client_for(context, tenant) as client:
        client.webhooks.delete(webhook_id)
