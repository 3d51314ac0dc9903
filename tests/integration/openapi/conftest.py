"""Both services, each with things that calls can meet."""

from collections.abc import AsyncIterator

import pytest

from actors.extractors.document import Document, Line, Page, Properties
from actors.extractors.document_json import document_json
from storage.api_keys import ALL_SCOPES
from storage.extraction_results import NewResult
from tests.extraction_rows import ENGINE
from tests.file_service import OPERATOR_KEY, FileService, file_service
from tests.integration.extraction_service import OPERATOR, Service, new_key, running_service, tenant_client
from tests.integration.openapi.generated_calls import Known

PAGE = Page(1, 100, 200, span=(0, 5), lines=[Line("hello", None, (0, 5))])
DOCUMENT = Document(properties=Properties(page_count=1), content="hello", pages=[PAGE])
MADE = NewResult(ENGINE, "succeeded", 1, document_json(DOCUMENT, ENGINE))


@pytest.fixture(scope="module")
async def files(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str
) -> AsyncIterator[FileService]:
    async with file_service(tmp_path_factory.mktemp("files"), database_url, redis_url) as running:
        yield running


@pytest.fixture(scope="module")
async def known_files(files: FileService) -> Known:
    """Two tenants, one of them suspended, each with files, an upload that has begun, a key."""
    parameters: dict[str, list[str]] = {name: [] for name in ("code", "file_id", "upload_id", "key_id", "operation_id")}
    keys = [OPERATOR_KEY, OPERATOR_KEY]
    for status in ("active", "suspended"):
        tenant = await files.tenant(max_files=100)
        parameters["code"].append(tenant.code)
        keys.append(tenant.key)
        parameters["file_id"] += [(await tenant.stored(b"%d" % number, "a.txt"))["id"] for number in range(2)]
        begun = await tenant.request(
            "POST",
            "/uploads",
            headers={"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": "filename YS50eHQ="},
        )
        parameters["upload_id"].append(begun.headers["location"].rpartition("/")[2])
        parameters["key_id"].append((await tenant.request("GET", "/api-keys")).json()["items"][0]["id"])
        if status == "suspended":
            assert (await files.http.post(f"{tenant.path}:suspend")).status_code == 200
    deleted = await files.tenant()
    operation = await files.http.delete(deleted.path)
    parameters["operation_id"].append(operation.json()["id"])
    return Known(parameters, keys)


@pytest.fixture(scope="module")
async def extraction(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str
) -> AsyncIterator[Service]:
    async with running_service(tmp_path_factory.mktemp("home"), database_url, redis_url) as running:
        yield running


@pytest.fixture(scope="module")
async def known_extractions(extraction: Service) -> Known:
    """A tenant with a finished job, one that waits, and a batch."""
    tenant = await tenant_client(extraction)
    done = await tenant.created()
    await tenant.finish_next(MADE)
    waiting = await tenant.created()
    parameters: dict[str, list[str]] = {"code": [tenant.rows.code], "job_id": [done, waiting]}
    parameters["batch_id"] = [await tenant.rows.batch(await tenant.rows.file())]
    return Known(parameters, [OPERATOR, tenant.key, await new_key(extraction, tenant.rows, ALL_SCOPES)])
