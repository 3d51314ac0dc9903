"""A tenant's file by its id: from the cache, else from the database."""

import logging

from serve_apps.auth import load_uncached
from serve_apps.services import Services
from storage import file_crud
from storage.cache import Versioned
from storage.cache_keys import file_key
from storage.errors import NotFound
from storage.records import FileRecord, TenantRecord

log = logging.getLogger(__name__)


async def find_file(services: Services, tenant: TenantRecord, file_id: str) -> FileRecord:
    """Raises `NotFound` for a file that is not there, not whole yet, or another tenant's."""

    async def load() -> Versioned | None:
        async with services.database.reading() as session:
            record = await file_crud.find(session, tenant.id, file_id)
            return Versioned(record.version, record.to_json()) if record else None

    found = await services.cache.get_or_load(file_key(tenant.id, file_id), load)
    record = FileRecord.from_json(found) if found else None
    if record is not None and (record.tenant_id, record.id) != (tenant.id, file_id):
        log.error("cache answered with another file")
        found = await load_uncached(load)
        record = FileRecord.from_json(found) if found else None
    if record is None:
        raise NotFound("file")
    return record
