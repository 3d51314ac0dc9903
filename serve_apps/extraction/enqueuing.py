"""From a request for an extraction to its job in the queue."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from actors.extractors.document import ExtractionOptions
from actors.extractors.kinds import ENGINE_VERSION, kind_of, options_hash, work_hash
from serve_apps.extraction.schemas import Json, Options
from serve_apps.idempotent_requests import done_once, request_fingerprint
from storage import extraction_crud
from storage.database import Database
from storage.errors import NotExtractable
from storage.extraction_crud import NewJob
from storage.extraction_records import JobRecord
from storage.job_passwords import JobPasswords
from storage.records import TenantRecord
from storage.shown_records import job_out


@dataclass(frozen=True, slots=True)
class HowToRead:
    """Options in the forms that the queue keeps: shown, hashed and, for the password, encrypted."""

    options: Json
    options_hash: str
    password: bytes | None

    @classmethod
    def of(cls, asked: Options, tenant_id: UUID, passwords: JobPasswords, max_seconds: float) -> "HowToRead":
        options = asked.stored(max_seconds)
        hashed = options_hash(ExtractionOptions(**options | {"languages": tuple(asked.languages)}))
        if asked.password is None:
            return cls(options, hashed, None)
        password = asked.password.get_secret_value()
        return cls(options, passwords.mixed_into(hashed, tenant_id, password), passwords.encrypt(tenant_id, password))


@dataclass(frozen=True, slots=True)
class Asked:
    tenant: TenantRecord
    file_id: str
    how: HowToRead
    idempotency_key: str | None

    @property
    def fingerprint(self) -> str:
        # The password counts by the keyed hash that it is mixed into.
        return request_fingerprint("extractions", self.file_id, self.how.options, self.how.options_hash)


async def enqueue_once(database: Database, asked: Asked, max_queued: int) -> tuple[Json, dict[str, str]]:
    """The job as JSON, and the headers that say so when an earlier request with the same key made it.

    Raises `NotFound`, `TenantSuspended`, `NotExtractable`, `TooManyQueued` and `IdempotencyKeyReused`.
    """

    async def enqueue(session: AsyncSession) -> Json:
        return job_out(await _enqueue(session, asked, max_queued), asked.tenant.code)

    return await done_once(database, asked.tenant.id, asked.idempotency_key, asked.fingerprint, enqueue)


async def _enqueue(session: AsyncSession, asked: Asked, max_queued: int) -> JobRecord:
    file = await extraction_crud.lock_file(session, asked.tenant.id, asked.file_id)
    kind = kind_of(file.media_type, file.extension)
    if kind is None:
        raise NotExtractable(file.media_type)
    hashed = work_hash(asked.how.options_hash, kind)
    new = NewJob(file, asked.how.options, hashed, ENGINE_VERSION, asked.how.password)
    return await extraction_crud.enqueue(session, asked.tenant.id, new, max_queued)
