"""Documents as compressed bytes; docs/decisions/0023 says why.

Those that are there stay as they are, as bytes of their JSON: `storage/stored_documents.py` reads both.
"""

import zlib

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE extraction_results "
        "ALTER COLUMN document TYPE bytea USING convert_to(document::text, 'UTF8'), "
        # They are compressed: the server need not try.
        "ALTER COLUMN document SET STORAGE EXTERNAL"
    )


def downgrade() -> None:
    connection = op.get_bind()
    for result_id in connection.scalars(sa.text("SELECT id FROM extraction_results")).all():
        stored = connection.scalar(sa.text("SELECT document FROM extraction_results WHERE id = :id"), {"id": result_id})
        if not stored.startswith(b"{"):
            connection.execute(
                sa.text("UPDATE extraction_results SET document = :document WHERE id = :id"),
                {"id": result_id, "document": zlib.decompress(stored)},
            )
    op.execute(
        "ALTER TABLE extraction_results "
        "ALTER COLUMN document TYPE jsonb USING convert_from(document, 'UTF8')::jsonb, "
        "ALTER COLUMN document SET STORAGE EXTENDED"
    )
