"""Files in PostgreSQL by their ids; `file_lists` has the pages of a list. Every query names the tenant."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.identifiers import is_id
from storage.models import File
from storage.records import FileRecord


def _active(tenant_id: UUID) -> Select[File]:
    return select(File).where(File.tenant_id == tenant_id, File.state == "active")


async def find(session: AsyncSession, tenant_id: UUID, file_id: str) -> FileRecord | None:
    if not is_id("fs", file_id):
        return None
    row = await session.scalar(_active(tenant_id).where(File.id == file_id))
    return FileRecord.of(row) if row else None


async def find_several(session: AsyncSession, tenant_id: UUID, ids: Sequence[str]) -> dict[str, FileRecord]:
    known = [file_id for file_id in ids if is_id("fs", file_id)]
    rows = await session.scalars(_active(tenant_id).where(File.id.in_(known)))
    return {row.id: FileRecord.of(row) for row in rows}
