"""Row-level security, for migrations that make a table with rows of tenants.

Released migrations call this, so what it does to a table never changes.
"""

from alembic import op

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
"""The tenant that the transaction is bound to. In a subquery of its own it is evaluated once, not for every row."""

UNBOUND = "(SELECT nullif(current_setting('app.tenant', true), '') IS NULL AND current_user <> 'muniment_tenant')"


def isolate(table: str, of_tenant: str = f"tenant_id = {TENANT}") -> None:
    """From now on a transaction bound to a tenant sees and writes only rows for which `of_tenant` is true.

    The role of tenants without a tenant has none at all; whoever owns the table and names no tenant has all.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    for name, rows in (("rows_of_the_tenant", of_tenant), ("all_rows_unbound", UNBOUND)):
        op.execute(f"CREATE POLICY {name} ON {table} USING ({rows}) WITH CHECK ({rows})")
