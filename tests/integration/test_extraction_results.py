"""Results over HTTP, on real servers: forms, parts, validators and the cache."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import update

from actors.extractors.document import Block, Cell, Document, Line, Page, Properties, Table, Word
from actors.extractors.document_json import document_json
from actors.extractors.kinds import ENGINE_VERSION
from storage import extraction_crud, extraction_results
from storage.cache import Cache
from storage.cache_keys import result_key
from storage.extraction_results import NewResult, StoredResult
from storage.models import File
from storage.stored_documents import unpacked
from tests.extraction_rows import ENGINE
from tests.integration.extraction_service import Service, TenantClient, running_service, tenant_client

TWO_PAGES = Document(
    properties=Properties(page_count=2, title="A report"),
    content="First *page*\n\nSecond page",
    pages=[
        Page(
            1, 100, 200, span=(0, 12), lines=[Line("First *page*", None, (0, 12), words=[Word("First", None, (0, 5))])]
        ),
        Page(2, 100, 200, span=(14, 11), lines=[Line("Second page", None, (14, 11))]),
    ],
    blocks=[Block("b1", "heading", 1, (0, 12), level=2), Block("b2", "paragraph", 2, (14, 11))],
    tables=[Table("t1", 2, 1, 1, "ruled", [Cell(0, 0, "x")])],
)
MADE = NewResult(ENGINE, "succeeded", 2, document_json(TWO_PAGES, ENGINE_VERSION))


@pytest.fixture(scope="module")
async def service(
    database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    home: Path = tmp_path_factory.mktemp("extraction-results")
    async with running_service(home, database_url, redis_url) as service:
        yield service


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as redis:
        yield redis


@pytest.fixture
async def tenant(service: Service) -> TenantClient:
    return await tenant_client(service)


@pytest.fixture
async def job(tenant: TenantClient) -> str:
    job = await tenant.created()
    await tenant.finish_next(MADE)
    return job


async def _bytes(redis: Redis, key: str) -> bytes:
    found = await redis.get(key) or b""
    return found if isinstance(found, bytes) else found.encode()


async def _stored(tenant: TenantClient, job: str) -> StoredResult:
    async with tenant.rows.database.reading(tenant.rows.tenant_id) as session:
        return await extraction_results.find(session, tenant.rows.tenant_id, job)


async def test_a_result_is_the_whole_document_of_its_file(tenant: TenantClient, job: str) -> None:
    response = await tenant.get(f"{tenant.jobs}/{job}/result")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    document = response.json()
    stored = await _stored(tenant, job)
    assert document["schema"] == "muniment.document/1"
    assert document["document"] == {
        "file_id": stored.file.id,
        "sha256": stored.file.sha256,
        "file_name": "a.txt",
        "media_type": "text/plain",
        "size": stored.file.file_size_bytes,
        "page_count": 2,
        "title": "A report",
        "author": None,
        "created": None,
        "modified": None,
        "language": None,
    }
    assert document["status"] == "succeeded"
    assert document["engine"]["version"] == ENGINE_VERSION
    assert document["engine"]["options_hash"] == stored.options_hash
    assert [page["number"] for page in document["pages"]] == [1, 2]


async def test_words_come_only_where_they_are_asked_for(tenant: TenantClient, job: str) -> None:
    plain = (await tenant.get(f"{tenant.jobs}/{job}/result")).json()
    assert "words" not in plain["pages"][0]["lines"][0]
    expanded = (await tenant.get(f"{tenant.jobs}/{job}/result?expand=words")).json()
    assert expanded["pages"][0]["lines"][0]["words"][0]["text"] == "First"
    assert (await tenant.get(f"{tenant.jobs}/{job}/result?expand=letters")).status_code == 422


async def test_a_result_comes_as_text_and_as_markdown(tenant: TenantClient, job: str) -> None:
    text = await tenant.get(f"{tenant.jobs}/{job}/result?format=text")
    assert (text.headers["content-type"], text.text) == ("text/plain; charset=utf-8", TWO_PAGES.content)
    marked = await tenant.get(f"{tenant.jobs}/{job}/result?format=markdown")
    assert marked.headers["content-type"] == "text/markdown; charset=utf-8"
    assert marked.text.startswith("## First \\*page\\*")
    page = await tenant.get(f"{tenant.jobs}/{job}/result?format=html")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert (page.headers["x-content-type-options"], "sandbox" in page.headers["content-security-policy"]) == (
        "nosniff",
        True,
    )
    assert "<h2>First *page*</h2>" in page.text
    docling = (await tenant.get(f"{tenant.jobs}/{job}/result?format=docling")).json()
    assert (docling["schema_name"], docling["texts"][0]["text"]) == ("DoclingDocument", "First *page*")
    elements = (await tenant.get(f"{tenant.jobs}/{job}/result?format=unstructured")).json()
    assert [element["type"] for element in elements] == ["Title", "NarrativeText"]
    assert (await tenant.get(f"{tenant.jobs}/{job}/result?format=pdf")).status_code == 422


async def test_a_document_comes_in_chunks(tenant: TenantClient, job: str) -> None:
    path = f"{tenant.jobs}/{job}/result?expand=chunks,words"
    document = (await tenant.get(path)).json()
    assert [chunk["text"] for chunk in document["chunks"]] == ["First *page*\n\nSecond page"]
    assert document["chunks"][0]["heading_path"] == ["First *page*"]
    assert "words" in document["pages"][0]["lines"][0]
    assert (await tenant.get(f"{path}&chunk_characters=10")).status_code == 422


async def test_some_pages_can_be_asked_for(tenant: TenantClient, job: str) -> None:
    second = (await tenant.get(f"{tenant.jobs}/{job}/result?pages=2-9")).json()
    assert [page["number"] for page in second["pages"]] == [2]
    assert second["content"] == "Second page"
    text = await tenant.get(f"{tenant.jobs}/{job}/result?format=text&pages=1")
    assert text.text == "First *page*"
    response = await tenant.get(f"{tenant.jobs}/{job}/result?pages=two")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "pages")


async def test_an_unchanged_result_is_not_sent_again(tenant: TenantClient, job: str) -> None:
    path = f"{tenant.jobs}/{job}/result"
    tags = [
        (await tenant.get(path + query)).headers["etag"] for query in ("", "?format=text", "?pages=1", "?expand=words")
    ]
    assert len(set(tags)) == 4
    response = await tenant.get(path, headers={"If-None-Match": tags[0]})
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tags[0])
    assert (await tenant.get(path, headers={"If-None-Match": tags[1]})).status_code == 200
    async with tenant.rows.database.transaction(tenant.rows.tenant_id) as session:
        await session.execute(
            update(File).where(File.tenant_id == tenant.rows.tenant_id).values(file_name="b.txt", version=2)
        )
    renamed = await tenant.get(path, headers={"If-None-Match": tags[0]})
    assert (renamed.status_code, renamed.json()["document"]["file_name"]) == (200, "b.txt")


async def test_there_is_no_result_before_the_end(tenant: TenantClient) -> None:
    job = await tenant.created()
    response = await tenant.get(f"{tenant.jobs}/{job}/result")
    assert (response.status_code, response.json()["code"]) == (409, "not-finished")
    await tenant.rows.cancel(job)
    assert (await tenant.get(f"{tenant.jobs}/{job}/result")).status_code == 409


async def test_a_result_is_cached_and_its_entry_goes_with_the_job(tenant: TenantClient, job: str, redis: Redis) -> None:
    stored = await _stored(tenant, job)
    key = result_key(tenant.rows.tenant_id, str(stored.result_id))
    assert await redis.get(key) is None
    first = await tenant.get(f"{tenant.jobs}/{job}/result")
    _, _, cached = (await _bytes(redis, key)).partition(b"\n")
    assert b"Second page" in unpacked(cached)
    assert 0 < await redis.ttl(key) <= 1.1 * tenant.service.settings.result_cache_ttl_seconds
    assert (await tenant.get(f"{tenant.jobs}/{job}/result")).content == first.content
    await tenant.call("DELETE", f"{tenant.jobs}/{job}")
    assert cached not in await _bytes(redis, key)
    assert (await tenant.get(f"{tenant.jobs}/{job}/result")).status_code == 404


async def test_a_cached_result_of_somebody_else_is_not_answered(
    tenant: TenantClient, job: str, redis: Redis, service: Service
) -> None:
    """What a cancelled call leaves on a connection may be the answer to another's question."""
    other = await tenant_client(service)
    other_job = await other.created()
    await other.finish_next(NewResult(ENGINE, "succeeded", 1, MADE.document.replace(b"Second page", b"Their secret")))
    await other.get(f"{other.jobs}/{other_job}/result")
    theirs = await _bytes(redis, result_key(other.rows.tenant_id, str((await _stored(other, other_job)).result_id)))
    mine = result_key(tenant.rows.tenant_id, str((await _stored(tenant, job)).result_id))
    for poison in (theirs, b"1:no owner"):
        await redis.set(mine, poison)
        response = await tenant.get(f"{tenant.jobs}/{job}/result")
        assert response.status_code == 200
        assert "Their secret" not in response.text
        assert "Second page" in response.text


