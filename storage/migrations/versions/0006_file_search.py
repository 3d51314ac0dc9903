"""Lists of files that are fast at any size; docs/decisions/0015 says how they are read.

It writes the table of files anew: while it runs, for about a minute a million files, nobody reads or writes files.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# What follows has nothing but functions of the server in it: an index is built without looking into other schemas.

HASHES = """
    SELECT hashtextextended(term, uuid_hash_extended(tenant, 0)) FROM (
        SELECT 'extension=' || extension
        UNION ALL SELECT 'media_type=' || media_type
        UNION ALL SELECT 'tag=' || tag FROM json_array_elements_text(tags) AS tag
        UNION ALL SELECT 'meta.' || key || '=' || value FROM jsonb_each_text(metadata)
    ) AS of_the_file (term) WHERE term IS NOT NULL
"""

# PL/pgSQL for the loops: they take a quarter of the time of a query over `generate_series`.
FUNCTIONS = """
    CREATE FUNCTION file_terms(
        tenant uuid, name text, extension text, media_type text, tags json, metadata jsonb
    ) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 500 AS $$
    DECLARE
        terms bigint[] := ARRAY({hashes});
        folded CONSTANT text := lower(name COLLATE "default");
        seed CONSTANT bigint := uuid_hash_extended(tenant, 0);
    BEGIN
        FOR place IN 1 .. coalesce(length(folded), 0) - 2 LOOP
            terms := terms || hashtextextended(substr(folded, place, 3), seed);
        END LOOP;
        RETURN terms;
    END $$;

    CREATE FUNCTION file_signature(
        tenant uuid, extension text, media_type text, tags json, metadata jsonb
    ) RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 500 AS $$
    BEGIN
        RETURN (
            SELECT coalesce(bit_or((1::bigint << (hash & 63)::int) | (1::bigint << (hash >> 6 & 63)::int)), 0)
            FROM ({hashes}) AS hashes (hash)
        );
    END $$;

    CREATE FUNCTION name_signature(name text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 500 AS $$
    DECLARE
        signature bigint := 0;
        folded CONSTANT text := lower(name COLLATE "default");
    BEGIN
        FOR place IN 1 .. coalesce(length(folded), 0) - 2 LOOP
            signature := signature | (1::bigint << (hashtext(substr(folded, place, 3)) & 63));
        END LOOP;
        RETURN signature;
    END $$;
"""

COLUMNS = """
    ALTER TABLE files
        ALTER COLUMN file_name TYPE text COLLATE "C",
        ADD COLUMN signature bigint GENERATED ALWAYS AS (
            CASE WHEN state = 'active' THEN file_signature(tenant_id, extension, media_type, tags, metadata) END
        ) STORED,
        ADD COLUMN name_signature bigint GENERATED ALWAYS AS (
            CASE WHEN state = 'active' THEN name_signature(file_name) END
        ) STORED
"""

TERMS = "file_terms(tenant_id, file_name, extension, media_type, tags, metadata)"

# The terms of other tenants are others, so the index leads to the tenant's files alone; the condition on the tenant is
# for two that are hashed alike, and stands behind a fence so that no plan begins with it. Memory for every page of the
# table: with less, the index names pages instead of rows, and the terms of each row on them are computed again. Without
# helping processes: to start them takes longer than the search.
FILES_WITH_TERMS = """
    CREATE FUNCTION files_with_terms(wanted bigint[], most bigint) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER ROWS 100
    SET search_path = {schema}, pg_temp
    SET work_mem = '64MB' SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS $$
        WITH found AS MATERIALIZED (SELECT id, tenant_id FROM files WHERE state = 'active' AND {terms} @> wanted)
        SELECT id FROM found WHERE tenant_id = current_setting('app.tenant')::uuid LIMIT most
    $$
"""

ORDERS = {"files_by_time": "time_created", "files_by_name": "file_name", "files_by_size": "file_size_bytes"}


def upgrade() -> None:
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema)"))
    for name in ORDERS:
        op.drop_index(name, "files")
    for function in FUNCTIONS.format(hashes=HASHES).split(";\n\n"):
        op.execute(function)
    op.execute(COLUMNS)
    op.execute(FILES_WITH_TERMS.format(schema=schema, terms=TERMS))
    op.execute("REVOKE EXECUTE ON FUNCTION files_with_terms FROM PUBLIC")
    op.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for name, column in ORDERS.items():
        op.create_index(
            name,
            "files",
            ["tenant_id", column, "id"],
            postgresql_include=["signature", "name_signature"],
            postgresql_where=sa.text("state = 'active'"),
        )
    # A pending list as short as may be: every search reads all of it, and a commit that fills it sorts it in.
    op.create_index(
        "files_by_term",
        "files",
        [sa.text(TERMS)],
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 256},
        postgresql_where=sa.text("state = 'active'"),
    )
    # An index that has all that is asked for is read alone only where pages are known to be visible to everybody.
    op.execute("ALTER TABLE files SET (autovacuum_vacuum_insert_scale_factor = 0.02)")


def downgrade() -> None:
    op.execute("ALTER TABLE files RESET (autovacuum_vacuum_insert_scale_factor)")
    op.drop_index("files_by_term", "files")
    op.execute("DROP FUNCTION files_with_terms")
    # With the columns go the indexes that have them.
    op.drop_column("files", "signature")
    op.drop_column("files", "name_signature")
    for function in ("file_terms", "file_signature", "name_signature"):
        op.execute(f"DROP FUNCTION {function}")
    op.alter_column("files", "file_name", type_=sa.Text(collation="default"))
    for name, column in ORDERS.items():
        op.create_index(name, "files", ["tenant_id", column, "id"], postgresql_where=sa.text("state = 'active'"))
