"""Files in PostgreSQL by their ids, and written many at once; `file_lists` has the pages of a list.

Every query names the tenant.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, inspect, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.identifiers import is_id
from storage.models import Base, File, Removal
from storage.records import FileRecord

_TABLE = Base.metadata.tables[File.__tablename__]
_COLUMNS = [(name, column) for name, column in inspect(File).columns.items()]


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


async def add(session: AsyncSession, rows: Sequence[File]) -> None:
    """Write new rows, which the session does not know, with one statement."""
    if rows:
        await session.execute(insert(_TABLE), [_columns(row) for row in rows])


def _columns(row: File) -> dict[str, Any]:
    return {column.name: getattr(row, name) for name, column in _COLUMNS}


async def note_removals(session: AsyncSession, places: Sequence[str]) -> None:
    """The bytes at these places are to be removed, whatever happens to this process."""
    rows = [{"storage_path": place} for place in places]
    await session.execute(insert(Removal).on_conflict_do_nothing(), rows)
