"""Requests that are answered little by little end when their key is revoked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage import tenant_crud
from storage.cache import GONE
from storage.cache_keys import api_key_key
from tests.integration.extraction_service import (
    Service,
    TenantClient,
    new_key,
    running_service,
    soon,
    tenant_client,
    until_waiting,
)


@pytest.fixture
async def service(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path, database_url, redis_url) as service:
        yield service


@pytest.fixture
async def tenant(service: Service) -> TenantClient:
    return await tenant_client(service)


async def revoke(tenant: TenantClient) -> None:
    key_id = tenant.key.split("_")[1]
    async with tenant.rows.database.transaction(tenant.rows.tenant_id) as session:
        await tenant_crud.revoke_key(session, tenant.rows.tenant_id, key_id)
    await tenant.service.app.state.services.cache.invalidate({api_key_key(key_id): GONE})


@pytest.mark.parametrize("what", ["job", "batch"])
async def test_a_stream_of_events_tells_a_revoked_key_nothing_more(tenant: TenantClient, what: str) -> None:
    if what == "job":
        watched, path = await tenant.created(), tenant.jobs
    else:
        watched = await tenant.rows.batch(await tenant.rows.file())
        path = f"/v1/tenants/{tenant.rows.code}/extraction-batches"
    streaming = asyncio.create_task(tenant.get(f"{path}/{watched}/events"))
    await until_waiting(tenant, watched)
    await revoke(tenant)
    await tenant.rows.claimed()
    told = (await soon(streaming)).text
    assert "queued" in told
    assert '"state":"running"' not in told


async def test_a_request_that_waits_for_a_job_is_refused_when_its_key_is_revoked(tenant: TenantClient) -> None:
    job = await tenant.created()
    polling = asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}?wait=30"))
    await until_waiting(tenant, job)
    await revoke(tenant)
    await tenant.rows.claimed()
    answer = await soon(polling)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_the_operator_waits_on(service: Service, tenant: TenantClient) -> None:
    job = await tenant.created()
    tenant.key = service.settings.resolved_operator_key()
    polling = asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}?wait=30"))
    await until_waiting(tenant, job)
    await tenant.rows.claimed()
    assert (await soon(polling)).json()["state"] == "running"


async def test_another_key_of_the_tenant_waits_on(service: Service, tenant: TenantClient) -> None:
    job = await tenant.created()
    other = TenantClient(service, tenant.rows, await new_key(service, tenant.rows, ("extractions:read",)))
    polling = asyncio.create_task(other.get(f"{tenant.jobs}/{job}?wait=30"))
    await until_waiting(tenant, job)
    await revoke(tenant)
    await tenant.rows.claimed()
    assert (await soon(polling)).json()["state"] == "running"
