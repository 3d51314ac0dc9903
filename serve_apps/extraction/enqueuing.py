"""From a request for an extraction to its job in the queue."""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from actors.extractors.document import ExtractionOptions
from actors.extractors.kinds import ENGINE_VERSION, Kind, kind_of, options_hash, work_hash
from serve_apps.extraction.schemas import Json, Options
from serve_apps.idempotent_requests import done_once, request_fingerprint
from storage import extraction_crud
from storage.database import Database
from storage.errors import NotExtractable
from storage.extraction_records import HowToRead, JobRecord
from storage.job_passwords import JobPasswords
from storage.records import TenantRecord
from storage.shown_records import job_out


def how_to_read(asked: Options, tenant_id: UUID, passwords: JobPasswords, max_seconds: float) -> HowToRead:
    """The options as the queue keeps them: shown, hashed and, for the password, encrypted."""
    options = asked.stored(max_seconds)
    hashed = options_hash(ExtractionOptions(**options | {"languages": tuple(asked.languages)}))
    if asked.password is None:
        return HowToRead(options, hashed, ENGINE_VERSION)
    password = asked.password.get_secret_value()
    mixed = passwords.mixed_into(hashed, tenant_id, password)
    return HowToRead(options, mixed, ENGINE_VERSION, passwords.encrypt(tenant_id, password))


def how_for(kind: Kind, how: HowToRead) -> HowToRead:
    """The same for files of one kind."""
    return replace(how, options_hash=work_hash(how.options_hash, kind))


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
    return await extraction_crud.enqueue(session, asked.tenant.id, file, how_for(kind, asked.how), max_queued)
