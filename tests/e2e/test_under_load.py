"""Many clients at once, on the real cluster: every acknowledged change is there, and the numbers are exact."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.conftest import Cluster

MERGE_PATCH = "application/merge-patch+json"
CLIENTS = 100
TENANTS = 50
PATIENCE = httpx.Timeout(90)


@dataclass(slots=True)
class Acknowledged:
    """What the service has promised so far, and what it answered otherwise."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)


@pytest.fixture
async def http(cluster: Cluster) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(
        base_url=cluster.files_url, timeout=PATIENCE, limits=limits, trust_env=False
    ) as client:
        yield client


async def new_tenant(cluster: Cluster, http: httpx.AsyncClient, **configuration: Any) -> tuple[str, dict[str, str]]:
    """A tenant's code, and headers with its key."""
    code = f"load-{uuid4().hex[:16]}"
    answer = await http.post(
        "/v1/tenants",
        json={"code": code, "configuration": configuration},
        headers={"Authorization": f"Bearer {cluster.operator_key}"},
    )
    assert answer.status_code == 201, answer.text
    return code, {"Authorization": f"Bearer {answer.json()['api_key']['secret']}"}


async def life_of_a_file(
    http: httpx.AsyncClient, code: str, headers: dict[str, str], number: int, seen: Acknowledged
) -> None:
    """Upload, change the metadata, and delete every third file; retries what was answered with 503."""
    content = f"file {number} of {code}\n".encode() * (number + 1)
    path = f"/v1/tenants/{code}/files"
    form = {"file": (f"{number}.txt", content, "text/plain")}
    key = {"Idempotency-Key": uuid4().hex}
    answer = await patiently(seen, lambda: http.post(path, files=form, headers=headers | key))
    if answer.status_code != 201:
        return
    file = answer.json()
    seen.files[file["id"]] = file
    answer = await patiently(
        seen,
        lambda: http.patch(
            f"{path}/{file['id']}",
            json={"metadata": {"number": number}},
            headers=headers | {"Content-Type": MERGE_PATCH, "If-Match": '"m1"'},
        ),
    )
    if answer.status_code == 200:
        seen.files[file["id"]] = answer.json()
    if number % 3 == 0:
        answer = await patiently(seen, lambda: http.delete(f"{path}/{file['id']}", headers=headers))
        if answer.status_code == 204:
            seen.deleted.add(file["id"])


