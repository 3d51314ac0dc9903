"""Jobs on the real cluster: cancelled for real, and alive whatever dies under them.

Scanned pages keep the OCR engines busy for seconds each, so that there is something to kill.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from redis.asyncio import Redis

import muniment
from muniment import Client
from muniment.models import Job, StoredFile
from tests.client_contract import new_code
from tests.e2e.conftest import Cluster
from tests.scanned_pages import scanned_pdf

PATIENCE = 240.0


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Client]:
    """Of a tenant that is gone after the test."""
    with cluster.client() as operator:
        tenant = operator.tenants.create(new_code())
        yield operator.for_tenant(tenant.code)
        operator.tenants.delete(tenant)


def upload_scan(client: Client, pages: int) -> StoredFile:
    return client.files.upload(scanned_pdf(pages, about=new_code()), name="scan.pdf")


def until_progress(client: Client, job: Job, pages: int = 1) -> Job:
    """Until so many pages are done: then a parser and an engine are at it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        job = client.extractions.get(job)
        assert not job.finished, job
        if job.progress.pages_done >= pages:
            return job
        time.sleep(0.2)
    pytest.fail(f"no progress: {job}")


def finished(client: Client, job: Job) -> Job:
    return client.extractions.wait(job, timeout=PATIENCE)


def test_a_running_job_is_cancelled_within_five_seconds(client: Client) -> None:
    job = client.extractions.submit(upload_scan(client, 60))
    until_progress(client, job)
    asked = time.monotonic()
    client.extractions.cancel(job)
    assert finished(client, job).state == "cancelled"
    assert time.monotonic() - asked < 5
    with pytest.raises(muniment.Conflict):
        client.extractions.text(job)


@pytest.mark.parametrize("role", ["parser", "ocr", "job-runner"])
def test_a_job_survives_the_death_of(cluster: Cluster, client: Client, role: str) -> None:
    job = client.extractions.submit(upload_scan(client, 4))
    until_progress(client, job)
    assert cluster.kill(role)
    done = finished(client, job)
    assert done.state == "succeeded"
    text = client.extractions.text(job)
    assert [f"Page {number} of" in text for number in range(1, 5)] == [True] * 4


def test_the_same_bytes_sent_many_times_at_once_are_parsed_once(client: Client) -> None:
    file = upload_scan(client, 1)
    jobs = [client.extractions.submit(file) for _ in range(6)]
    done = [finished(client, job) for job in jobs]
    assert [job.state for job in done] == ["succeeded"] * 6
    assert sorted(job.cached for job in done) == [False] + [True] * 5
    assert sum(job.attempt for job in done) == 1


def test_one_tenants_many_jobs_do_not_hold_up_anothers(cluster: Cluster, client: Client) -> None:
    busy = [client.extractions.submit(upload_scan(client, 3)) for _ in range(10)]
    with cluster.client() as operator:
        tenant = operator.tenants.create(new_code())
        other = operator.for_tenant(tenant.code)
        small = other.extractions.submit(other.files.upload(b"Just a note.", name="note.txt"), wait=60)
        assert small.state == "succeeded"
        operator.tenants.delete(tenant)
    for job in busy:
        client.extractions.delete(job)


@pytest.fixture
async def database(cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(cluster.database_url)
    yield connection
    await connection.close()


async def test_a_file_deleted_while_it_is_read_leaves_nothing(
    cluster: Cluster, client: Client, database: asyncpg.Connection
) -> None:
    file = await asyncio.to_thread(upload_scan, client, 2)
    done = await asyncio.to_thread(lambda: finished(client, client.extractions.submit(file, pages="1")))
    await asyncio.to_thread(client.extractions.text, done)
    running = await asyncio.to_thread(client.extractions.submit, file, ocr="force")
    await asyncio.to_thread(client.files.delete, file)
    with pytest.raises(muniment.NotFound):
        await asyncio.to_thread(client.extractions.get, running)
    tenant = await asyncio.to_thread(client.tenants.get)
    for table in ("extraction_jobs", "extraction_results"):
        assert await database.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", tenant.id) == 0  # noqa: S608
    async with Redis.from_url(cluster.redis_url) as redis:
        entries = [key async for key in redis.scan_iter(match=f"result:*{tenant.id}*")]
        assert [await redis.strlen(key) for key in entries if await redis.strlen(key) > 20] == []
