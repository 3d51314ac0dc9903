"""Uploads that come in pieces, in PostgreSQL: how far each is, and which request may go on with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.errors import NotFound
from storage.identifiers import is_id, new_id
from storage.models import File, ResumableUpload, Tenant
from storage.resumable_errors import UploadExpired, UploadTakenOver

LET_GO = "upload_let_go"
"""Signal that another request waits for an upload: its id."""


@dataclass(frozen=True, slots=True)
class UploadRecord:
    id: str
    tenant_id: UUID
    file_id: str
    storage_path: str
    is_finished: bool
    """The file is there for everybody to see."""
    description: str
    length: int | None
    offset: int
    generation: int
    time_expires: datetime

    @classmethod
    def new(
        cls, tenant_id: UUID, file_id: str, storage_path: str, description: str, length: int | None, lifetime: timedelta
    ) -> Self:
        """Of a file that was reserved."""
        expires = datetime.now(UTC) + lifetime
        return cls(new_id("up"), tenant_id, file_id, storage_path, False, description, length, 0, 0, expires)

    @classmethod
    def of(cls, row: ResumableUpload, file: File) -> Self:
        return cls(
            id=row.id,
            tenant_id=row.tenant_id,
            file_id=row.file_id,
            storage_path=file.storage_path,
            is_finished=file.state == "active",
            description=row.description,
            length=row.length_bytes,
            offset=row.offset_bytes,
            generation=row.generation,
            time_expires=row.time_expires,
        )

    @property
    def is_complete(self) -> bool:
        """All bytes are there; whether they are kept may still have to be decided."""
        return self.offset == self.length


async def add(session: AsyncSession, new: UploadRecord) -> None:
    session.add(
        ResumableUpload(
            id=new.id,
            tenant_id=new.tenant_id,
            file_id=new.file_id,
            description=new.description,
            length_bytes=new.length,
            time_expires=new.time_expires,
        )
    )


async def find(session: AsyncSession, tenant_id: UUID, upload_id: str, *, lock: bool = False) -> UploadRecord:
    """Raises `NotFound`, and `UploadExpired` while the sweeper has not been there. A lock ends with the transaction."""
    if not is_id("up", upload_id):
        raise NotFound("upload")
    query = (
        select(ResumableUpload, File)
        .join(File, File.id == ResumableUpload.file_id)
        .where(ResumableUpload.tenant_id == tenant_id, ResumableUpload.id == upload_id)
        .execution_options(populate_existing=True)
    )
    found = (await session.execute(query.with_for_update(of=ResumableUpload) if lock else query)).one_or_none()
    if found is None:
        raise NotFound("upload")
    record = UploadRecord.of(*found)
    if record.time_expires <= datetime.now(UTC):
        raise UploadExpired
    return record


async def ask_to_let_go(session: AsyncSession, upload_id: str) -> None:
    await session.execute(select(func.pg_notify(LET_GO, upload_id)))


async def claim(session: AsyncSession, found: UploadRecord, offset: int, lifetime: timedelta) -> UploadRecord:
    """The upload as it is held from now on; `found` is locked. Whoever held it before can acknowledge nothing more."""
    return await _write(session, found, lifetime, generation=found.generation + 1, offset=offset)


async def acknowledge(session: AsyncSession, held: UploadRecord, offset: int, lifetime: timedelta) -> UploadRecord:
    """So many bytes are durable. Raises `UploadTakenOver`."""
    return await _write(session, held, lifetime, offset=offset)


async def set_length(session: AsyncSession, held: UploadRecord, length: int, lifetime: timedelta) -> UploadRecord:
    """The length that was deferred. Raises `UploadTakenOver`."""
    return await _write(session, held, lifetime, length=length)


async def _write(session: AsyncSession, held: UploadRecord, lifetime: timedelta, **changes: Any) -> UploadRecord:
    changed = replace(held, time_expires=datetime.now(UTC) + lifetime, **changes)
    written = await session.scalar(
        update(ResumableUpload)
        .where(
            ResumableUpload.tenant_id == held.tenant_id,
            ResumableUpload.id == held.id,
            ResumableUpload.generation == held.generation,
        )
        .values(
            length_bytes=changed.length,
            offset_bytes=changed.offset,
            generation=changed.generation,
            time_expires=changed.time_expires,
        )
        .returning(ResumableUpload.id)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        await find(session, held.tenant_id, held.id)
        raise UploadTakenOver
    return changed


async def forget(session: AsyncSession, tenant_id: UUID, upload_id: str) -> None:
    await session.execute(
        delete(ResumableUpload).where(ResumableUpload.tenant_id == tenant_id, ResumableUpload.id == upload_id)
    )


def is_awaited() -> ColumnElement[bool]:
    """Whether more of a file's bytes may come, for a query of `File`s."""
    return exists().where(ResumableUpload.file_id == File.id, ResumableUpload.time_expires > datetime.now(UTC))


async def expired(session: AsyncSession, limit: int) -> Sequence[tuple[str, str]]:
    """Tenant's code and file's id of uploads that nobody continued in time. Crosses tenants."""
    found = await session.execute(
        select(Tenant.code, ResumableUpload.file_id)
        .join(Tenant, Tenant.id == ResumableUpload.tenant_id)
        .join(File, File.id == ResumableUpload.file_id)
        .where(ResumableUpload.time_expires <= datetime.now(UTC), File.state == "pending", Tenant.status != "deleting")
        .order_by(ResumableUpload.time_expires)
        .limit(limit)
    )
    return [(code, file_id) for code, file_id in found]


async def forget_finished(session: AsyncSession) -> None:
    """Of those whose time is over; their files stay. Crosses tenants."""
    active = select(File.id).where(File.id == ResumableUpload.file_id, File.state == "active").exists()
    await session.execute(delete(ResumableUpload).where(ResumableUpload.time_expires <= datetime.now(UTC), active))
