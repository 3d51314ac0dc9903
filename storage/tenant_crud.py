"""Tenants and their keys in PostgreSQL."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, cast, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.api_keys import ALL_SCOPES, KEY_ID, BearerKey, hash_secret
from storage.errors import (
    InvalidTenantCode,
    NotFound,
    TenantActorFenced,
    TenantCodeRetired,
    TenantExists,
    TenantSuspended,
)
from storage.models import ApiKey, ExtractionJob, File, Operation, RetiredTenantCode, Tenant
from storage.records import KeyRecord

TENANT_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{1,62}")

Json = dict[str, Any]


def check_code(code: str) -> None:
    """Raises `InvalidTenantCode`. What passes is safe as a folder's name."""
    if not TENANT_CODE.fullmatch(code):
        raise InvalidTenantCode


async def create(session: AsyncSession, code: str, configuration: Json, metadata: Json) -> Tenant:
    """A new tenant; `TenantExists` or `TenantCodeRetired` where its code is or was another's."""
    check_code(code)
    row: Tenant | None = await session.scalar(
        insert(Tenant)
        .values(code=code, configuration=configuration, metadata_=metadata)
        .on_conflict_do_nothing(index_elements=[Tenant.code])
        .returning(Tenant)
    )
    # After the insert: the tenant that had the code may have been removed just before it.
    if await session.get(RetiredTenantCode, code):
        raise TenantCodeRetired(code)
    if row is None:
        raise TenantExists(code)
    return row


async def hold_code(session: AsyncSession, code: str) -> bool:
    """Whether no tenant has the code. If so none can get it until the transaction ends, which must be by a rollback.

    Waits for whoever is just creating a tenant with the code.
    """
    placed = insert(Tenant).values(code=code).on_conflict_do_nothing(index_elements=[Tenant.code]).returning(Tenant.id)
    return await session.scalar(placed) is not None


async def find(session: AsyncSession, code: str) -> Tenant | None:
    """The tenant, unless it is being deleted: then it is gone for everyone."""
    found: Tenant | None = await session.scalar(select(Tenant).where(Tenant.code == code, Tenant.status != "deleting"))
    return found


async def activate_actor(session: AsyncSession, code: str) -> Tenant:
    """Take the next epoch: whatever actor was active before can write no more."""
    row: Tenant | None = await session.scalar(
        update(Tenant)
        .where(Tenant.code == code, Tenant.status != "deleting")
        .values(actor_epoch=Tenant.actor_epoch + 1)
        .returning(Tenant)
    )
    if row is None:
        raise NotFound("tenant")
    return row


async def lock(session: AsyncSession, tenant_id: UUID, epoch: int) -> Tenant:
    """The tenant's row, locked until the transaction ends, for the actor that holds `epoch`.

    Raises `TenantActorFenced` when there is a newer activation, `NotFound` when the tenant is gone.
    """
    row: Tenant | None = await session.scalar(
        select(Tenant)
        .where(Tenant.id == tenant_id)
        # Not FOR UPDATE: that would also lock out inserts of rows that refer to the tenant.
        .with_for_update(key_share=True)
    )
    if row is None:
        raise NotFound("tenant")
    return refuse_unless_held(row, epoch)


def refuse_unless_held(tenant: Tenant, epoch: int) -> Tenant:
    """The locked row. Raises `NotFound` and `TenantActorFenced`."""
    if tenant.status == "deleting":
        raise NotFound("tenant")
    if tenant.actor_epoch != epoch:
        raise TenantActorFenced
    return tenant


async def hold_active(session: AsyncSession, tenant_id: UUID) -> None:
    """The tenant takes changes, and stays until the transaction ends. Raises `NotFound` and `TenantSuspended`."""
    status = await session.scalar(
        select(Tenant.status).where(Tenant.id == tenant_id).with_for_update(read=True, key_share=True)
    )
    if status == "suspended":
        raise TenantSuspended
    if status != "active":
        raise NotFound("tenant")


@dataclass(frozen=True, slots=True)
class TenantStats:
    file_count: int
    total_bytes: int
    reserved_bytes: int
    by_media_type: dict[str, dict[str, int]]
    extraction_count: int


async def stats(session: AsyncSession, tenant_id: UUID) -> TenantStats:
    """Raises `NotFound`."""
    found = await stats_of(session, [tenant_id])
    if tenant_id not in found:
        raise NotFound("tenant")
    return found[tenant_id]


