"""What PostgreSQL says, a page at a time."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import Database
from storage.models import File, Operation, Removal, Tenant
from storage.resumable_uploads import is_awaited

AnyRow = Row[*tuple[Any, ...]]

PAGE = 1000
"""Rows that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class TenantRow:
    id: UUID
    code: str


@dataclass(frozen=True, slots=True)
class FileRow:
    id: str
    storage_path: str
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class PendingRow:
    tenant_code: str
    id: str
    storage_path: str


@dataclass(frozen=True, slots=True)
class Counters:
    """What a tenant's row keeps of its files."""

    file_count: int
    total_bytes: int
    reserved_files: int
    reserved_bytes: int

    def to_fields(self) -> dict[str, int]:
        return asdict(self)


async def _pages(
    database: Database, query: Select[*tuple[Any, ...]], after: Callable[[AnyRow], ColumnElement[bool]]
) -> AsyncIterator[Sequence[AnyRow]]:
    """The query's rows. `after` is the condition for whatever follows a row in the query's order.

    Each page is a transaction of its own: a check of hours must not keep the database from cleaning up.
    """
    page: Sequence[AnyRow] = ()
    while not page or len(page) == PAGE:
        following = query.where(after(page[-1])) if page else query
        async with database.reading_across_tenants() as session:
            page = (await session.execute(following.limit(PAGE))).all()
        if not page:
            return
        yield page


async def tenants(database: Database, code: str | None) -> AsyncIterator[TenantRow]:
    """All that are not being deleted, in order of their codes, or the one with this code."""
    query = select(Tenant.id, Tenant.code).where(Tenant.status != "deleting").order_by(Tenant.code)
    if code is not None:
        query = query.where(Tenant.code == code)
    async for page in _pages(database, query, lambda row: Tenant.code > row.code):
        for row in page:
            yield TenantRow(*row)


async def active_files(database: Database, tenant_id: UUID) -> AsyncIterator[list[FileRow]]:
    """Pages of a tenant's active files, the oldest first, so that a page's bytes lie in few folders."""
    key = tuple_(File.time_created, File.id)
    query = (
        select(File.id, File.storage_path, File.file_size_bytes, File.sha256, File.time_created)
        .where(File.tenant_id == tenant_id, File.state == "active")
        .order_by(File.time_created, File.id)
    )
    async for page in _pages(database, query, lambda row: key > (row.time_created, row.id)):
        yield [FileRow(*row[:4]) for row in page]


async def still_active(session: AsyncSession, ids: Iterable[str]) -> set[str]:
    return set(await session.scalars(select(File.id).where(File.id.in_(ids), File.state == "active")))


async def pending_files(
    database: Database, created_before: datetime, code: str | None
) -> AsyncIterator[list[PendingRow]]:
    """Pages of uploads that began before the time and may be over, of one tenant or of all."""
    key = tuple_(File.time_created, File.id)
    query = (
        select(Tenant.code, File.id, File.storage_path, File.time_created)
        .join(Tenant, Tenant.id == File.tenant_id)
        .where(File.state == "pending", File.time_created < created_before, Tenant.status != "deleting")
        .where(~is_awaited())
        .where(~is_awaited())
        .order_by(File.time_created, File.id)
    )
    if code is not None:
        query = query.where(Tenant.code == code)
    async for page in _pages(database, query, lambda row: key > (row.time_created, row.id)):
        yield [PendingRow(*row[:3]) for row in page]


async def still_pending(session: AsyncSession, ids: Iterable[str]) -> set[str]:
    return set(await session.scalars(select(File.id).where(File.id.in_(ids), File.state == "pending")))


async def paths_of(session: AsyncSession, tenant_id: UUID, ids: Iterable[str]) -> set[str]:
    """Where the bytes of the tenant's files with these ids lie, or will."""
    return set(await session.scalars(select(File.storage_path).where(File.tenant_id == tenant_id, File.id.in_(ids))))


async def to_be_removed(session: AsyncSession, paths: Iterable[str]) -> set[str]:
    return set(await session.scalars(select(Removal.storage_path).where(Removal.storage_path.in_(paths))))


async def ids_to_be_removed(session: AsyncSession, ids: Iterable[str]) -> set[str]:
    """Those of the ids whose file's bytes are to be unlinked, wherever on their way they are."""
    file_id = func.split_part(func.split_part(Removal.storage_path, "/", 3), ".", 1)
    return set(await session.scalars(select(file_id).where(file_id.in_(ids))))


async def removals(database: Database, made_before: datetime, code: str | None) -> AsyncIterator[list[str]]:
    """Pages of paths whose row is gone since before the time, and that are still to be unlinked."""
    query = select(Removal.storage_path).where(Removal.time_created < made_before).order_by(Removal.storage_path)
    if code is not None:
        query = query.where(Removal.storage_path.startswith(f"{code}/", autoescape=True))
    async for page in _pages(database, query, lambda row: Removal.storage_path > row.storage_path):
        yield [row.storage_path for row in page]


async def codes_in_use(session: AsyncSession, codes: Iterable[str]) -> set[str]:
    """Those of them that a tenant has, also one that is being deleted."""
    return set(await session.scalars(select(Tenant.code).where(Tenant.code.in_(codes))))


async def running(session: AsyncSession, operations: Iterable[str]) -> set[str]:
    query = select(Operation.id).where(Operation.id.in_(operations), Operation.state == "running")
    return set(await session.scalars(query))


async def old_deletions(
    database: Database, begun_before: datetime, code: str | None
) -> AsyncIterator[list[tuple[str, str]]]:
    """Pages of (operation's id, tenant's code) of deletions that began before the time and have not ended."""
    query = (
        select(Operation.id, Operation.tenant_code)
        .where(Operation.state == "running", Operation.time_created < begun_before)
        .order_by(Operation.id)
    )
    if code is not None:
        query = query.where(Operation.tenant_code == code)
    async for page in _pages(database, query, lambda row: Operation.id > row.id):
        yield [(row.id, row.tenant_code) for row in page]


async def counters(session: AsyncSession, tenant_id: UUID) -> tuple[Counters, Counters] | None:
    """What the tenant's row says, and what its files are; both of one moment. None when there is no such tenant."""
    active, pending = File.state == "active", File.state == "pending"
    query = (
        select(
            Tenant.file_count,
            Tenant.total_bytes,
            Tenant.reserved_files,
            Tenant.reserved_bytes,
            func.count(File.id).filter(active),
            func.coalesce(func.sum(File.file_size_bytes).filter(active), 0),
            func.count(File.id).filter(pending),
            func.coalesce(func.sum(File.reserved_bytes).filter(pending), 0),
        )
        .outerjoin(File, File.tenant_id == Tenant.id)
        .where(Tenant.id == tenant_id)
        .group_by(Tenant.id)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (Counters(*row[:4]), Counters(*map(int, row[4:])))
