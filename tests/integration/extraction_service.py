"""The extraction service's app in this process, on real servers, with as much of a runner as a test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from serve_apps.extraction.app import create_app
from serve_apps.extraction.job_changes import LOOK_AGAIN_SECONDS
from storage import extraction_queue, tenant_crud
from storage.api_keys import Scope
from storage.database import Database
from storage.extraction_queue import claim
from storage.extraction_results import NewResult
from storage.settings import Settings
from tests.documented_answers import documented_answers
from tests.extraction_rows import LEASE, Rows, make_tenant

PEPPER = "pepper of the tests"
OPERATOR = "operator key of the tests"
SCOPES: tuple[Scope, ...] = ("extractions:read", "extractions:write")


@dataclass(slots=True)
class Service:
    app: FastAPI
    client: httpx.AsyncClient
    database: Database
    settings: Settings


@dataclass(slots=True)
class TenantClient:
    """One tenant's calls, with a key of its own."""

    service: Service
    rows: Rows
    key: str

    @property
    def jobs(self) -> str:
        return f"/v1/tenants/{self.rows.code}/extractions"

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        return await self.service.client.request(method, path, headers=headers, **more)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.call("GET", path, **more)

    async def create(self, file_id: str, options: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        body = {"file_id": file_id} | ({"options": options} if options is not None else {})
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.call("POST", self.jobs, json=body, headers=named)

    async def created(self, file_id: str | None = None, options: dict[str, Any] | None = None) -> str:
        response = await self.create(file_id or await self.rows.file(), options)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    async def finish_next(self, made: NewResult) -> str:
        """What a runner and a parser would do with the oldest waiting job."""
        async with self.rows.database.transaction(self.rows.tenant_id) as session:
            claimed = await claim(session, self.rows.tenant_id, 100, LEASE)
        assert claimed is not None
        async with self.rows.database.transaction(self.rows.tenant_id) as session:
            await extraction_queue.finish(session, claimed, made)
        return claimed.id


@asynccontextmanager
async def running_service(home: Path, database_url: str, redis_url: str, **more: Any) -> AsyncIterator[Service]:
    settings = Settings(
        home=home,
        storage_base_path=home / "files",
        database_url=database_url,
        redis_url=redis_url,
        operator_key=OPERATOR,
        key_pepper=PEPPER,
        **more,
    )
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport,
            base_url="http://service",
            timeout=30,
            event_hooks={"response": [documented_answers(app)]},
        ) as client,
    ):
        yield Service(app, client, app.state.services.database, settings)


async def tenant_client(service: Service, scopes: tuple[Scope, ...] = SCOPES, **configuration: Any) -> TenantClient:
    rows = await make_tenant(service.database, **configuration)
    return TenantClient(service, rows, await new_key(service, rows, scopes))


async def new_key(service: Service, rows: Rows, scopes: tuple[Scope, ...]) -> str:
    async with service.database.transaction_across_tenants() as session:
        _, bearer = await tenant_crud.add_key(session, rows.tenant_id, PEPPER.encode(), scopes=scopes)
    return str(bearer)


async def soon(task: "asyncio.Task[httpx.Response]") -> httpx.Response:
    """The answer of a call that nothing holds up any more; sooner than one that had to look again would have it."""
    async with asyncio.timeout(LOOK_AGAIN_SECONDS - 1):
        return await task


async def until_waiting(tenant: TenantClient, watched_id: str, requests: int = 1) -> None:
    """Until so many requests wait for a change of the job or batch."""
    async with asyncio.timeout(10):
        while True:
            if len(tenant.service.app.state.job_changes._waiting.get(watched_id, ())) == requests:
                return
            await asyncio.sleep(0.01)
