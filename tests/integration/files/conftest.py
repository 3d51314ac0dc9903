"""One service for the tests of a module; each test works on tenants of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.file_service import FileService, SampleTenant, file_service


@pytest.fixture(scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str
) -> AsyncIterator[FileService]:
    async with file_service(tmp_path_factory.mktemp("files"), database_url, redis_url) as running:
        yield running


@pytest.fixture
async def tenant(service: FileService) -> SampleTenant:
    return await service.tenant()


@pytest.fixture
def all_large(service: FileService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every upload goes the way of large ones, as it does on a volume without hard links."""
    monkeypatch.setattr(service.services.disk, "has_hard_links", False)
