"""The job queue in memory, held to the same contract as the one in PostgreSQL."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from storage.errors import Unavailable
from storage.extraction_queue import MAX_FAILURES, WORKER_CRASHED
from storage.extraction_records import CancelRequested, ClaimedJob, LeaseLost, WaitingTenant
from storage.extraction_results import NewResult
from storage.job_queue import JobQueue


@dataclass(slots=True)
class FakeJob:
    id: str
    tenant_id: UUID
    state: str = "queued"
    attempt: int = 0
    failures: int = 0
    expired: bool = False
    cancel_requested: bool = False
    error: dict[str, Any] | None = None
    result: NewResult | None = None
    progress: tuple[int, int | None] = (0, None)
    options: dict[str, Any] = field(default_factory=dict)
    password: bytes | None = None


class FakeJobQueue(JobQueue):
    """`away` makes it answer as if the database were."""

    def __init__(self) -> None:
        self.jobs: dict[str, FakeJob] = {}
        self.weights: dict[UUID, int] = {}
        self.max_running: dict[UUID, int] = {}
        self.away = False
        self.changed = asyncio.Condition()

    def add(self, tenant_id: UUID | None = None, **more: Any) -> FakeJob:
        job = FakeJob(f"ex_{len(self.jobs)}", tenant_id or uuid4(), **more)
        self.jobs[job.id] = job
        return job

    async def until(self, reached: Any) -> None:
        """Wait until `reached()` after some change of the queue."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(reached)

    async def tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    def _check(self) -> None:
        if self.away:
            raise Unavailable("database")

    def _running(self, tenant_id: UUID) -> int:
        return sum(job.tenant_id == tenant_id and job.state == "running" for job in self.jobs.values())

    async def waiting(self) -> list[WaitingTenant]:
        self._check()
        tenants = dict.fromkeys(job.tenant_id for job in self.jobs.values() if job.state == "queued")
        return [
            WaitingTenant(each, self.weights.get(each, 1), self.max_running.get(each, 32), self._running(each))
            for each in tenants
        ]

    async def claim(self, tenant: WaitingTenant) -> ClaimedJob | None:
        self._check()
        if self._running(tenant.tenant_id) >= tenant.max_running:
            return None
        queued = (job for job in self.jobs.values() if (job.tenant_id, job.state) == (tenant.tenant_id, "queued"))
        job = next(queued, None)
        if job is None:
            return None
        job.state, job.expired = "running", False
        job.attempt += 1
        await self.tell()
        return ClaimedJob(
            job.id,
            job.tenant_id,
            job.attempt,
            "fs_x",
            "t/2025-01/fs_x.txt",
            "text/plain",
            ".txt",
            job.options,
            job.password,
        )

    def _held(self, claim: ClaimedJob) -> FakeJob:
        self._check()
        job = self.jobs.get(claim.id)
        if job is None or (job.state, job.attempt) != ("running", claim.attempt):
            raise LeaseLost
        return job

    async def renew(self, claims: Sequence[ClaimedJob]) -> dict[str, bool]:
        self._check()
        held: dict[str, bool] = {}
        for claim in claims:
            job = self.jobs.get(claim.id)
            if job is not None and (job.state, job.attempt) == ("running", claim.attempt):
                job.expired = False
                held[job.id] = job.cancel_requested
        await self.tell()
        return held

    async def sweep(self) -> list[str]:
        self._check()
        expired = [job for job in self.jobs.values() if job.state == "running" and job.expired]
        for job in expired:
            self._end_attempt(job, WORKER_CRASHED)
        await self.tell()
        return [job.id for job in expired]

    async def report_progress(self, claim: ClaimedJob, done: int, total: int | None) -> None:
        job = self._held(claim)
        if job.cancel_requested:
            raise CancelRequested
        job.progress, job.expired = (done, total), False
        await self.tell()

    async def finish(self, claim: ClaimedJob, made: NewResult) -> None:
        job = self._held(claim)
        if job.cancel_requested:
            job.state = "cancelled"
        else:
            job.state, job.result = made.status, made
        await self.tell()

    async def fail(self, claim: ClaimedJob, error: dict[str, Any]) -> None:
        self._end_attempt(self._held(claim), error)
        await self.tell()

    async def crash(self, claim: ClaimedJob) -> None:
        await self.fail(claim, WORKER_CRASHED)

    def _end_attempt(self, job: FakeJob, error: dict[str, Any]) -> None:
        job.failures += 1
        if job.cancel_requested:
            job.state = "cancelled"
        elif error["retryable"] and job.failures < MAX_FAILURES:
            job.state = "queued"
        else:
            job.state, job.error = "failed", error

    async def cancelled(self, claim: ClaimedJob) -> None:
        self._held(claim).state = "cancelled"
        await self.tell()

    async def give_back(self, claim: ClaimedJob) -> None:
        job = self._held(claim)
        job.state = "cancelled" if job.cancel_requested else "queued"
        await self.tell()
