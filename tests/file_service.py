"""The file service in this process: its real app on real servers, its tenant actors hosted without Ray."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from actors.tenant_changes import Answer, Change
from actors.tenant_hosting import TenantHosting
from serve_apps.files.app import create_app
from serve_apps.key_uses import KeyUses
from serve_apps.services import Services
from storage.cache import Cache
from storage.database import Database
from storage.errors import TenantActorFenced
from storage.files_on_disk import FilesOnDisk
from storage.models import Base
from storage.rate_limiter import RateLimiter
from storage.records import TenantRecord
from storage.settings import Settings
from storage.small_files import SmallFiles
from storage.upload_checks.archive_process import ArchiveChecker
from tests.documented_answers import documented_answers

OPERATOR_KEY = "mo_operator-of-the-tests"
PEPPER = b"pepper of the tests"
MERGE_PATCH = "application/merge-patch+json"


class HostedHere:
    """`TenantCalls` on a `TenantHosting` of this process."""

    def __init__(self, hosting: TenantHosting) -> None:
        self.hosting = hosting

    async def call(self, tenant: TenantRecord, change: Change[Answer]) -> Answer:
        while True:
            try:
                return await self.hosting.call(tenant.code, change)
            except TenantActorFenced:
                continue

    def wake(self) -> None:
        """Tests sweep when they want to."""

    async def close(self) -> None:
        await self.hosting.close()


@dataclass(frozen=True, slots=True)
class FileService:
    app: FastAPI
    services: Services
    hosting: TenantHosting
    http: httpx.AsyncClient
    """Speaks with the operator's key."""

    async def tenant(self, **configuration: Any) -> "SampleTenant":
        """A fresh tenant."""
        code = f"t-{uuid4().hex[:20]}"
        answer = await self.http.post("/v1/tenants", json={"code": code, "configuration": configuration})
        assert answer.status_code == 201, answer.text
        return SampleTenant(self, code, answer.json()["api_key"]["secret"])


@dataclass(frozen=True, slots=True)
class SampleTenant:
    service: FileService
    code: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def path(self) -> str:
        return f"/v1/tenants/{self.code}"

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """With the tenant's first key; `path` is below the tenant."""
        headers = self.headers | options.pop("headers", {})
        return await self.service.http.request(method, self.path + path, headers=headers, **options)

    async def upload(
        self, content: bytes = b"some text", name: str = "a.txt", media_type: str = "text/plain", **options: Any
    ) -> httpx.Response:
        return await self.request("POST", "/files", files={"file": (name, content, media_type)}, **options)

    async def stored(self, content: bytes = b"some text", name: str = "a.txt", **options: Any) -> dict[str, Any]:
        answer = await self.upload(content, name, **options)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def files_on_disk(self) -> list[Path]:
        """Whole files and incoming ones."""
        base = self.service.services.disk.base
        folders = base / self.code, base / ".incoming" / self.code
        return [path for folder in folders for path in folder.rglob("*") if path.is_file()]

    async def patch(self, path: str, patch: Any, version: str | None) -> httpx.Response:
        headers = {"Content-Type": MERGE_PATCH} | ({"If-Match": version} if version else {})
        return await self.request("PATCH", path, json=patch, headers=headers)

    async def stats(self) -> dict[str, Any]:
        answer = await self.request("GET", "")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["stats"]
        return found


@asynccontextmanager
async def file_service(base: Path, database_url: str, redis_url: str, **settings: Any) -> AsyncIterator[FileService]:
    database, cache, disk = Database(database_url, pool_size=20), Cache(redis_url, 30), FilesOnDisk(base)
    await disk.prepare()
    hosting = TenantHosting(database, cache, disk, idle_seconds=300)
    services = Services(
        settings=Settings(database_url=database_url, redis_url=redis_url, storage_base_path=base, **settings),
        database=database,
        cache=cache,
        disk=disk,
        small_files=SmallFiles(disk),
        tenants=HostedHere(hosting),
        archives=ArchiveChecker(),
        operator_key=OPERATOR_KEY,
        key_pepper=PEPPER,
        key_uses=KeyUses(database),
        rate_limiter=RateLimiter(cache.link),
    )

    async def opened(_: Settings) -> Services:
        return services

    app = create_app(services.settings, opened)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    hooks = {"response": [documented_answers(app)]}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://files", headers=headers, event_hooks=hooks) as http,
    ):
        yield FileService(app, services, hosting, http)


async def left_of(service: FileService, tenant_id: str, code: str) -> dict[str, Any]:
    """Whatever there still is of a deleted tenant, by where it is.

    Its retired code and its operation stay; that it was deleted is still to be told.
    """
    found: dict[str, Any] = {}
    tables = [
        table for table in Base.metadata.sorted_tables if table.name not in {"operations", "retired_tenant_codes"}
    ]
    async with service.services.database.reading_across_tenants() as session:
        for table in tables:
            where = (
                f"SELECT count(*) FROM {table.name} AS t WHERE strpos(t::text, :id) > 0 OR strpos(t::text, :code) > 0"  # noqa: S608
            )
            found[table.name] = await session.scalar(text(where), {"id": tenant_id, "code": code})
        told = "SELECT count(*) FROM outbox_events WHERE tenant_code = :code AND type = 'tenant.deleted'"
        found["outbox_events"] -= await session.scalar(text(told), {"code": code})
    base = service.services.disk.base
    found["files"] = [str(path) for path in base.rglob("*") if code in str(path) or ".trash/" in str(path)]
    redis = service.services.cache._redis
    keys = [key async for key in redis.scan_iter(match="*", count=1000)]
    # Others hold numbers only.
    values = {key: await redis.get(key) or b"" for key in keys if await redis.type(key) == b"string"}
    found["cache"] = [
        key for key in keys if tenant_id.encode() in key + values.get(key, b"") or code.encode() in values.get(key, b"")
    ]
    return {where: what for where, what in found.items() if what}