async def patiently(seen: Acknowledged, send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """The first answer that is no 503; each 503 must say when to come again."""
    while True:
        answer = await send()
        if answer.status_code >= 400:
            seen.refused[answer.status_code] += 1
        if answer.status_code != 503:
            return answer
        await asyncio.sleep(float(answer.headers["retry-after"]) / 4)


async def everything_is_there(http: httpx.AsyncClient, code: str, headers: dict[str, str], seen: Acknowledged) -> None:
    kept = {file_id: file for file_id, file in seen.files.items() if file_id not in seen.deleted}
    listed: dict[str, dict[str, Any]] = {}
    cursor: dict[str, str] = {}
    while True:
        answer = await http.get(f"/v1/tenants/{code}/files", params={"limit": 200, **cursor}, headers=headers)
        page = answer.json()
        listed |= {file["id"]: file for file in page["items"]}
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert listed == kept
    stats = (await http.get(f"/v1/tenants/{code}", headers=headers)).json()["stats"]
    assert stats["file_count"] == len(kept)
    assert stats["total_bytes"] == sum(file["file_size_bytes"] for file in kept.values())
    assert stats["reserved_bytes"] == 0


async def test_a_hundred_clients_on_one_tenant(cluster: Cluster, http: httpx.AsyncClient) -> None:
    code, headers = await new_tenant(cluster, http)
    seen = Acknowledged()
    await asyncio.gather(*(life_of_a_file(http, code, headers, number, seen) for number in range(CLIENTS)))
    assert seen.refused == {}
    assert len(seen.files) == CLIENTS
    await everything_is_there(http, code, headers, seen)


async def test_a_hundred_clients_over_fifty_tenants(cluster: Cluster, http: httpx.AsyncClient) -> None:
    tenants = [await new_tenant(cluster, http) for _ in range(TENANTS)]
    seen = [Acknowledged() for _ in tenants]
    await asyncio.gather(
        *(life_of_a_file(http, *tenants[number % TENANTS], number, seen[number % TENANTS]) for number in range(CLIENTS))
    )
    for (code, headers), acknowledged in zip(tenants, seen, strict=True):
        assert acknowledged.refused == {}
        await everything_is_there(http, code, headers, acknowledged)


async def test_a_tenant_deleted_under_load_leaves_nothing(cluster: Cluster, http: httpx.AsyncClient) -> None:
    code, headers = await new_tenant(cluster, http)
    seen = Acknowledged()
    half = asyncio.Event()

    async def watched(number: int) -> None:
        await life_of_a_file(http, code, headers, number, seen)
        if number == CLIENTS // 2:
            half.set()

    async def delete() -> httpx.Response:
        await half.wait()
        return await http.delete(
            f"/v1/tenants/{code}",
            headers={"Authorization": f"Bearer {cluster.operator_key}", "Prefer": "wait=60"},
        )

    deletion = asyncio.create_task(delete())
    await asyncio.gather(*(watched(number) for number in range(CLIENTS)))
    answer = await deletion
    assert answer.status_code == 200
    assert answer.json()["state"] == "succeeded"
    assert answer.json()["result"]["rows_left"] == 0
    assert answer.json()["result"]["bytes_left"] == 0
    # Its key is gone with it; a change that was on its way found no tenant.
    assert set(seen.refused) <= {401, 404}
    assert not (cluster.storage_base_path / code).exists()
    assert (await http.get(f"/v1/tenants/{code}", headers=headers)).status_code == 401
    operator = {"Authorization": f"Bearer {cluster.operator_key}"}
    assert (await http.get(f"/v1/tenants/{code}", headers=operator)).status_code == 404
    again = await http.post("/v1/tenants", json={"code": code}, headers=operator)
    assert (again.status_code, again.json()["code"]) == (409, "tenant-code-retired")


async def test_killed_tenant_hosts_lose_nothing_acknowledged(cluster: Cluster, http: httpx.AsyncClient) -> None:
    tenants = [await new_tenant(cluster, http) for _ in range(8)]
    seen = [Acknowledged() for _ in tenants]
    some = asyncio.Event()

    async def watched(number: int) -> None:
        index = number % len(tenants)
        await life_of_a_file(http, *tenants[index], number, seen[index])
        if number == CLIENTS // 4:
            some.set()

    async def kill_hosts() -> int:
        await some.wait()
        hosts = await asyncio.to_thread(cluster.process_ids, "tenant-host")
        for process_id in hosts:
            os.kill(process_id, signal.SIGKILL)
        return len(hosts)

    killing = asyncio.create_task(kill_hosts())
    await asyncio.gather(*(watched(number) for number in range(CLIENTS)))
    killed = await killing
    assert killed > 0
    for (code, headers), acknowledged in zip(tenants, seen, strict=True):
        assert set(acknowledged.refused) <= {503}
        await everything_is_there(http, code, headers, acknowledged)


async def test_a_dedicated_tenant_has_a_process_of_its_own(cluster: Cluster, http: httpx.AsyncClient) -> None:
    for _ in range(8):  # so that every pooled host is there
        await life_of_a_file(http, *await new_tenant(cluster, http), 1, Acknowledged())
    code, headers = await new_tenant(cluster, http, isolation="dedicated")
    before = set(await asyncio.to_thread(cluster.process_ids, "tenant-host"))
    seen = Acknowledged()
    await life_of_a_file(http, code, headers, 1, seen)
    after = set(await asyncio.to_thread(cluster.process_ids, "tenant-host"))
    assert len(after - before) == 1
    await everything_is_there(http, code, headers, seen)
