"""Webhooks, and the events that are still to be sent to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storage.migrations.row_security import isolate

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("event_types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("time_created", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("time_last_delivered", moment, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants._id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_webhooks_tenant_id", "webhooks", ["tenant_id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("time_created", moment, nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("time_due", moment, server_default=sa.text("now()"), nullable=True),
        sa.Column("time_expires", moment, nullable=False),
        sa.Column("time_failed", moment, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants._id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("webhook_id", "sequence"),
    )
    op.create_index("ix_webhook_deliveries_tenant_id", "webhook_deliveries", ["tenant_id"])
    for name, columns, where in (
        ("deliveries_due", ["webhook_id", "time_due"], "time_due IS NOT NULL"),
        ("deliveries_expiring", ["time_expires"], "time_due IS NOT NULL"),
        ("deliveries_failed", ["time_failed"], "time_failed IS NOT NULL"),
    ):
        op.create_index(name, "webhook_deliveries", columns, postgresql_where=sa.text(where))
    # As in the outbox, rows come and go at one end.
    op.execute(
        "ALTER TABLE webhook_deliveries SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)"
    )
    for table in ("webhooks", "webhook_deliveries"):
        isolate(table)


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")
