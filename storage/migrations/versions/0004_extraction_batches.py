"""Batches of extraction jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storage.migrations.row_security import isolate

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "extraction_batches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("time_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants._id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("batches_by_tenant", "extraction_batches", ["tenant_id", "time_created", "id"])
    isolate("extraction_batches")
    op.create_foreign_key(
        "extraction_jobs_batch_id_fkey",
        "extraction_jobs",
        "extraction_batches",
        ["batch_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.drop_index("jobs_by_batch", "extraction_jobs")
    op.create_index(
        "jobs_by_batch", "extraction_jobs", ["batch_id", "state"], postgresql_where=sa.text("batch_id IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("jobs_by_batch", "extraction_jobs")
    op.create_index("jobs_by_batch", "extraction_jobs", ["batch_id"], postgresql_where=sa.text("batch_id IS NOT NULL"))
    op.drop_constraint("extraction_jobs_batch_id_fkey", "extraction_jobs")
    op.drop_table("extraction_batches")
