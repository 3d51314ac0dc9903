"""Many clients at once: every acknowledged change is there, nobody sees a defect, and the numbers are exact."""

import asyncio
import hashlib
import random
from collections import Counter
from typing import Any

import httpx

from tests.file_service import FileService, SampleTenant, left_of


class Client:
    """Uploads a file, changes it, and deletes every third; remembers what it was told."""

    def __init__(self, tenant: SampleTenant, number: int) -> None:
        self.tenant, self.number = tenant, number
        self.content = b"%d " % number * (number % 50 + 1)
        self.file: dict[str, Any] | None = None
        self.answers: list[httpx.Response] = []

    async def run(self) -> None:
        upload = await self._noted(self.tenant.upload(self.content, f"{self.number}.txt"))
        if upload.status_code != 201:
            return
        self.file = upload.json()
        path = f"/files/{upload.json()['id']}"
        patch = await self._noted(self.tenant.patch(path, {"metadata": {"n": self.number}}, upload.headers["etag"]))
        if patch.status_code == 200:
            self.file = patch.json()
            # Whoever was told of a change sees it.
            seen = await self._noted(self.tenant.request("GET", path))
            assert seen.status_code in {401, 404} or seen.json()["version"] == 2
        if self.number % 3 == 0:
            deletion = await self._noted(self.tenant.request("DELETE", path))
            if deletion.status_code == 204:
                self.file = None
                assert (await self._noted(self.tenant.request("GET", path))).status_code in {401, 404}

    async def _noted(self, call: Any) -> httpx.Response:
        answer: httpx.Response = await call
        self.answers.append(answer)
        return answer


def statuses(clients: list[Client]) -> Counter[int]:
    return Counter(answer.status_code for client in clients for answer in client.answers)


async def check(tenant: SampleTenant, clients: list[Client]) -> None:
    """What is stored is what the clients were told, byte by byte."""
    kept = {client.file["id"]: client for client in clients if client.file is not None}
    stats = await tenant.stats()
    assert stats["file_count"] == len(kept)
    assert stats["total_bytes"] == sum(len(client.content) for client in kept.values())
    assert stats["reserved_bytes"] == 0
    assert sum(kind["file_count"] for kind in stats["by_media_type"].values()) == len(kept)
    listed = (await tenant.request("GET", "/files?limit=200")).json()["items"]
    assert {item["id"]: item for item in listed} == {file_id: client.file for file_id, client in kept.items()}
    base = tenant.service.services.disk.base
    on_disk = {path.name.partition(".")[0]: path for path in (base / tenant.code).rglob("*") if path.is_file()}
    assert on_disk.keys() == kept.keys()
    for file_id, client in kept.items():
        assert client.file is not None
        assert client.file["metadata"] == {"n": client.number}
        assert hashlib.sha256(on_disk[file_id].read_bytes()).hexdigest() == client.file["sha256"]
    assert not list((base / ".incoming" / tenant.code).iterdir())


async def test_a_hundred_clients_of_one_tenant(tenant: SampleTenant) -> None:
    clients = [Client(tenant, number) for number in range(100)]
    await asyncio.gather(*(client.run() for client in clients))
    assert statuses(clients) == {201: 100, 200: 200, 204: 34, 404: 34}
    await check(tenant, clients)


async def test_a_hundred_clients_of_fifty_tenants(service: FileService) -> None:
    tenants = [await service.tenant() for _ in range(50)]
    clients = [Client(tenants[number % 50], number) for number in range(100)]
    await asyncio.gather(*(client.run() for client in clients))
    assert statuses(clients) == {201: 100, 200: 200, 204: 34, 404: 34}
    for tenant in tenants:
        await check(tenant, [client for client in clients if client.tenant is tenant])


async def test_every_endpoint_at_once_on_a_few_files(service: FileService, tenant: SampleTenant) -> None:
    """All calls on the same files and the same tenant, in an order that differs on every run of the loop."""
    files = [await tenant.stored(b"%d" % number) for number in range(5)]
    ids = [file["id"] for file in files]
    calls: list[Any] = []
    for file_id in ids * 4:
        path = f"/files/{file_id}"
        calls += [
            tenant.request("GET", path),
            tenant.request("HEAD", path),
            tenant.request("GET", f"{path}/content"),
            tenant.request("GET", f"{path}/content", headers={"Range": "bytes=0-0"}),
            tenant.patch(path, {"tags": ["x"]}, "*"),
            tenant.patch(path, {"tags": ["y"]}, '"m1"'),
            tenant.request("DELETE", path),
            tenant.request("POST", "/files:batch-get", json={"ids": ids}),
            tenant.request("POST", "/files:batch-delete", json={"ids": [file_id]}),
            tenant.request("GET", "/files?sort=-file_size_bytes"),
            tenant.request("GET", ""),
            tenant.patch("", {"metadata": {file_id: 1}}, "*"),
            tenant.request("POST", "/api-keys", json={"scopes": ["files:read"]}),
            tenant.request("GET", "/api-keys"),
            tenant.upload(b"more"),
            service.http.get("/v1/tenants"),
            service.http.get("/healthz/ready"),
        ]
    random.Random(7).shuffle(calls)  # noqa: S311 - an order, no secret
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} <= {200, 201, 204, 206, 404, 412}
    stats = await tenant.stats()
    assert (stats["file_count"], stats["total_bytes"], stats["reserved_bytes"]) == (20, 80, 0)


