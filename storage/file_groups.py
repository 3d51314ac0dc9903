"""Files that are stored in groups: what one transaction reads and writes for all of them, in three trips.

On the driver itself: SQLAlchemy takes longer to say it than the server to do it, and every small upload waits for it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import orjson
from asyncpg import Connection

from storage.errors import NotFound
from storage.models import Json, Tenant
from storage.outbox import TOLD, Event, deliveries_of_told
from storage.records import FileRecord
from storage.tenant_crud import refuse_unless_held
from storage.webhook_crud import SENT_FOR

TENANT_FIELDS = "code", "status", "actor_epoch", "file_count", "total_bytes", "reserved_files", "reserved_bytes"
# A statement after the lock's: it sees whatever was committed by whoever held the lock before.
LOOK = """
    SELECT configuration::text, code, status, actor_epoch, file_count, total_bytes, reserved_files, reserved_bytes,
        ARRAY(
            SELECT row_to_json(known)::text FROM (
                SELECT id, tenant_id, file_name, file_size_bytes, media_type, declared_media_type, extension,
                    time_created, tags, metadata, sha256, storage_path, version
                FROM files WHERE tenant_id = $1 AND id = ANY($2::text[]) AND state = 'active'
            ) AS known
        ) AS known,
        ARRAY(SELECT storage_path FROM removals WHERE storage_path = ANY($3::text[])) AS given_up,
        CASE WHEN configuration ->> 'duplicate_policy' = 'reject' THEN ARRAY(
            SELECT ARRAY[sha256, id] FROM files
            WHERE tenant_id = $1 AND sha256 = ANY($4::text[]) AND state = 'active'
        ) END AS same_bytes
    FROM tenants WHERE _id = $1
"""

PLAIN_COLUMNS = (
    "id",
    "file_name",
    "file_size_bytes",
    "media_type",
    "declared_media_type",
    "extension",
    "time_created",
    "sha256",
    "storage_path",
    "version",
)
JSON_COLUMNS = "tags", "metadata"
# The rows of an `unnest` keep their order, and so do the numbers that events get.
STORE = f"""
    WITH stored AS (
        INSERT INTO files (
            tenant_id, state, id, file_name, file_size_bytes, media_type, declared_media_type, extension,
            time_created, sha256, storage_path, version, tags, metadata
        )
        SELECT $1, 'active', id, file_name, file_size_bytes, media_type, declared_media_type, extension,
            time_created, sha256, storage_path, version, tags::json, metadata::jsonb
        FROM unnest(
            $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[],
            $11::timestamptz[], $12::text[], $13::text[], $14::bigint[], $15::text[], $16::text[]
        ) AS file (
            id, file_name, file_size_bytes, media_type, declared_media_type, extension,
            time_created, sha256, storage_path, version, tags, metadata
        )
    ), told AS (
        INSERT INTO outbox_events (tenant_id, tenant_code, type, data)
        SELECT $1, $2, type, data::json FROM unnest($17::text[], $18::text[]) AS event (type, data)
        RETURNING {TOLD}
    ), to_webhooks AS ({deliveries_of_told("$19::interval")})
    UPDATE tenants SET file_count = $3, total_bytes = $4 WHERE _id = $1
"""  # noqa: S608 - made of constants

KEEP_ANSWERS = """
    UPDATE idempotency_keys AS kept SET fingerprint = given.fingerprint, answer = given.answer::jsonb
    FROM unnest($2::text[], $3::text[], $4::text[]) AS given (key, fingerprint, answer)
    WHERE kept.tenant_id = $1 AND kept.key = given.key
"""


@dataclass(frozen=True, slots=True)
class Found:
    """The tenant's row, which no session knows, and what there is already of the files of a group."""

    tenant: Tenant
    known: list[FileRecord]
    """Those that are stored."""
    given_up: set[str]
    """Places whose bytes are about to be removed."""
    same_bytes: dict[str, list[str]]
    """Active files by hash, where the tenant takes no duplicates: hash → ids."""


def lock(tenant_id: UUID) -> str:
    """What `look` needs done before."""
    # Not FOR UPDATE: that would also lock out inserts of rows that refer to the tenant.
    return f"SELECT FROM tenants WHERE _id = '{tenant_id}' FOR NO KEY UPDATE"


async def look(
    connection: Connection, tenant_id: UUID, epoch: int, ids: list[str], places: list[str], hashes: list[str]
) -> Found:
    """What the group finds. Raises as `tenant_crud.lock` does."""
    row = await connection.fetchrow(LOOK, tenant_id, ids, places, hashes)
    if row is None:
        raise NotFound("tenant")
    configuration, *fields, known, given_up, same_bytes = row
    values = dict(zip(TENANT_FIELDS, fields, strict=True))
    tenant = Tenant(id=tenant_id, configuration=orjson.loads(configuration), **values)
    found = Found(refuse_unless_held(tenant, epoch), list(map(_record, known)), set(given_up), {})
    for sha256, file_id in same_bytes or ():
        found.same_bytes.setdefault(sha256, []).append(file_id)
    return found


def _record(text: str) -> FileRecord:
    return FileRecord.from_fields(orjson.loads(text))


async def write(
    connection: Connection,
    tenant: Tenant,
    files: Collection[FileRecord],
    events: Collection[Event],
    answers: Collection[tuple[str, str, Json]],
) -> None:
    """The files, what is told of them, and the tenant's counters.

    `answers` are idempotency keys, with the fingerprint and the answer of the request that had each.
    """
    columns = ([getattr(file, name) for file in files] for name in PLAIN_COLUMNS)
    texts = ([_text(getattr(file, name)) for file in files] for name in JSON_COLUMNS)
    told = [event.type for event in events], [_text(event.data) for event in events]
    counted = tenant.file_count, tenant.total_bytes
    await connection.execute(STORE, tenant.id, tenant.code, *counted, *columns, *texts, *told, SENT_FOR)
    if answers:
        keys, fingerprints, kept = zip(*answers, strict=True)
        await connection.execute(KEEP_ANSWERS, tenant.id, keys, fingerprints, [_text(answer) for answer in kept])


def _text(value: object) -> str:
    return orjson.dumps(value).decode()
