"""How a transaction is bound to one tenant: the setting and the role that row-level security looks at.

The policies (`migrations/row_security.py`) show a transaction the rows of the tenant that `app.tenant` names. They do
not bind the tables' owner, as which the services log in, so a tenant's transaction takes a role that owns nothing.
Where a login may not have that role, the policies are forced on the owner too; `prepare` decides which it is.
"""

import logging

from sqlalchemy import Connection, text

log = logging.getLogger(__name__)

TENANT_ROLE = "muniment_tenant"
"""Roles are the server's: all Muniment databases on it share this one, which has its rights in each of them."""

RIGHTS = {
    "api_keys": "SELECT, INSERT, UPDATE, DELETE",
    "extraction_batches": "SELECT, INSERT",
    "extraction_jobs": "SELECT, INSERT, UPDATE, DELETE",
    "extraction_results": "SELECT, INSERT, UPDATE, DELETE",
    "files": "SELECT, INSERT, UPDATE, DELETE",
    "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
    "operations": "SELECT, INSERT",
    "outbox_events": "SELECT, INSERT",
    "removals": "SELECT, INSERT",
    "resumable_uploads": "SELECT, INSERT, UPDATE, DELETE",
    "retired_tenant_codes": "SELECT, INSERT",
    "tenant_calls": "SELECT, INSERT",
    "tenants": "SELECT, UPDATE",
    "webhook_deliveries": "SELECT, INSERT, UPDATE, DELETE",
    "webhooks": "SELECT, INSERT, UPDATE, DELETE",
}
"""What a tenant's transaction may do with the tenant's rows. To lock a row takes the right to change it."""

BIND = f"""
    SELECT set_config('app.tenant', $1, true),
        set_config('role', CASE WHEN relforcerowsecurity THEN 'none' ELSE '{TENANT_ROLE}' END, true)
    FROM pg_class WHERE oid = 'tenants'::regclass
"""  # noqa: S608 - a constant
"""For the rest of the transaction; the parameter is the tenant's id. The database says which way it is, so that no
process can remember it wrongly."""

_MAKE_ROLE = f"""
    DO $$ BEGIN
        CREATE ROLE {TENANT_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was faster
        WHEN insufficient_privilege THEN NULL;
    END $$
"""
_JOIN_ROLE = f"""
    DO $$ BEGIN
        GRANT {TENANT_ROLE} TO CURRENT_USER;
    EXCEPTION
        WHEN undefined_object OR insufficient_privilege THEN NULL;
    END $$
"""
_MAY_TAKE_ROLE = f"""
    SELECT coalesce(pg_has_role(to_regrole('{TENANT_ROLE}'),
        CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END), false)
"""
_CAN_BYPASS = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = {role}"
_UNLIKE = """
    SELECT relname FROM pg_class
    WHERE relnamespace = current_schema::regnamespace AND relrowsecurity AND relforcerowsecurity <> :forced
"""

BY_HAND = f'CREATE ROLE {TENANT_ROLE} NOLOGIN; GRANT {TENANT_ROLE} TO "<login of the services>";'
"""What an administrator of the server runs for a login that may not make roles."""


class NotIsolated(Exception):
    """Row-level security would hold nobody back."""


def prepare(connection: Connection) -> None:
    """Bind tenants' transactions to their rows: by the role where the login may take it, else by force.

    Run after the migrations, each time: roles and rights do not survive a dump. Raises `NotIsolated`.
    """
    if not connection.scalar(text(_MAY_TAKE_ROLE)):
        connection.execute(text(_MAKE_ROLE))
        connection.execute(text(_JOIN_ROLE))
    takes_role = bool(connection.scalar(text(_MAY_TAKE_ROLE)))
    role = f"'{TENANT_ROLE}'" if takes_role else "current_user"
    if connection.scalar(text(_CAN_BYPASS.format(role=role))):
        raise NotIsolated(
            f"The role {TENANT_ROLE} can bypass row-level security; take that from it."
            if takes_role
            else f"This login can bypass row-level security and may not make the role that cannot. Run: {BY_HAND}"
        )
    if takes_role:
        _grant(connection)
    else:
        log.warning("tenants' transactions have no role of their own", extra={"to_have_one": BY_HAND})
    for (table,) in connection.execute(text(_UNLIKE), {"forced": not takes_role}).all():
        connection.execute(text(f"ALTER TABLE {table} {'NO FORCE' if takes_role else 'FORCE'} ROW LEVEL SECURITY"))


def _grant(connection: Connection) -> None:
    schema = connection.scalar(text("SELECT quote_ident(current_schema)"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {TENANT_ROLE}"))
    for table, rights in RIGHTS.items():
        connection.execute(text(f"GRANT {rights} ON {table} TO {TENANT_ROLE}"))
    connection.execute(text(f"GRANT EXECUTE ON FUNCTION files_with_terms TO {TENANT_ROLE}"))
