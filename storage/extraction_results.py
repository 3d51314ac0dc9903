"""Documents that extraction made: stored once for the same work, read by any job that refers to them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, exists, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.cache import GONE
from storage.cache_keys import result_key
from storage.errors import NotFinished, NotFound
from storage.extraction_records import JobRecord, refuse_unless_id
from storage.models import ExtractionJob, ExtractionResult, File
from storage.records import FileRecord
from storage.stored_documents import packed

RESULT_VERSION = 1
"""Of every cached document: a result never changes, it only goes."""

_NUL = rb"\u0000"
_ESCAPED_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


@dataclass(frozen=True, slots=True)
class NewResult:
    """`document` is UTF-8 JSON; `status` is `succeeded` or `partial`.

    Making one compresses the document: not for the event loop.
    """

    engine_version: str
    status: str
    page_count: int
    document: bytes
    stored: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "document", without_nul(self.document))
        object.__setattr__(self, "stored", packed(self.document))


@dataclass(frozen=True, slots=True)
class StoredResult:
    """Where a finished job's document is, and the file that it is about as it is now."""

    job: JobRecord
    file: FileRecord
    result_id: UUID
    size_bytes: int
    engine_version: str
    options_hash: str


def without_nul(document: bytes) -> bytes:
    """Whoever keeps it as JSONB cannot hold U+0000; U+FFFD is one code point as well, so that no span moves."""
    if _NUL not in document:
        return document
    return _ESCAPED_NUL.sub(rb"\1\\ufffd", document)


def alike(job: ExtractionJob) -> Select[ExtractionResult]:
    """The result of the work that `job` asks for."""
    return select(ExtractionResult).where(
        ExtractionResult.tenant_id == job.tenant_id,
        ExtractionResult.sha256 == job.sha256,
        ExtractionResult.options_hash == job.options_hash,
        ExtractionResult.engine_version == job.engine_version,
    )


async def find_alike(session: AsyncSession, job: ExtractionJob) -> ExtractionResult | None:
    """The result of the same work, kept from removal until this transaction has referred to it."""
    found: ExtractionResult | None = await session.scalar(
        alike(job).with_for_update(read=True, key_share=True).execution_options(populate_existing=True)
    )
    return found


async def store(session: AsyncSession, job: ExtractionJob, made: NewResult) -> UUID:
    """The id of the result with the job's work; another's that was faster, where there is one."""
    statement = insert(ExtractionResult).values(
        tenant_id=job.tenant_id,
        sha256=job.sha256,
        options_hash=job.options_hash,
        engine_version=made.engine_version,
        status=made.status,
        page_count=made.page_count,
        size_bytes=len(made.document),
        document=made.stored,
    )
    # An update that changes nothing: it locks the row that is there, so that nobody removes it meanwhile.
    stored = await session.scalars(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "sha256", "options_hash", "engine_version"],
            set_={"engine_version": statement.excluded.engine_version},
        ).returning(ExtractionResult.id)
    )
    return stored.one()


async def find(session: AsyncSession, tenant_id: UUID, job_id: str) -> StoredResult:
    """Raises `NotFound` for no such job, `NotFinished` for one without a result."""
    refuse_unless_id(job_id)
    found = (await session.execute(_with_results(tenant_id).where(ExtractionJob.id == job_id))).one_or_none()
    if found is None:
        raise NotFound("extraction")
    job, file, result = found
    if result is None:
        raise NotFinished(job.state)
    return _stored(job, file, result)


def _with_results(tenant_id: UUID) -> Select[ExtractionJob, File, ExtractionResult]:
    """Jobs with their files and, where there are, their results."""
    return (
        select(ExtractionJob, File, ExtractionResult)
        .join(File, File.id == ExtractionJob.file_id)
        .outerjoin(
            ExtractionResult,
            (ExtractionResult.id == ExtractionJob.result_id) & (ExtractionResult.tenant_id == ExtractionJob.tenant_id),
        )
        .where(ExtractionJob.tenant_id == tenant_id, File.tenant_id == tenant_id)
    )


def _stored(job: ExtractionJob, file: File, result: ExtractionResult) -> StoredResult:
    return StoredResult(
        job=JobRecord.of(job),
        file=FileRecord.of(file),
        result_id=result.id,
        size_bytes=result.size_bytes,
        engine_version=result.engine_version,
        options_hash=result.options_hash,
    )


async def of_batch(
    session: AsyncSession, tenant_id: UUID, batch_id: str, after: tuple[datetime, str] | None, limit: int
) -> list[StoredResult]:
    """Up to `limit` results of a batch in its order, after the job with this time and id."""
    query = (
        _with_results(tenant_id)
        .where(ExtractionJob.batch_id == batch_id, ExtractionResult.id.is_not(None))
        .order_by(ExtractionJob.time_created, ExtractionJob.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(ExtractionJob.time_created, ExtractionJob.id) > after)
    return [_stored(*row) for row in await session.execute(query)]


async def read_document(session: AsyncSession, tenant_id: UUID, result_id: UUID) -> bytes | None:
    """The document as `stored_documents` packs it; None when it has gone meanwhile."""
    found: bytes | None = await session.scalar(
        select(ExtractionResult.document).where(
            ExtractionResult.tenant_id == tenant_id, ExtractionResult.id == result_id
        )
    )
    return found


async def remove_unreferenced(session: AsyncSession, tenant_id: UUID, result_ids: Sequence[UUID]) -> dict[str, int]:
    """Remove those of the results that no job refers to any more; returns what to invalidate after the commit."""
    if not result_ids:
        return {}
    # Locked by one statement and judged by the next: a job that came to refer to a result while this waited for the
    # lock is seen by the second only.
    await session.execute(
        select(ExtractionResult.id)
        .where(ExtractionResult.tenant_id == tenant_id, ExtractionResult.id.in_(result_ids))
        .order_by(ExtractionResult.id)
        .with_for_update()
    )
    removed = await session.scalars(
        delete(ExtractionResult)
        .where(
            ExtractionResult.tenant_id == tenant_id,
            ExtractionResult.id.in_(result_ids),
            ~exists().where(
                ExtractionJob.tenant_id == tenant_id,
                ExtractionJob.result_id == ExtractionResult.id,
            ),
        )
        .returning(ExtractionResult.id)
        .execution_options(synchronize_session=False)
    )
    return {result_key(tenant_id, str(result_id)): GONE for result_id in removed}
