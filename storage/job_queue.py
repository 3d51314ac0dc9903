"""The queue as one object: each call is one transaction."""

from collections.abc import Sequence
from typing import Any

from storage import extraction_queue
from storage.database import Database
from storage.extraction_records import ClaimedJob, WaitingTenant
from storage.extraction_results import NewResult


class JobQueue:
    """`lease` is how long, in seconds, a claim is held without being renewed. Raises `Unavailable` when the database is
    away; writes raise `LeaseLost` when the attempt is over.
    """

    def __init__(self, database: Database, lease: float) -> None:
        self._database, self._lease = database, lease

    async def waiting(self) -> list[WaitingTenant]:
        async with self._database.reading_across_tenants() as session:
            return await extraction_queue.waiting_tenants(session)

    async def claim(self, tenant: WaitingTenant) -> ClaimedJob | None:
        async with self._database.transaction(tenant.tenant_id) as session:
            return await extraction_queue.claim(session, tenant.tenant_id, tenant.max_running, self._lease)

    async def renew(self, claims: Sequence[ClaimedJob]) -> dict[str, bool]:
        """The ids of the claims that are still held, and whether each is to be cancelled."""
        async with self._database.transaction_across_tenants() as session:
            return await extraction_queue.renew(session, claims, self._lease)

    async def sweep(self) -> list[str]:
        """End attempts whose lease expired; the ids of their jobs."""
        async with self._database.transaction_across_tenants() as session:
            return await extraction_queue.sweep_expired(session)

    async def report_progress(self, claim: ClaimedJob, done: int, total: int | None) -> None:
        """Renews the lease as well. Raises `CancelRequested`."""
        async with self._database.transaction(claim.tenant_id) as session:
            await extraction_queue.report_progress(session, claim, done, total, self._lease)

    async def finish(self, claim: ClaimedJob, made: NewResult) -> None:
        async with self._database.transaction(claim.tenant_id) as session:
            await extraction_queue.finish(session, claim, made)

    async def fail(self, claim: ClaimedJob, error: dict[str, Any]) -> None:
        async with self._database.transaction(claim.tenant_id) as session:
            await extraction_queue.fail(session, claim, error)

    async def crash(self, claim: ClaimedJob) -> None:
        async with self._database.transaction(claim.tenant_id) as session:
            await extraction_queue.crash(session, claim)

    async def cancelled(self, claim: ClaimedJob) -> None:
        async with self._database.transaction(claim.tenant_id) as session:
            await extraction_queue.cancelled(session, claim)

    async def give_back(self, claim: ClaimedJob) -> None:
        async with self._database.transaction(claim.tenant_id) as session:
            await extraction_queue.give_back(session, claim)
