"""From a request for an extraction to its job in the queue."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from actors.extractors.document import ExtractionOptions
from actors.extractors.kinds import ENGINE_VERSION, kind_of, options_hash
from serve_apps.extraction.schemas import Json, Options
from storage import extraction_crud
from storage.errors import NotExtractable
from storage.extraction_crud import NewJob
from storage.extraction_records import JobRecord
from storage.job_passwords import JobPasswords


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


async def enqueue(session: AsyncSession, tenant_id: UUID, file_id: str, how: HowToRead, max_queued: int) -> JobRecord:
    """Raises `NotFound`, `TenantSuspended`, `NotExtractable` and `TooManyQueued`."""
    file = await extraction_crud.lock_file(session, tenant_id, file_id)
    if kind_of(file.media_type, file.extension) is None:
        raise NotExtractable(file.media_type)
    new = NewJob(file, how.options, how.options_hash, ENGINE_VERSION, how.password)
    return await extraction_crud.enqueue(session, tenant_id, new, max_queued)
