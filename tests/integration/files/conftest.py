from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.file_service import FileService, SampleTenant, file_service


@pytest.fixture
async def service(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[FileService]:
    async with file_service(tmp_path / "files", database_url, redis_url) as running:
        yield running


@pytest.fixture
async def tenant(service: FileService) -> SampleTenant:
    return await service.tenant()
