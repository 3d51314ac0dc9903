"""A file service that trusts this machine, tenants of each test's own, and no webhooks of other tests."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete

from storage.models import Webhook
from tests.file_service import FileService, SampleTenant, file_service
from tests.webhook_receiver import TRUSTING, Receiver, receiving


@pytest.fixture(scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str
) -> AsyncIterator[FileService]:
    base = tmp_path_factory.mktemp("files")
    async with file_service(base, database_url, redis_url, webhook_trusted_networks=TRUSTING) as running:
        yield running


@pytest.fixture
async def tenant(service: FileService) -> SampleTenant:
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(delete(Webhook))
    return await service.tenant()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found
