"""The tables. PostgreSQL is the truth; the volume holds the bytes that `files.storage_path` names.

Column names of tenants and files are fixed by the users: `_id`, `code`, `configuration`; `id`, `tenant_id`,
`file_name`, `file_size_bytes`, `media_type`, `time_created`, `tags`, `metadata`. `metadata` is taken by SQLAlchemy's
declarative classes, so the attribute is `metadata_`.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Json = dict[str, Any]


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        str: Text,
        Json: JSONB,
        int: BigInteger,
        bytes: LargeBinary,
    }


class Tenant(Base):
    """`status`: `active` takes changes, `suspended` only reads, `deleting` is gone for everyone but its purge.

    `actor_epoch` counts the activations of the tenant's actor; only the newest may write.
    """

    __tablename__ = "tenants"

    id: Mapped[UUID] = mapped_column("_id", primary_key=True, server_default=text("gen_random_uuid()"))
    code: Mapped[str] = mapped_column(unique=True)
    configuration: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    metadata_: Mapped[Json] = mapped_column("metadata", server_default=text("'{}'"))
    status: Mapped[str] = mapped_column(server_default=text("'active'"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    actor_epoch: Mapped[int] = mapped_column(server_default=text("0"))
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())
    file_count: Mapped[int] = mapped_column(server_default=text("0"))
    total_bytes: Mapped[int] = mapped_column(server_default=text("0"))
    reserved_files: Mapped[int] = mapped_column(server_default=text("0"))
    reserved_bytes: Mapped[int] = mapped_column(server_default=text("0"))


class RetiredTenantCode(Base):
    __tablename__ = "retired_tenant_codes"

    code: Mapped[str] = mapped_column(primary_key=True)
    time_retired: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Base):
    """`secret_hash` is HMAC-SHA256 of the secret under the service's pepper."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants._id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(server_default=text("''"))
    secret_hash: Mapped[bytes]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())
    time_expires: Mapped[datetime | None]
    time_last_used: Mapped[datetime | None]


class File(Base):
    """`state`: `pending` has its quota reserved and its bytes on the way; `active` has its bytes in place.

    A pending row whose upload died is swept, with its incoming bytes, after a grace time. `reserved_bytes` is what
    the pending row holds of the tenant's quota.
    """

    __tablename__ = "files"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants._id", ondelete="CASCADE"))
    file_name: Mapped[str] = mapped_column(Text(collation="C"))
    file_size_bytes: Mapped[int] = mapped_column(server_default=text("0"))
    media_type: Mapped[str] = mapped_column(server_default=text("''"))
    declared_media_type: Mapped[str] = mapped_column(server_default=text("''"))
    extension: Mapped[str] = mapped_column(server_default=text("''"))
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())
    tags: Mapped[list[str]] = mapped_column(JSON, server_default=text("'[]'"))
    metadata_: Mapped[Json] = mapped_column("metadata", server_default=text("'{}'"))
    sha256: Mapped[str | None]
    storage_path: Mapped[str]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    state: Mapped[str] = mapped_column(server_default=text("'pending'"))
    reserved_bytes: Mapped[int] = mapped_column(server_default=text("0"))

    __mapper_args__ = {"exclude_properties": ["signature", "name_signature"]}  # noqa: RUF012 - SQLAlchemy reads it
    __table_args__ = (
        *(
            Index(
                f"files_by_{name}",
                "tenant_id",
                column,
                "id",
                postgresql_include=["signature", "name_signature"],
                postgresql_where=text("state = 'active'"),
            )
            for name, column in (("time", "time_created"), ("name", "file_name"), ("size", "file_size_bytes"))
        ),
        Index("files_by_sha256", "tenant_id", "sha256", postgresql_where=text("state = 'active'")),
        Index(
            "files_by_term",
            text("file_terms(tenant_id, file_name, extension, media_type, tags, metadata)"),
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 256},
            postgresql_where=text("state = 'active'"),
        ),
        Index("files_pending", "time_created", postgresql_where=text("state = 'pending'")),
        # Bits of what an active file can be found by, for the order's indexes alone.
        Column(
            "signature",
            BigInteger,
            Computed(
                "CASE WHEN state = 'active' THEN file_signature(tenant_id, extension, media_type, tags, metadata) END",
                persisted=True,
            ),
        ),
        Column(
            "name_signature",
            BigInteger,
            Computed("CASE WHEN state = 'active' THEN name_signature(file_name) END", persisted=True),
        ),
    )


