"""A finished job's document: from the cache where it is there and its own, else from the database."""

import logging
from uuid import UUID

from serve_apps.services import Services
from storage import extraction_results
from storage.cache import Versioned
from storage.cache_keys import result_key
from storage.errors import NotFound
from storage.extraction_results import RESULT_VERSION, StoredResult

log = logging.getLogger(__name__)


async def find_result(services: Services, tenant_id: UUID, job_id: str) -> StoredResult:
    """Always from the database: what was deleted is gone at once. Raises `NotFound` and `NotFinished`."""
    async with services.database.reading(tenant_id) as session:
        return await extraction_results.find(session, tenant_id, job_id)


async def read_document(services: Services, stored: StoredResult) -> bytes:
    """The document packed as it was stored, without what its file says of itself."""
    tenant_id, settings = stored.job.tenant_id, services.settings
    if stored.size_bytes > settings.result_cache_max_bytes:
        return await _from_database(services, stored)
    owner = f"{tenant_id}/{stored.result_id}\n".encode()

    async def load() -> Versioned:
        return Versioned(RESULT_VERSION, owner + await _from_database(services, stored))

    key = result_key(tenant_id, str(stored.result_id))
    found = await services.cache.get_or_load(key, load, settings.result_cache_ttl_seconds, is_large=True)
    if found is None or not found.startswith(owner):
        # What came over a connection that a cancelled call left behind may be another's.
        log.error("cache answered with another result")
        return await _from_database(services, stored)
    return found[len(owner) :]


async def _from_database(services: Services, stored: StoredResult) -> bytes:
    async with services.database.reading(stored.job.tenant_id) as session:
        document = await extraction_results.read_document(session, stored.job.tenant_id, stored.result_id)
    if document is None:
        raise NotFound("extraction")
    return document