async def stats_of(session: AsyncSession, tenant_ids: Sequence[UUID]) -> dict[UUID, TenantStats]:
    """Counters from the tenants' rows, which changes keep exact; the break-downs are counted.

    One statement, so that the numbers belong together while files come and go.
    """
    by_type = (
        select(
            func.jsonb_build_array(
                File.media_type, func.count(), cast(func.sum(File.file_size_bytes), BigInteger)
            ).label("line")
        )
        .where(File.tenant_id == Tenant.id, File.state == "active")
        .correlate(Tenant)
        .group_by(File.media_type)
        .order_by(File.media_type)
        .subquery()
    )
    rows = await session.execute(
        select(
            Tenant.id,
            Tenant.file_count,
            Tenant.total_bytes,
            Tenant.reserved_bytes,
            select(func.jsonb_agg(by_type.c.line)).correlate(Tenant).scalar_subquery(),
            select(func.count()).where(ExtractionJob.tenant_id == Tenant.id).correlate(Tenant).scalar_subquery(),
        ).where(Tenant.id.in_(tenant_ids))
    )
    return {
        tenant_id: TenantStats(file_count, total_bytes, reserved_bytes, _by_media_type(lines or ()), extractions or 0)
        for tenant_id, file_count, total_bytes, reserved_bytes, lines, extractions in rows
    }


def _by_media_type(lines: Iterable[tuple[str, int, int]]) -> dict[str, dict[str, int]]:
    return {media_type: {"file_count": count, "total_bytes": size} for media_type, count, size in lines}


async def page(session: AsyncSession, limit: int, after: tuple[datetime, UUID] | None) -> Sequence[Tenant]:
    """Up to `limit` tenants in order of creation, after the one named."""
    query = select(Tenant).where(Tenant.status != "deleting").order_by(Tenant.time_created, Tenant.id).limit(limit)
    if after is not None:
        query = query.where(tuple_(Tenant.time_created, Tenant.id) > after)
    return (await session.scalars(query)).all()


async def mark_deleting(session: AsyncSession, tenant: Tenant, operation_id: str) -> Sequence[str]:
    """From the commit of this on the tenant is gone for everyone; the operation says how far its purge is.

    Returns the ids of the keys that stopped working.
    """
    tenant.status = "deleting"
    tenant.version += 1
    # Whatever an actor has in hand must not be written any more.
    tenant.actor_epoch += 1
    session.add(RetiredTenantCode(code=tenant.code))
    session.add(
        Operation(
            id=operation_id,
            kind="tenant-deletion",
            tenant_id=tenant.id,
            tenant_code=tenant.code,
            progress={"files_removed": 0, "files_total": tenant.file_count, "rows_removed": 0},
        )
    )
    keys = await session.scalars(delete(ApiKey).where(ApiKey.tenant_id == tenant.id).returning(ApiKey.id))
    return keys.all()


async def add_key(
    session: AsyncSession,
    tenant_id: UUID,
    pepper: bytes,
    name: str = "",
    scopes: Sequence[str] = ALL_SCOPES,
    time_expires: datetime | None = None,
) -> tuple[ApiKey, BearerKey]:
    """The stored key, and the secret that is shown this once."""
    bearer = BearerKey.new()
    row = ApiKey(
        id=bearer.id,
        tenant_id=tenant_id,
        name=name,
        secret_hash=hash_secret(bearer.secret, pepper),
        scopes=list(scopes),
        time_expires=time_expires,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row, bearer


async def keys(session: AsyncSession, tenant_id: UUID) -> Sequence[ApiKey]:
    return (
        await session.scalars(
            select(ApiKey).where(ApiKey.tenant_id == tenant_id).order_by(ApiKey.time_created, ApiKey.id)
        )
    ).all()


async def key(session: AsyncSession, tenant_id: UUID, key_id: str) -> ApiKey:
    row: ApiKey | None = None
    if KEY_ID.fullmatch(key_id):
        row = await session.scalar(select(ApiKey).where(ApiKey.tenant_id == tenant_id, ApiKey.id == key_id))
    if row is None:
        raise NotFound("key")
    return row


async def find_key(session: AsyncSession, key_id: str, read_at: float) -> KeyRecord | None:
    """`read_at` is when the look-up began, in seconds since 1970."""
    found = (
        await session.execute(
            select(ApiKey, Tenant.code)
            .join(Tenant, Tenant.id == ApiKey.tenant_id)
            .where(ApiKey.id == key_id, Tenant.status != "deleting")
        )
    ).one_or_none()
    return KeyRecord.of(found[0], found[1], read_at) if found else None


async def revoke_key(session: AsyncSession, tenant_id: UUID, key_id: str) -> None:
    if not KEY_ID.fullmatch(key_id):
        raise NotFound("key")
    removed = await session.scalar(
        delete(ApiKey).where(ApiKey.tenant_id == tenant_id, ApiKey.id == key_id).returning(ApiKey.id)
    )
    if removed is None:
        raise NotFound("key")


async def note_key_use(session: AsyncSession, tenant_id: UUID, key_id: str) -> None:
    await session.execute(
        update(ApiKey).where(ApiKey.tenant_id == tenant_id, ApiKey.id == key_id).values(time_last_used=func.now())
    )
