"""What follows the deletion of a tenant: everything of it goes, step by step, and the end is checked.

The tenant's row says `deleting` already, its keys are gone and its code is retired. Every step can be repeated, so
whoever finds the operation still running goes on with it, under a lock that only one holds.
"""

import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, delete, func, select, text, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage import outbox
from storage.cache import Cache
from storage.database import Database
from storage.errors import NotFound
from storage.files_on_disk import FilesOnDisk
from storage.identifiers import is_id
from storage.models import Base, File, Operation, OutboxEvent, Removal, Tenant
from storage.outbox import Event
from storage.records import OperationRecord

log = logging.getLogger(__name__)

BATCH = 1000
"""Rows removed in one transaction."""


async def find_operation(session: AsyncSession, operation_id: str) -> OperationRecord:
    row = await session.get(Operation, operation_id) if is_id("op", operation_id) else None
    if row is None:
        raise NotFound("operation")
    return OperationRecord.of(row)


async def running_operations(session: AsyncSession) -> list[str]:
    return list(await session.scalars(select(Operation.id).where(Operation.state == "running")))


class TenantPurge:
    """Carries deletions of tenants to their end."""

    def __init__(self, database: Database, cache: Cache, disk: FilesOnDisk) -> None:
        self._database = database
        self._cache = cache
        self._disk = disk

    async def run(self, operation_id: str) -> bool:
        """Finish the operation; False when another process is at it, or it has ended."""
        async with self._database.transaction_across_tenants() as session:
            if not await _take_turn(session, operation_id):
                return False
            operation = await session.get(Operation, operation_id)
            if operation is None or operation.state != "running":
                return False
            await self._purge(operation.id, operation.tenant_id, operation.tenant_code)
        return True

    async def _purge(self, operation_id: str, tenant_id: UUID, code: str) -> None:
        # First the folders: from here on nobody can add a byte.
        await self._disk.detach_tenant(code, operation_id)
        for table, part in _parts():
            while await self._remove_some(operation_id, table, (table.c.tenant_id == tenant_id) & part):
                pass
        async with self._database.transaction_across_tenants() as session:
            await session.execute(delete(Removal).where(_of_tenant(code)))
            await session.execute(delete(Tenant).where(Tenant.id == tenant_id))
            # Last: whoever was writing one held a lock that the tenant's removal had to wait for.
            await session.execute(delete(OutboxEvent).where(OutboxEvent.tenant_id == tenant_id))
        await self._disk.empty_trash(operation_id)
        await self._conclude(operation_id, tenant_id, code, await self._forget(tenant_id))

    async def _forget(self, tenant_id: UUID) -> int:
        """Remove the tenant's cache entries until none is found any more; how many there were."""
        total = 0
        while removed := await self._cache.forget_tenant(str(tenant_id)):
            total += removed
        return total

    async def _remove_some(self, operation_id: str, table: Table, wanted: ColumnElement[bool]) -> int:
        """One batch of a table's rows, noted as progress; how many it were."""
        key = tuple_(*table.primary_key)
        some = select(*table.primary_key).where(wanted).limit(BATCH)
        async with self._database.transaction_across_tenants() as session:
            gone = await session.execute(delete(table).where(key.in_(some)).returning(*table.primary_key))
            removed = len(gone.all())
            operation = await session.get_one(Operation, operation_id)
            counted = [name for name in ("rows_removed", f"{table.name}_removed") if name in operation.progress]
            counts = {name: operation.progress[name] + removed for name in counted}
            operation.progress = operation.progress | counts
        return removed

    async def _conclude(self, operation_id: str, tenant_id: UUID, code: str, cache_entries: int) -> None:
        async with self._database.transaction_across_tenants() as session:
            rows_left = await _rows_left(session, tenant_id, code)
            bytes_left = await self._disk.bytes_left(code, operation_id)
            result: dict[str, Any] = {
                "rows_left": rows_left,
                "bytes_left": bytes_left,
                "cache_entries_removed": cache_entries,
            }
            if rows_left or bytes_left:
                # Something was added by whoever had not heard of the deletion: the next turn removes it.
                log.warning("tenant not yet empty", extra={"operation": operation_id, **result})
                return
            await session.execute(
                update(Operation)
                .where(Operation.id == operation_id)
                .values(state="succeeded", result=result, time_finished=func.now())
            )
            # After the count: this one stays until it was told.
            gone = {"id": str(tenant_id), "code": code, "operation_id": operation_id}
            await outbox.add(session, tenant_id, code, [Event("tenant.deleted", gone)])
        log.info("tenant purged", extra={"operation": operation_id, **result})


def _parts() -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """What a tenant's rows are removed in, those that refer to others first; each part is found by an index.

    Not by the removal of the tenant's row: one statement would take as long as the tenant is large.
    """
    for table in reversed(Base.metadata.sorted_tables):
        if table.name == File.__tablename__:
            # The indexes of files by tenant hold active ones only.
            yield table, table.c.state == "active"
            yield table, table.c.state == "pending"
        elif "tenant_id" in table.c and table not in {Operation.__table__, OutboxEvent.__table__}:
            yield table, true()


async def _take_turn(session: AsyncSession, operation_id: str) -> bool:
    """A lock that ends with the transaction, so that a process that dies gives it back."""
    taken = await session.scalar(
        text("SELECT pg_try_advisory_xact_lock(hashtextextended(:operation, 0))"), {"operation": operation_id}
    )
    return bool(taken)


def _of_tenant(code: str) -> ColumnElement[bool]:
    return Removal.storage_path.startswith(f"{code}/", autoescape=True)


async def _rows_left(session: AsyncSession, tenant_id: UUID, code: str) -> int:
    """Over every table that has a tenant, but the operations, which outlive it."""
    tables = [table for table in Base.metadata.sorted_tables if "tenant_id" in table.c]
    conditions = [table.c.tenant_id == tenant_id for table in tables if table is not Operation.__table__]
    total = 0
    for condition in (Tenant.id == tenant_id, _of_tenant(code), *conditions):
        total += await session.scalar(select(func.count()).where(condition)) or 0
    return total
