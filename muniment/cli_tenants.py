"""Commands about tenants and their API keys."""

from datetime import UTC, datetime
from typing import Annotated, cast

import typer

from muniment.cli_options import (
    JsonOption,
    MetadataOption,
    SettingsOption,
    TenantOption,
    assignments,
    client_for,
    flat_assignments,
)
from muniment.cli_output import note, print_fields, print_json, print_line, print_table
from muniment.models import ALL_SCOPES, Scope
from muniment.progress_bar import count_bar

Code = Annotated[str, typer.Argument(metavar="CODE", show_default=False)]

tenant_app = typer.Typer(no_args_is_help=True, help="Create, show, configure, suspend and delete tenants.")
key_app = typer.Typer(no_args_is_help=True, help="Create, list and revoke a tenant's API keys.")


def register(app: typer.Typer) -> None:
    app.add_typer(tenant_app, name="tenant")
    app.add_typer(key_app, name="key")


@tenant_app.command("create")
def create_tenant(
    context: typer.Context,
    code: Code,
    settings: SettingsOption = None,
    metadata: MetadataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a tenant; prints its first key, which is never shown again. CODE can never be changed."""
    with client_for(context) as client:
        tenant = client.tenants.create(
            code, configuration=assignments(settings) or None, metadata=flat_assignments(metadata) or None
        )
    if as_json:
        print_json(tenant)
        return
    secret = tenant.api_key.secret if tenant.api_key else None
    print_line(f"MUNIMENT_TENANT={tenant.code}")
    print_line(f"MUNIMENT_API_KEY={secret}")
    note("This key is not shown again.")


@tenant_app.command("show")
def show_tenant(
    context: typer.Context,
    code: Annotated[str | None, typer.Argument(envvar="MUNIMENT_TENANT")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a tenant with its configuration and statistics."""
    with client_for(context) as client:
        tenant = client.tenants.get(code)
    print_json(tenant) if as_json else print_fields(tenant)


@tenant_app.command("ls")
def list_tenants(context: typer.Context, as_json: JsonOption = False) -> None:
    """List all tenants."""
    with client_for(context) as client:
        tenants = list(client.tenants.list(page_size=200))
    if as_json:
        print_json(tenants)
        return
    rows = ((tenant.code, tenant.status, tenant.time_created, tenant.metadata) for tenant in tenants)
    print_table(("CODE", "STATUS", "CREATED", "METADATA"), rows)


@tenant_app.command("configure")
def configure_tenant(
    context: typer.Context,
    code: Code,
    settings: SettingsOption = None,
    metadata: MetadataOption = None,
    version: Annotated[int | None, typer.Option(help="Only if this is the present version.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Change a tenant's configuration or metadata; what is not named stays.

    muniment tenant configure acme --set max_files=1000 --set 'allowed_extensions=["pdf","docx"]'
    """
    if not settings and not metadata:
        raise typer.BadParameter("nothing to change: give --set or --metadata")
    with client_for(context) as client:
        tenant = client.tenants.update(
            client.tenants.get(code),
            configuration=assignments(settings) or None,
            metadata=flat_assignments(metadata) or None,
            version=version,
        )
    print_json(tenant) if as_json else print_fields(tenant)


@tenant_app.command("suspend")
def suspend_tenant(context: typer.Context, code: Code, as_json: JsonOption = False) -> None:
    """Let a tenant be read, not changed; queued extractions wait."""
    with client_for(context) as client:
        tenant = client.tenants.suspend(code)
    print_json(tenant) if as_json else print_fields(tenant)


@tenant_app.command("resume")
def resume_tenant(context: typer.Context, code: Code, as_json: JsonOption = False) -> None:
    """Let a suspended tenant go on."""
    with client_for(context) as client:
        tenant = client.tenants.resume(code)
    print_json(tenant) if as_json else print_fields(tenant)


@tenant_app.command("rm")
def delete_tenant(
    context: typer.Context,
    code: Code,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until everything is gone.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Delete a tenant with all its files. Its code can never be used again."""
    if not yes:
        typer.confirm(f"Delete the tenant '{code}' with all its files, for ever?", abort=True, err=True)
    with client_for(context) as client, count_bar(f"deleting {code}"):
        operation = client.tenants.delete(code, wait=300.0 if wait else None)
    print_json(operation) if as_json else print_fields(operation)


@key_app.command("create")
def create_key(
    context: typer.Context,
    scope: Annotated[list[str] | None, typer.Option(help="Repeat for several; all without.")] = None,
    name: Annotated[str | None, typer.Option(help="What the key is for.")] = None,
    expires: Annotated[datetime | None, typer.Option(help="In UTC.")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key; prints its secret, which is never shown again."""
    unknown = set(scope or ()) - set(ALL_SCOPES)
    if unknown:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: the scopes are {', '.join(ALL_SCOPES)}")
    scopes = cast("list[Scope]", scope) if scope else ALL_SCOPES
    until = expires.replace(tzinfo=UTC) if expires else None
    with client_for(context, tenant) as client:
        key = client.keys.create(scopes, name=name, time_expires=until)
    if as_json:
        print_json(key)
        return
    print_line(str(key.secret))
    note(f"Key {key.id}; this secret is not shown again.")


@key_app.command("ls")
def list_keys(context: typer.Context, tenant: TenantOption = None, as_json: JsonOption = False) -> None:
    """List a tenant's keys, without their secrets."""
    with client_for(context, tenant) as client:
        keys = client.keys.list()
    if as_json:
        print_json(keys)
        return
    rows = ((key.id, key.name, " ".join(key.scopes), key.time_expires, key.time_last_used) for key in keys)
    print_table(("ID", "NAME", "SCOPES", "EXPIRES", "LAST USED"), rows)


@key_app.command("revoke")
def revoke_key(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", show_default=False)],
    tenant: TenantOption = None,
) -> None:
    """Make a key useless, at once."""
    with client_for(context, tenant) as client:
        client.keys.revoke(key_id)