class ResumableUpload(Base):
    """An upload that comes in pieces. Its file's row is `pending` until all of them are there, then `active`.

    `offset_bytes` are acknowledged: they are durable, and never asked for again. `length_bytes` is null while the
    client has not told it. `generation` counts the requests that held the upload, and is the fence: only the newest may
    acknowledge bytes. `description` is the client's `Upload-Metadata`, as it came.
    """

    __tablename__ = "resumable_uploads"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants._id", ondelete="CASCADE"), index=True)
    file_id: Mapped[str] = mapped_column(ForeignKey("files.id", ondelete="CASCADE"), unique=True)
    description: Mapped[str]
    length_bytes: Mapped[int | None]
    offset_bytes: Mapped[int] = mapped_column(server_default=text("0"))
    generation: Mapped[int] = mapped_column(server_default=text("0"))
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())
    time_expires: Mapped[datetime] = mapped_column(index=True)


class TenantCall(Base):
    """The outcome of a change that a caller may send twice (its first answer was lost with a worker)."""

    __tablename__ = "tenant_calls"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants._id", ondelete="CASCADE"), index=True)
    outcome: Mapped[Json]
    time_created: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class Removal(Base):
    """Bytes whose row is gone and that are still to be unlinked; written by the transaction that removed the row."""

    __tablename__ = "removals"

    storage_path: Mapped[str] = mapped_column(primary_key=True)
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())


class OutboxEvent(Base):
    """An event that is still to be told. It may outlive its tenant, so it holds no foreign key.

    `sequence` grows with a tenant's changes; it is no order of commits between tenants. `id` is what consumers know a
    repeated event by.
    """

    __tablename__ = "outbox_events"

    sequence: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    id: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    tenant_id: Mapped[UUID]
    tenant_code: Mapped[str]
    type: Mapped[str]
    # Passed on as it is: text costs less than JSONB and keeps its order.
    data: Mapped[Json] = mapped_column(JSON)
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())


class Webhook(Base):
    """Where a tenant's events are sent. `secret` is encrypted; `event_types` is empty for all."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants._id", ondelete="CASCADE"), index=True)
    url: Mapped[str]
    name: Mapped[str] = mapped_column(server_default=text("''"))
    event_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret: Mapped[bytes]
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())
    time_last_delivered: Mapped[datetime | None]


class WebhookDelivery(Base):
    """An event that is still to be sent to a webhook, or that was given up; one that was received has no row.

    `time_due` is when it is tried next, or is taken for lost while it is tried; it is null once it was given up, which
    is at `time_expires`. `attempts` counts from before each attempt, and is the fence: an attempt that failed may say
    so only under its own number. `sequence`, `event_id`, `type`, `data` and `time_created` are the event's.
    """

    __tablename__ = "webhook_deliveries"

    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants._id", ondelete="CASCADE"), index=True)
    type: Mapped[str]
    data: Mapped[Json] = mapped_column(JSON)
    time_created: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    time_due: Mapped[datetime | None] = mapped_column(server_default=func.now())
    time_expires: Mapped[datetime]
    time_failed: Mapped[datetime | None]
    last_error: Mapped[str | None]

    __table_args__ = (
        Index("deliveries_due", "webhook_id", "time_due", postgresql_where=text("time_due IS NOT NULL")),
        Index("deliveries_expiring", "time_expires", postgresql_where=text("time_due IS NOT NULL")),
        Index("deliveries_failed", "time_failed", postgresql_where=text("time_failed IS NOT NULL")),
    )


class IdempotencyKey(Base):
    """A request's stored answer. While it is null the first request runs, or died: then `lease_until` has passed."""

    __tablename__ = "idempotency_keys"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants._id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str | None]
    answer: Mapped[Json | None]
    lease_until: Mapped[datetime]
    time_created: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class Operation(Base):
    """Long work that a client polls. It outlives its tenant, so it names it by code and holds no foreign key."""

    __tablename__ = "operations"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    tenant_id: Mapped[UUID]
    tenant_code: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'running'"))
    progress: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    result: Mapped[Json | None]
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())
    time_finished: Mapped[datetime | None]


