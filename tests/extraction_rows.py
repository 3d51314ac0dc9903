"""Tenants, files and jobs in a real database, as extraction tests need them."""

import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from actors.extractors.kinds import ENGINE_VERSION
from storage import extraction_batches, extraction_crud, extraction_queue, tenant_crud
from storage.database import Database
from storage.extraction_records import ClaimedJob, HowToRead, JobRecord
from storage.extraction_results import NewResult
from storage.identifiers import new_id
from storage.models import File

LEASE = 30.0
ENGINE = ENGINE_VERSION
MADE = NewResult(ENGINE, "succeeded", 2, b'{"content":"done"}')


@dataclass(slots=True)
class Rows:
    """One tenant of a test's own."""

    database: Database
    tenant_id: UUID
    code: str
    max_queued: int = 1000
    more: dict[str, Any] = field(default_factory=dict)

    async def file(
        self, content: str = "", media_type: str = "text/plain", state: str = "active", extension: str = ".txt"
    ) -> str:
        """A file whose bytes are `content`; files with no content named are all different."""
        file_id = new_id("fs")
        row = File(
            id=file_id,
            tenant_id=self.tenant_id,
            file_name="a.txt",
            media_type=media_type,
            extension=extension,
            sha256=hashlib.sha256((content or file_id).encode()).hexdigest(),
            storage_path=f"{self.code}/2025-01/{file_id}.txt",
            state=state,
        )
        async with self.database.transaction(self.tenant_id) as session:
            session.add(row)
        return file_id

    async def job(self, file_id: str | None = None, **more: Any) -> JobRecord:
        """A job enqueued the way the service does it, for a new file unless one is named."""
        file_id = file_id or await self.file()
        options: dict[str, Any] = {"options": {}, "options_hash": "h", "engine_version": ENGINE} | more
        async with self.database.transaction(self.tenant_id) as session:
            file = await extraction_crud.lock_file(session, self.tenant_id, file_id)
            return await extraction_crud.enqueue(session, self.tenant_id, file, HowToRead(**options), self.max_queued)

    async def batch(self, *file_ids: str) -> str:
        """A batch of jobs for these files, in this order."""
        how = HowToRead({}, "h", ENGINE)
        async with self.database.transaction(self.tenant_id) as session:
            batch_id = await extraction_batches.create(session, self.tenant_id, "", how.options)
            files = list(enumerate(file_ids))
            await extraction_batches.add_jobs(session, self.tenant_id, batch_id, how, files, self.max_queued)
        return batch_id

    async def get(self, job_id: str) -> JobRecord:
        async with self.database.reading(self.tenant_id) as session:
            return await extraction_crud.get(session, self.tenant_id, job_id)

    async def claim(self, max_running: int = 1000, lease: float = LEASE) -> ClaimedJob | None:
        async with self.database.transaction(self.tenant_id) as session:
            return await extraction_queue.claim(session, self.tenant_id, max_running, lease)

    async def claimed(self, lease: float = LEASE) -> ClaimedJob:
        claim = await self.claim(lease=lease)
        assert claim is not None
        return claim

    async def finish(self, claim: ClaimedJob, made: NewResult = MADE) -> None:
        async with self.database.transaction(self.tenant_id) as session:
            await extraction_queue.finish(session, claim, made)

    async def cancel(self, job_id: str) -> JobRecord:
        async with self.database.transaction(self.tenant_id) as session:
            return await extraction_crud.cancel(session, self.tenant_id, job_id)

    async def delete(self, job_id: str) -> dict[str, int]:
        async with self.database.transaction(self.tenant_id) as session:
            return await extraction_crud.delete_job(session, self.tenant_id, job_id)


async def make_tenant(database: Database, **configuration: Any) -> Rows:
    code = new_id("t").replace("_", "-")
    async with database.transaction_across_tenants() as session:
        tenant = await tenant_crud.create(session, code, configuration, {})
        return Rows(database, tenant.id, code)
