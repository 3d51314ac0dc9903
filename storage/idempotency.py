"""Requests that may be sent twice: the first one's answer is kept under the key that both name.

The answer is written by the transaction that does the work. Until then a lease says that the first request runs; it
renews the lease, and a request that died with its process loses it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.errors import IdempotencyKeyInUse
from storage.models import IdempotencyKey

LEASE = timedelta(seconds=30)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    fingerprint: str
    answer: Json


async def begin(session: AsyncSession, tenant_id: UUID, key: str) -> StoredAnswer | None:
    """None: the key is the caller's now, under a lease. Raises `IdempotencyKeyInUse` while another has it."""
    now = datetime.now(UTC)
    lease = {"lease_until": now + LEASE}
    claimed = await session.scalar(
        insert(IdempotencyKey)
        .values(tenant_id=tenant_id, key=key, **lease)
        .on_conflict_do_update(
            index_elements=[IdempotencyKey.tenant_id, IdempotencyKey.key],
            set_=lease,
            where=IdempotencyKey.answer.is_(None) & (IdempotencyKey.lease_until < now),
        )
        .returning(IdempotencyKey.key)
    )
    if claimed is not None:
        return None
    row = await session.scalar(
        select(IdempotencyKey).where(IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key)
    )
    if row is None or row.answer is None or row.fingerprint is None:
        raise IdempotencyKeyInUse
    return StoredAnswer(row.fingerprint, row.answer)


async def renew(session: AsyncSession, tenant_id: UUID, key: str) -> None:
    await session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key, IdempotencyKey.answer.is_(None))
        .values(lease_until=datetime.now(UTC) + LEASE)
    )


async def complete(session: AsyncSession, tenant_id: UUID, key: str, fingerprint: str, answer: Json) -> None:
    """Keep the answer, in the transaction that makes it true."""
    await session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key)
        .values(fingerprint=fingerprint, answer=answer)
    )


async def give_back(session: AsyncSession, tenant_id: UUID, key: str) -> None:
    """The request failed: whoever sends it again begins anew."""
    await session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key, IdempotencyKey.answer.is_(None)
        )
    )
