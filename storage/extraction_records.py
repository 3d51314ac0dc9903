"""Extraction jobs as they are read and as a runner holds them; both are plain and travel between processes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from storage.errors import NotFound
from storage.identifiers import is_id
from storage.models import ExtractionJob, File

FINAL_STATES = ("succeeded", "partial", "failed", "cancelled")
STATES = ("queued", "running", *FINAL_STATES)


def refuse_unless_id(job_id: str) -> None:
    """Raises `NotFound` for what is no job's id; the database would refuse some of it, such as NUL."""
    if not is_id("ex", job_id):
        raise NotFound("extraction")


@dataclass(frozen=True, slots=True)
class HowToRead:
    """How a file is read, as the queue keeps it. `options` never hold the password, `password` is encrypted."""

    options: dict[str, Any]
    options_hash: str
    engine_version: str
    password: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as its tenant sees it."""

    id: str
    tenant_id: UUID
    file_id: str
    batch_id: str | None
    state: str
    options: dict[str, Any]
    pages_done: int
    pages_total: int | None
    attempt: int
    cached: bool
    error: dict[str, Any] | None
    time_created: datetime
    time_started: datetime | None
    time_finished: datetime | None

    @classmethod
    def of(cls, row: ExtractionJob) -> Self:
        return cls(
            id=row.id,
            tenant_id=row.tenant_id,
            file_id=row.file_id,
            batch_id=row.batch_id,
            state=row.state,
            options=row.options,
            pages_done=row.pages_done,
            pages_total=row.pages_total,
            attempt=row.attempt,
            cached=row.cached,
            error=row.error,
            time_created=row.time_created,
            time_started=row.time_started,
            time_finished=row.time_finished,
        )

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """One attempt at a job: what its holder must know, and the fence (`id`, `attempt`) that it writes under."""

    id: str
    tenant_id: UUID
    attempt: int
    file_id: str
    storage_path: str
    media_type: str
    extension: str
    options: dict[str, Any]
    password: bytes | None = field(repr=False)
    """Encrypted by `JobPasswords`."""

    @classmethod
    def of(cls, job: ExtractionJob, file: File) -> Self:
        return cls(
            id=job.id,
            tenant_id=job.tenant_id,
            attempt=job.attempt,
            file_id=job.file_id,
            storage_path=file.storage_path,
            media_type=file.media_type,
            extension=file.extension,
            options=job.options,
            password=job.password,
        )


@dataclass(frozen=True, slots=True)
class WaitingTenant:
    """A tenant with queued jobs, its share of the runners, and how much of it is in use."""

    tenant_id: UUID
    weight: int
    max_running: int
    running: int


class LeaseLost(Exception):
    """The attempt is over for its holder: expired and taken by another, finished elsewhere, or the job is gone."""


class CancelRequested(Exception):
    """Somebody asked for the job's end."""
