"""A tenant as it is answered: with its statistics, and a tag for both."""

from starlette.responses import Response

from serve_apps.answers import json_answer
from serve_apps.files import schemas
from serve_apps.preconditions import tenant_tag
from serve_apps.services import Services
from storage import tenant_crud
from storage.records import TenantRecord


async def tenant_answer(services: Services, record: TenantRecord) -> Response:
    """Raises `NotFound` when it is gone meanwhile."""
    async with services.database.reading(record.id) as session:
        stats = await tenant_crud.stats(session, record.id)
    return json_answer(schemas.tenant_out(record, stats), headers={"ETag": tenant_tag(record.version, stats)})
