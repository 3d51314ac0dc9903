"""A tenant's file by its id: from the cache, else from the database."""

from serve_apps.cached_records import cached_record
from serve_apps.services import Services
from storage import file_crud
from storage.cache import Versioned
from storage.cache_keys import file_key
from storage.errors import NotFound
from storage.identifiers import is_id
from storage.records import FileRecord, TenantRecord


async def find_file(services: Services, tenant: TenantRecord, file_id: str) -> FileRecord:
    """Raises `NotFound` for a file that is not there, not whole yet, or another tenant's."""

    async def load() -> Versioned | None:
        async with services.database.reading(tenant.id) as session:
            record = await file_crud.find(session, tenant.id, file_id)
            return Versioned(record.version, record.to_json()) if record else None

    def is_its_own(record: FileRecord) -> bool:
        return (record.tenant_id, record.id) == (tenant.id, file_id)

    refuse_unless_id(file_id)
    key = file_key(tenant.id, file_id)
    record = await cached_record(services.cache, key, load, FileRecord.from_json, is_its_own)
    if record is None:
        raise NotFound("file")
    return record


def refuse_unless_id(file_id: str) -> None:
    """Raises `NotFound` for what is no file's id; the database would refuse some of it, such as NUL."""
    if not is_id("fs", file_id):
        raise NotFound("file")
