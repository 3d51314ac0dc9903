"""Compares what the service says after a crash with what clients were promised before it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from storage.cache import Cache
from storage.database import Database
from storage.files_on_disk import FilesOnDisk
from storage.fsck.check import Check, Scope
from storage.models import Base, Operation, OutboxEvent
from tests.crash.ledger import FileState, Ledger, TenantState, TrackedFile, TrackedKey, TrackedPieces, TrackedTenant
from tests.crash.service_process import Where
from tests.crash.workload import MAX_FILES, OPERATOR, TUS, form_of, piece_of

AT_A_TIME = 8
WAIT_SECONDS = 20
OUTLIVE_TENANTS = frozenset({"operations", "retired_tenant_codes"})


class Verification:
    """Everything wrong that it sees is in the ledger afterwards; what was possible is settled to what is."""

    def __init__(self, http: httpx.AsyncClient, ledger: Ledger) -> None:
        self._http = http
        self._ledger = ledger
        self._turns = asyncio.Semaphore(AT_A_TIME)

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        options["headers"] = OPERATOR | options.get("headers", {})
        async with self._turns:
            return await self._http.request(method, path, **options)

    def _expect(self, what: str, found: object, *possible: object) -> None:
        if found not in possible:
            self._ledger.wrong.append(f"{what}: {found!r} instead of {' or '.join(map(repr, possible))}")

    async def everything(self, *, swept: bool = False) -> None:
        """`swept`: whatever the crash left half done must be finished by now."""
        await asyncio.gather(*(self._tenant(tenant, swept) for tenant in self._ledger.tenants))

    async def _tenant(self, tenant: TrackedTenant, swept: bool) -> None:
        answer = await self.request("GET", f"/v1/tenants/{tenant.code}")
        found = None if answer.status_code == 404 else _tenant_state(answer.json())
        self._expect(f"tenant {tenant.code}", found, *tenant.possible)
        tenant.settle(found)
        if found is None:
            await self._deletion(tenant, swept)
            return
        tenant.id = answer.json()["id"]
        items = await self._list(tenant.code)
        stats = answer.json()["stats"]
        counted = (len(items), sum(item["file_size_bytes"] for item in items))
        self._expect(f"statistics of {tenant.code}", (stats["file_count"], stats["total_bytes"]), counted)
        if swept:
            self._expect(f"reserved bytes of {tenant.code}", stats["reserved_bytes"], 0)
        by_hash = {item["sha256"]: item for item in items}
        self._expect(f"files with other bytes in {tenant.code}", len(by_hash), len(items))
        await asyncio.gather(
            *(self._file(tenant, file, by_hash.pop(file.content.sha256, None)) for file in tenant.files)
        )
        self._expect(f"files of {tenant.code} that nobody stored", sorted(by_hash), [])
        await asyncio.gather(*(self._key(tenant, key) for key in tenant.keys))

    async def _deletion(self, tenant: TrackedTenant, swept: bool) -> None:
        if tenant.operation:
            operation = (await self.request("GET", f"/v1/operations/{tenant.operation}")).json()
            self._expect(f"deletion of {tenant.code}", operation["state"], "succeeded", *([] if swept else ["running"]))

    async def _list(self, code: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        parameters = {"limit": "200"}
        while True:
            page = (await self.request("GET", f"/v1/tenants/{code}/files", params=parameters)).json()
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            parameters["cursor"] = page["next_cursor"]

    async def _file(self, tenant: TrackedTenant, file: TrackedFile, item: dict[str, Any] | None) -> None:
        found = None if item is None else _file_state(item)
        self._expect(f"file {file.id} of {tenant.code}", found, *file.possible)
        file.settle(found)
        if item is not None:
            self._expect(f"id of the file {file.id}", item["id"], file.id or item["id"])
            file.id = item["id"]
        if file.id:
            await self._read(f"/v1/tenants/{tenant.code}/files/{file.id}", file, item)

    async def _read(self, path: str, file: TrackedFile, item: dict[str, Any] | None) -> None:
        """One way to see a file says the same as the others."""
        shown, content = await asyncio.gather(self.request("GET", path), self.request("GET", path + "/content"))
        if item is None:
            self._expect(f"{path} and its content, not listed", (shown.status_code, content.status_code), (404, 404))
        else:
            self._expect(f"{path} as it is listed", shown.json(), item)
            self._expect(f"bytes of {path}", content.content == file.content.bytes, True)

    async def _key(self, tenant: TrackedTenant, key: TrackedKey) -> None:
        used, shown = await asyncio.gather(
            self.request("GET", f"/v1/tenants/{tenant.code}", headers={"Authorization": f"Bearer {key.secret}"}),
            self.request("GET", f"/v1/tenants/{tenant.code}/api-keys/{key.id}"),
        )
        found = {(200, 200): True, (401, 404): None}.get((used.status_code, shown.status_code), False)
        self._expect(f"key {key.id}", found, *key.possible)
        key.settle(found)

    async def gone_on_with(self) -> None:
        """Uploads in pieces go on where they were acknowledged at least, or have ended."""
        await asyncio.gather(
            *(
                self._go_on(file)
                for tenant in self._ledger.tenants
                for file in tenant.files
                if isinstance(file, TrackedPieces) and file.may_go_on and tenant.state is not None
            )
        )

    async def _go_on(self, file: TrackedPieces) -> None:
        found = await self.request("HEAD", file.location, headers=TUS)
        if found.status_code == 404 and file.given_up:
            return
        if found.status_code in {404, 410} and self._ledger.time_has_passed:
            return
        self._expect(f"{file.location}", found.status_code, 200)
        if found.status_code != 200:
            return
        offset = int(found.headers["upload-offset"])
        self._expect(f"offset of {file.location} at least", max(offset, file.acknowledged), offset)
        if file.given_up:
            ended = await self.request("DELETE", file.location, headers=TUS)
            self._expect(f"end of {file.location}", ended.status_code, 204)
            return
        file.acknowledged = offset
        if "x-file-id" not in found.headers:
            found = await self.request("PATCH", file.location, **piece_of(file, file.content.size))
            self._expect(f"rest of {file.location}: {found.text}", found.status_code, 204)
        self._expect(
            f"id of {file.location}", found.headers.get("x-file-id"), file.id or found.headers.get("x-file-id")
        )
        file.settle(file.uploaded if file.state is None else file.state)

    async def sent_again(self, uploads: Sequence[tuple[TrackedTenant, TrackedFile]]) -> None:
        """Uploads whose answer was lost: now they are there once, whether they were before or not."""
        await asyncio.gather(*(self._send_again(*upload) for upload in uploads))
        await self.everything(swept=True)

    async def _send_again(self, tenant: TrackedTenant, file: TrackedFile) -> None:
        if tenant.state is None:
            return
        answer = await self.request("POST", f"/v1/tenants/{tenant.code}/files", **form_of(file))
        self._expect(f"upload again: {answer.text}", answer.status_code, 201)
        if answer.status_code == 201:
            was_there = file.state is not None
            self._expect(
                "replay of an upload", answer.headers.get("idempotency-replayed"), "true" if was_there else None
            )
            file.settle(file.uploaded)

    async def all_deleted(self) -> None:
        """Deletes every tenant; before, each stores a file, so that it is seen to work."""
        await asyncio.gather(*(self._delete(tenant) for tenant in self._ledger.tenants if tenant.state is not None))

    async def _delete(self, tenant: TrackedTenant) -> None:
        form = {"file": ("last.txt", b"the last file", "text/plain")}
        answer = await self.request("POST", f"/v1/tenants/{tenant.code}/files", files=form)
        self._expect(f"last upload: {answer.text}", answer.status_code, 201)
        wait = {"Prefer": f"wait={WAIT_SECONDS}"}
        answer = await self.request("DELETE", f"/v1/tenants/{tenant.code}", headers=wait)
        self._expect(
            f"deletion of a tenant: {answer.text}", (answer.status_code, answer.json().get("state")), (200, "succeeded")
        )
        tenant.settle(None)


def _file_state(item: dict[str, Any]) -> FileState:
    return FileState(item["file_name"], tuple(item["tags"]), item["metadata"], item["version"])


def _tenant_state(body: dict[str, Any]) -> TenantState:
    """Its number is -1 where metadata and configuration, which change together, differ."""
    number = body["metadata"]["number"]
    configured = body["configuration"]["max_files"] - MAX_FILES
    return TenantState(number if number == configured else -1, body["version"])


async def check_store(where: Where) -> list[str]:
    """What `muniment fsck` finds with hashes and without a grace time."""
    database, disk = Database(where.database_url), FilesOnDisk(where.base)
    try:
        check = Check(database, disk, Scope(timedelta(0), hashes=True))
        return [str(finding) async for finding in check.findings()]
    finally:
        await database.close()
        await disk.close()


async def check_events(where: Where, ledger: Ledger) -> list[str]:
    """Whether each change that happened has its one event, and no other has."""
    database = Database(where.database_url)
    try:
        async with database.reading_across_tenants() as session:
            query = select(OutboxEvent.tenant_code, OutboxEvent.type, OutboxEvent.data["id"].as_string(), func.count())
            found = await session.execute(query.group_by(*query.selected_columns[:3]))
        told = {(code, kind, about): number for code, kind, about, number in found}
    finally:
        await database.close()
    expected = Counter[tuple[str, str, str]]()
    for tenant in ledger.tenants:
        expected += _events_of(tenant)
    return [
        f"{told.get(event, 0)} events {event} instead of {expected[event]}"
        for event in told.keys() | expected.keys()
        if told.get(event, 0) != expected[event]
    ]


def _events_of(tenant: TrackedTenant) -> Counter[tuple[str, str, str]]:
    """By tenant, type and what they are about; a tenant that is gone takes its events with it, but the last."""
    if tenant.state is None:
        return Counter({(tenant.code, "tenant.deleted", tenant.id): 1} if tenant.id else {})
    events = Counter(
        {
            (tenant.code, "tenant.created", tenant.id): 1,
            (tenant.code, "tenant.updated", tenant.id): tenant.state.version - 1,
        }
    )
    for file in tenant.files:
        if file.id:
            events[tenant.code, "file.created", file.id] = 1
            events[tenant.code, "file.deleted", file.id] = int(file.state is None)
            events[tenant.code, "file.updated", file.id] = file.changes
    return events


async def left_of_tenants(where: Where) -> list[str]:
    """Whatever there is although every tenant was deleted."""
    database, cache = Database(where.database_url), Cache(where.redis_url, 30)
    try:
        return await _rows_left(database) + await _values_left(cache) + _bytes_left(where.base)
    finally:
        await database.close()
        await cache.close()


async def _rows_left(database: Database) -> list[str]:
    found = []
    async with database.reading_across_tenants() as session:
        for table in Base.metadata.sorted_tables:
            query = select(func.count()).select_from(table)
            if table is OutboxEvent.__table__:
                query = query.where(OutboxEvent.type != "tenant.deleted")
            if table.name not in OUTLIVE_TENANTS and (number := await session.scalar(query)):
                found.append(f"{number} rows left in {table.name}")
        unfinished = select(func.count()).where(Operation.state != "succeeded")
        if number := await session.scalar(unfinished):
            found.append(f"{number} operations have not succeeded")
    return found


async def _values_left(cache: Cache) -> list[str]:
    """Markers, which hold a version alone, end by themselves."""
    keys = [key async for key in cache._redis.scan_iter(match="*", count=1000)]
    return [f"cached: {key!r}" for key in keys if await cache.get(key) is not None]


def _bytes_left(base: Path) -> list[str]:
    own = {base / ".incoming", base / ".trash"}
    return [f"left on the volume: {path}" for path in base.rglob("*") if path not in own]