class ExtractionBatch(Base):
    """Jobs that were asked for together; what it is now follows from them."""

    __tablename__ = "extraction_batches"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants._id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(server_default=text("''"))
    options: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("batches_by_tenant", "tenant_id", "time_created", "id"),)


class ExtractionJob(Base):
    """`state`: `queued` waits; `running` is held by a runner until `lease_until`; the others are final.

    `attempt` is the fence: a runner may write only under the attempt that it claimed. `failures` counts attempts that
    ended by a crash, without a word or by an error worth repeating. `password` is encrypted, and erased when the job
    ends. `sha256` (the file's), `options_hash` and `engine_version` say which jobs are the same work; the tenant's
    `results_unique` index uses the same columns.
    """

    __tablename__ = "extraction_jobs"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants._id", ondelete="CASCADE"))
    file_id: Mapped[str] = mapped_column(ForeignKey("files.id", ondelete="CASCADE"))
    batch_id: Mapped[str | None] = mapped_column(ForeignKey("extraction_batches.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(server_default=text("'queued'"))
    options: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    sha256: Mapped[str]
    options_hash: Mapped[str]
    engine_version: Mapped[str]
    password: Mapped[bytes | None]
    pages_done: Mapped[int] = mapped_column(server_default=text("0"))
    pages_total: Mapped[int | None]
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    cached: Mapped[bool] = mapped_column(server_default=text("false"))
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    error: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
    result_id: Mapped[UUID | None] = mapped_column(ForeignKey("extraction_results.id", ondelete="SET NULL"))
    lease_until: Mapped[datetime | None]
    available_at: Mapped[datetime] = mapped_column(server_default=func.now())
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())
    time_started: Mapped[datetime | None]
    time_finished: Mapped[datetime | None]

    __table_args__ = (
        Index("jobs_queued", "tenant_id", "time_created", "id", postgresql_where=text("state = 'queued'")),
        Index("jobs_running", "tenant_id", "lease_until", postgresql_where=text("state = 'running'")),
        Index(
            "jobs_alike",
            "tenant_id",
            "sha256",
            "options_hash",
            "engine_version",
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        Index("jobs_by_tenant", "tenant_id", "time_created", "id"),
        Index("jobs_by_file", "file_id"),
        Index("jobs_by_result", "result_id"),
        Index("jobs_by_batch", "batch_id", "state", postgresql_where=text("batch_id IS NOT NULL")),
    )


class ExtractionResult(Base):
    """One parse of some bytes under some options by one engine version; the same in one tenant is never made twice.

    Rows never change. `status` is `succeeded` or `partial`; `size_bytes` is the length of the document's JSON.
    """

    __tablename__ = "extraction_results"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants._id", ondelete="CASCADE"))
    sha256: Mapped[str]
    options_hash: Mapped[str]
    engine_version: Mapped[str]
    status: Mapped[str]
    page_count: Mapped[int]
    size_bytes: Mapped[int]
    # Megabytes; `stored_documents` packs them.
    document: Mapped[bytes] = mapped_column(deferred=True)
    time_created: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("results_unique", "tenant_id", "sha256", "options_hash", "engine_version", unique=True),)
