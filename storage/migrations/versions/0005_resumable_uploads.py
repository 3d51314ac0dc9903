"""Uploads that come in pieces."""

import sqlalchemy as sa
from alembic import op

from storage.migrations.row_security import isolate

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "resumable_uploads",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("length_bytes", sa.BigInteger(), nullable=True),
        sa.Column("offset_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("generation", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("time_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("time_expires", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants._id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("file_id"),
    )
    op.create_index("ix_resumable_uploads_tenant_id", "resumable_uploads", ["tenant_id"])
    op.create_index("ix_resumable_uploads_time_expires", "resumable_uploads", ["time_expires"])
    op.create_check_constraint(
        "acknowledged_bytes", "resumable_uploads", "offset_bytes BETWEEN 0 AND coalesce(length_bytes, offset_bytes)"
    )
    isolate("resumable_uploads")