async def test_a_hundred_clients_of_a_tenant_that_is_deleted_in_the_middle(
    service: FileService, tenant: SampleTenant
) -> None:
    tenant_id = (await tenant.request("GET", "")).json()["id"]
    clients = [Client(tenant, number) for number in range(100)]
    enough = asyncio.Event()

    async def run(client: Client) -> None:
        await client.run()
        if sum(1 for other in clients if other.answers) > 30:
            enough.set()

    async def delete() -> httpx.Response:
        await enough.wait()
        return await service.http.delete(tenant.path, headers={"Prefer": "wait=60"})

    deletion, _ = await asyncio.gather(delete(), asyncio.gather(*map(run, clients)))
    assert deletion.status_code == 200, deletion.text
    operation = deletion.json()
    assert operation["state"] == "succeeded"
    assert (operation["result"]["rows_left"], operation["result"]["bytes_left"]) == (0, 0)
    assert statuses(clients).keys() <= {200, 201, 204, 401, 404, 412}
    assert await left_of(service, tenant_id, tenant.code) == {}
    assert (await service.http.get(tenant.path)).status_code == 404
    assert (await tenant.request("GET", "")).status_code == 401


async def test_many_tenants_deleted_under_load(service: FileService) -> None:
    tenants = [await service.tenant() for _ in range(20)]
    ids = [(await tenant.request("GET", "")).json()["id"] for tenant in tenants]
    clients = [Client(tenants[number % 20], number) for number in range(60)]

    async def delete(tenant: SampleTenant) -> httpx.Response:
        return await service.http.delete(tenant.path, headers={"Prefer": "wait=60"})

    work = [client.run() for client in clients] + [delete(tenant) for tenant in tenants[:10]]
    answers = await asyncio.gather(*work)
    assert [answer.json()["state"] for answer in answers[60:] if answer is not None] == ["succeeded"] * 10
    assert max(statuses(clients)) < 500
    for tenant_id, tenant in zip(ids[:10], tenants[:10], strict=True):
        assert await left_of(service, tenant_id, tenant.code) == {}
    for tenant in tenants[10:]:
        await check(tenant, [client for client in clients if client.tenant is tenant])


async def test_clients_at_a_quota_of_bytes_never_get_more_and_never_less(service: FileService) -> None:
    """Fifty uploads of ten bytes, room for thirty-three of them, and what is deleted makes room again."""
    tenant = await service.tenant(max_total_bytes=335)
    answers = await asyncio.gather(*(_raw(tenant, b"0123456789", number) for number in range(50)))
    assert Counter(answer.status_code for answer in answers) == {201: 33, 507: 17}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 507} == {"quota-exceeded"}
    stats = await tenant.stats()
    assert (stats["total_bytes"], stats["reserved_bytes"]) == (330, 0)
    assert (await _raw(tenant, b"12345", 51)).status_code == 201
    stored = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    await asyncio.gather(*(tenant.request("DELETE", f"/files/{file_id}") for file_id in stored[:10]))
    answers = await asyncio.gather(*(_raw(tenant, b"0123456789", number) for number in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert (await _raw(tenant, b"1", 1)).status_code == 507


async def test_clients_at_a_quota_of_files_never_get_more_and_never_less(service: FileService) -> None:
    tenant = await service.tenant(max_files=20)
    answers = await asyncio.gather(*(tenant.upload(b"%d" % number) for number in range(50)))
    assert Counter(answer.status_code for answer in answers) == {201: 20, 507: 30}
    assert (await tenant.stats())["file_count"] == 20
    assert len(tenant.files_on_disk()) == 20


async def test_uploads_whose_size_nobody_knows_stay_within_the_quota(service: FileService) -> None:
    """Forms say little of their file's size: nothing is reserved, and the last check decides."""
    tenant = await service.tenant(max_total_bytes=95)
    answers = await asyncio.gather(*(tenant.upload(b"0123456789") for _ in range(30)))
    assert Counter(answer.status_code for answer in answers) == {201: 9, 507: 21}
    stats = await tenant.stats()
    assert (stats["total_bytes"], stats["reserved_bytes"]) == (90, 0)
    assert len(tenant.files_on_disk()) == 9


async def _raw(tenant: SampleTenant, content: bytes, number: int) -> httpx.Response:
    headers = {"Content-Disposition": f"attachment; filename={number}.txt", "Content-Type": "text/plain"}
    return await tenant.request("POST", "/files", content=content, headers=headers)
