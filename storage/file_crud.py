"""Files in PostgreSQL, as far as they are read: one, several, a page. Every query names the tenant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, Select, cast, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from storage.identifiers import is_id
from storage.models import File
from storage.records import FileRecord

SortField = Literal["time_created", "file_name", "file_size_bytes"]
SORT_FIELDS: tuple[SortField, ...] = get_args(SortField)

SORT_COLUMNS: dict[SortField, InstrumentedAttribute[Any]] = {
    "time_created": File.time_created,
    "file_name": File.file_name,
    "file_size_bytes": File.file_size_bytes,
}


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


@dataclass(frozen=True, slots=True)
class FileFilter:
    """What a list is narrowed to; None and empty mean no matter what. Sizes are bytes, bounds of sizes inclusive."""

    name: str | None = None
    """A part of the file's name, in any case of letters."""
    extension: str | None = None
    media_type: str | None = None
    tags: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    min_size: int | None = None
    max_size: int | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    """Top-level keys, and the text that each value has as JSON text would show it."""
    sha256: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        made: list[tuple[Any, Callable[[Any], ColumnElement[bool]]]] = [
            (self.name, lambda part: File.file_name.icontains(part, autoescape=True)),
            (self.extension, File.extension.__eq__),
            (self.media_type, File.media_type.__eq__),
            (self.created_after, File.time_created.__gt__),
            (self.created_before, File.time_created.__lt__),
            (self.min_size, File.file_size_bytes.__ge__),
            (self.max_size, File.file_size_bytes.__le__),
            (self.sha256, File.sha256.__eq__),
        ]
        # SQLAlchemy refuses to compare with None, so a condition is made only for a value.
        found = [condition(value) for value, condition in made if value is not None]
        if self.tags:
            found.append(cast(File.tags, JSONB).contains(list(self.tags)))
        found.extend(File.metadata_[key].astext == value for key, value in self.metadata)
        return found


@dataclass(frozen=True, slots=True)
class FileOrder:
    field: SortField = "time_created"
    descending: bool = False

    def following(self, value: Any, file_id: str) -> ColumnElement[bool]:
        """Whatever comes after the file with this value and id."""
        keys = tuple_(SORT_COLUMNS[self.field], File.id)
        return keys < (value, file_id) if self.descending else keys > (value, file_id)

    def clauses(self) -> list[ColumnElement[Any]]:
        columns = [SORT_COLUMNS[self.field], File.id]
        return [column.desc() if self.descending else column.asc() for column in columns]


async def page(
    session: AsyncSession,
    tenant_id: UUID,
    chosen: FileFilter,
    order: FileOrder,
    limit: int,
    after: tuple[Any, str] | None,
) -> list[FileRecord]:
    """Up to `limit` files in order, beginning after the value and id of the last one seen."""
    query = _active(tenant_id).where(*chosen.conditions()).order_by(*order.clauses()).limit(limit)
    if after is not None:
        query = query.where(order.following(*after))
    return [FileRecord.of(row) for row in await session.scalars(query)]
