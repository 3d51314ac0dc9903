"""Every table with rows of tenants shows a tenant's transactions no others."""

from storage.migrations.row_security import TENANT, isolate

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CODE = f"(SELECT code FROM tenants WHERE _id = {TENANT})"  # noqa: S608 - a constant


def upgrade() -> None:
    isolate("tenants", f"_id = {TENANT}")
    for table in (
        "api_keys",
        "extraction_jobs",
        "extraction_results",
        "files",
        "idempotency_keys",
        "operations",
        "outbox_events",
        "tenant_calls",
    ):
        isolate(table)
    # These name their tenant by its code, which never changes.
    isolate("removals", f"split_part(storage_path, '/', 1) = {CODE}")
    isolate("retired_tenant_codes", f"code = {CODE}")