async def test_results_are_read_once_by_many_who_ask_at_once(
    service: Service, tenant: TenantClient, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers, misses, reads = 10, 0, 0
    everybody_missed = asyncio.Event()
    cache: Cache = service.app.state.services.cache
    look_up, read = cache.get, extraction_results.read_document

    async def missed(key: str, *, is_large: bool = False) -> bytes | None:
        nonlocal misses
        found = await look_up(key, is_large=is_large)
        if is_large:
            misses += 1
        if misses == readers:
            everybody_missed.set()
        return found

    async def counted(*args: Any) -> bytes | None:
        nonlocal reads
        reads += 1
        await everybody_missed.wait()
        return await read(*args)

    monkeypatch.setattr(cache, "get", missed)
    monkeypatch.setattr(extraction_results, "read_document", counted)
    answers = await asyncio.gather(*(tenant.get(f"{tenant.jobs}/{job}/result") for _ in range(readers)))
    assert {answer.status_code for answer in answers} == {200}
    # By the first, and once more for all who came while it read.
    assert reads == 2


async def test_large_results_are_not_cached(database_url: str, redis_url: str, tmp_path: Path, redis: Redis) -> None:
    async with running_service(tmp_path, database_url, redis_url, result_cache_max_bytes=100) as service:
        tenant = await tenant_client(service)
        job = await tenant.created()
        await tenant.finish_next(MADE)
        assert (await tenant.get(f"{tenant.jobs}/{job}/result")).status_code == 200
        stored = await _stored(tenant, job)
        assert await redis.get(result_key(tenant.rows.tenant_id, str(stored.result_id))) is None


async def test_results_are_right_without_redis(database_url: str, tmp_path: Path) -> None:
    async with running_service(tmp_path, database_url, "redis://127.0.0.1:1") as service:
        tenant = await tenant_client(service)
        job = await tenant.created()
        await tenant.finish_next(MADE)
        for _ in range(2):
            response = await tenant.get(f"{tenant.jobs}/{job}/result?format=text")
            assert (response.status_code, response.text) == (200, TWO_PAGES.content)
        assert (await tenant.call("DELETE", f"{tenant.jobs}/{job}")).status_code == 204
        assert (await tenant.get(f"{tenant.jobs}/{job}/result")).status_code == 404


async def test_a_result_that_goes_while_it_is_read_is_not_found(
    tenant: TenantClient, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Race: the job is deleted between the look-up of its result and the reading of it."""
    read = extraction_results.read_document

    async def after_deletion(session: Any, tenant_id: Any, result_id: Any) -> bytes | None:
        async with tenant.rows.database.transaction(tenant.rows.tenant_id) as deleting:
            await extraction_crud.delete_job(deleting, tenant.rows.tenant_id, job)
        return await read(session, tenant_id, result_id)

    monkeypatch.setattr(extraction_results, "read_document", after_deletion)
    assert (await tenant.get(f"{tenant.jobs}/{job}/result")).status_code == 404


async def test_two_jobs_with_the_same_bytes_name_their_own_file(tenant: TenantClient) -> None:
    files = [await tenant.rows.file("same"), await tenant.rows.file("same")]
    jobs = [await tenant.created(file_id) for file_id in files]
    await tenant.finish_next(MADE)
    documents = [orjson.loads((await tenant.get(f"{tenant.jobs}/{job}/result")).content) for job in jobs]
    assert [document["document"]["file_id"] for document in documents] == files
    assert documents[0]["content"] == documents[1]["content"]
