"""Rate limits as a tenant meets them: what is refused, what the answers say, and that nothing stays of the refused."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from serve_apps.files import metered_body
from storage import shared_rate_windows
from storage.rate_windows import Limit
from tests.file_service import OPERATOR_KEY, FileService, SampleTenant, file_service
from tests.integration.extraction_service import running_service
from tests.passing_time import Clock, pass_time
from tests.resumable_client import begin, begun

RAW = {"Content-Disposition": "attachment; filename=a.bin", "Content-Type": "application/octet-stream"}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy with other things Redis seems to be away."""
    monkeypatch.setattr(shared_rate_windows, "ANSWER_SECONDS", 60)


TimePasses = Callable[[UUID, Limit, int], Awaitable[None]]


@pytest.fixture
def time_passes(service: FileService, monkeypatch: pytest.MonkeyPatch) -> TimePasses:
    monkeypatch.setattr(service.services.rate_limiter, "_clock", Clock())
    return partial(pass_time, service.services.rate_limiter)


async def limited(service: FileService, **rate_limit: int) -> SampleTenant:
    return await service.tenant(rate_limit=rate_limit)


async def as_operator(tenant: SampleTenant, path: str = "") -> Any:
    """What the operator, whom no limit holds up, sees of the tenant."""
    answer = await tenant.service.http.get(tenant.path + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def nothing_left(tenant: SampleTenant) -> bool:
    stats = (await as_operator(tenant))["stats"]
    counted = (stats["file_count"], stats["total_bytes"], stats["reserved_bytes"])
    return counted == (0, 0, 0) and tenant.files_on_disk() == []


async def raw(tenant: SampleTenant, content: bytes, **headers: str) -> httpx.Response:
    return await tenant.request("POST", "/files", content=content, headers=RAW | headers)


async def pieces(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_requests_over_the_limit_are_refused_and_told_when_to_come_back(service: FileService) -> None:
    tenant = await limited(service, requests_per_minute=3)
    answers = [await tenant.request("GET", "/files") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"requests";q=3;w=60'}
    left = [re.fullmatch(r'"requests";r=(\d);t=(\d+)', answer.headers["ratelimit"]) for answer in answers]
    assert [found and found[1] for found in left] == ["2", "1", "0", "0"]
    refused = answers[3].json()
    assert (refused["code"], refused["policy"], refused["status"]) == ("rate-limited", "requests", 429)
    assert 55 <= int(answers[3].headers["retry-after"]) <= 61
    assert left[3] is not None
    assert left[3][2] == answers[3].headers["retry-after"]
    assert answers[3].headers["content-type"] == "application/problem+json"


async def test_a_tenant_comes_back_when_it_was_told_to(service: FileService, time_passes: TimePasses) -> None:
    tenant = await limited(service, requests_per_minute=2)
    limit, tenant_id = Limit("requests", 2), UUID((await as_operator(tenant))["id"])
    statuses = [(await tenant.request("GET", "")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    await time_passes(tenant_id, limit, 61)
    assert (await tenant.request("GET", "")).status_code == 200


async def test_two_replicas_together_admit_exactly_the_limit(
    service: FileService, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    tenant = await limited(service, requests_per_minute=25)
    async with file_service(tmp_path, database_url, redis_url) as second:
        replicas = [tenant, SampleTenant(second, tenant.code, tenant.key)]
        answers = await asyncio.gather(*(replicas[i % 2].request("GET", "/files") for i in range(80)))
    assert sorted(answer.status_code for answer in answers) == [200] * 25 + [429] * 55


async def test_both_services_count_together_and_however_they_are_reached(
    service: FileService, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    tenant = await limited(service, requests_per_minute=3)
    async with running_service(tmp_path, database_url, redis_url) as extraction:
        jobs = f"{tenant.path}/extractions"
        answers = [
            await tenant.request("GET", "/files"),
            await through_the_gateway(service.app, "/files", f"{tenant.path}/files", tenant.headers),
            await extraction.client.get(jobs, headers=tenant.headers),
            await through_the_gateway(extraction.app, "/extraction", jobs, tenant.headers),
            await tenant.request("GET", "/files"),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit"][: len('"requests";r=0')] for answer in answers] == [
        f'"requests";r={left}' for left in (2, 1, 0, 0, 0)
    ]


async def through_the_gateway(app: FastAPI, prefix: str, path: str, headers: dict[str, str]) -> httpx.Response:
    """As Serve hands it on: with the route's prefix as the root path."""
    transport = httpx.ASGITransport(app, root_path=prefix)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.get(f"{prefix}{path}", headers=headers)


async def test_a_stranger_is_told_so_before_anything_is_counted(service: FileService) -> None:
    tenant, other = await limited(service, requests_per_minute=1), await service.tenant()
    for headers, status in (
        ({"Authorization": "Bearer nonsense"}, 401),
        (other.headers, 404),
    ):
        for _ in range(3):
            answer = await service.http.get(f"{tenant.path}/files", headers=headers)
            assert answer.status_code == status
            assert "ratelimit" not in answer.headers
    key = await service.http.post(f"{tenant.path}/api-keys", json={"scopes": ["files:read"]})
    reader = {"Authorization": f"Bearer {key.json()['secret']}"}
    assert (await service.http.delete(f"{tenant.path}/files/x", headers=reader)).status_code == 403
    assert (await tenant.request("GET", "/files")).status_code == 200
    # Who may not do it learns that although the limit is used up.
    assert (await service.http.delete(f"{tenant.path}/files/x", headers=reader)).status_code == 403
    assert (await service.http.get(f"{tenant.path}/files", headers=reader)).status_code == 429


async def test_the_operator_is_not_limited(service: FileService) -> None:
    tenant = await limited(service, requests_per_minute=1, upload_bytes_per_minute=1)
    operator = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    answers = [await raw(tenant, b"many bytes", **operator) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert "ratelimit" not in answers[0].headers
    assert (await tenant.request("GET", "")).status_code == 200


async def test_a_tenant_without_limits_costs_no_call(service: FileService, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = await service.tenant()
    monkeypatch.setattr(service.services.rate_limiter, "take", None)
    answer = await tenant.upload()
    assert (answer.status_code, "ratelimit-policy" in answer.headers) == (201, False)
    assert (await tenant.request("GET", f"/files/{answer.json()['id']}/content")).status_code == 200


async def test_a_limit_that_is_set_or_raised_holds_from_the_next_request(service: FileService) -> None:
    tenant = await service.tenant()
    for allowed in (1, 2, 3):
        found = await service.http.get(tenant.path)
        patch = {"configuration": {"rate_limit": {"requests_per_minute": allowed}}}
        headers = {"If-Match": found.headers["etag"], "Content-Type": "application/merge-patch+json"}
        assert (await service.http.patch(tenant.path, json=patch, headers=headers)).status_code == 200
        statuses = [(await tenant.request("GET", "")).status_code for _ in range(allowed + 1)]
        assert statuses == [200] * allowed + [429]


async def test_bytes_are_refused_by_their_announced_length_before_one_is_read(service: FileService) -> None:
    tenant = await limited(service, upload_bytes_per_minute=1000)
    assert (await raw(tenant, b"x" * 600)).status_code == 201
    read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"x" * 600

    refused = await tenant.request("POST", "/files", content=body(), headers=RAW | {"Content-Length": "600"})
    assert (refused.status_code, refused.json()["policy"], read) == (429, "upload-bytes", False)
    assert refused.headers["ratelimit-policy"] == '"upload-bytes";q=1000;qu="content-bytes";w=60'
    assert refused.headers["ratelimit"].startswith('"upload-bytes";r=400;t=')
    assert (await raw(tenant, b"x" * 400)).headers["ratelimit"].startswith('"upload-bytes";r=0;t=')
    assert (await as_operator(tenant))["stats"] | {"total_bytes": 1000, "reserved_bytes": 0, "file_count": 2} == (
        await as_operator(tenant)
    )["stats"]


async def test_a_form_costs_its_bytes_too(service: FileService) -> None:
    tenant = await limited(service, upload_bytes_per_minute=1000)
    assert (await tenant.upload(b"x" * 700, "a.bin", "application/octet-stream")).status_code == 201
    refused = await tenant.upload(b"x" * 700, "a.bin", "application/octet-stream")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    assert (await as_operator(tenant))["stats"]["file_count"] == 1


async def test_bytes_of_unknown_length_are_refused_in_the_middle_and_nothing_stays(
    service: FileService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metered_body, "COUNTED_BYTES", 1000)
    tenant = await limited(service, upload_bytes_per_minute=5000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 700
            yield b"x" * 700

    answer = await tenant.request("POST", "/files", content=endless(), headers=RAW)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate-limited")
    assert sent <= 5000 + 2 * 700
    assert await nothing_left(tenant)


async def test_bytes_of_unknown_length_within_the_limit_are_kept(
    service: FileService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metered_body, "COUNTED_BYTES", 1000)
    tenant = await limited(service, upload_bytes_per_minute=5000)
    for size, left in ((700, 1500), (500, 0)):
        answer = await tenant.request("POST", "/files", content=pieces(size, 5 if size == 700 else 3), headers=RAW)
        assert (answer.status_code, f";r={left};" in answer.headers["ratelimit"]) == (201, True)
    # The last piece decides, too.
    assert (await tenant.request("POST", "/files", content=pieces(1, 1), headers=RAW)).status_code == 429
    assert (await tenant.request("POST", "/files", content=pieces(0, 1), headers=RAW)).status_code == 201
    assert (await as_operator(tenant))["stats"]["total_bytes"] == 5000


async def test_a_file_larger_than_the_limit_is_admitted_alone_and_paid_for_afterwards(
    service: FileService, time_passes: TimePasses
) -> None:
    tenant = await limited(service, upload_bytes_per_minute=1000)
    limit, tenant_id = Limit("upload-bytes", 1000), UUID((await as_operator(tenant))["id"])
    assert (await raw(tenant, b"x")).status_code == 201
    assert (await raw(tenant, b"x" * 3000)).status_code == 429
    await time_passes(tenant_id, limit, 61)
    # In pieces, so that it is counted as it comes.
    headers = RAW | {"Content-Length": "3000"}
    answer = await tenant.request("POST", "/files", content=pieces(600, 5), headers=headers)
    assert (answer.status_code, answer.json()["file_size_bytes"]) == (201, 3000)
    await time_passes(tenant_id, limit, 170)
    refused = await raw(tenant, b"x")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 11
    await time_passes(tenant_id, limit, 11)
    assert (await raw(tenant, b"x" * 1000)).status_code == 201


async def test_bytes_that_were_announced_and_did_not_come_cost_nothing(service: FileService) -> None:
    tenant = await limited(service, upload_bytes_per_minute=1000)
    messages: list[Message] = [
        {"type": "http.request", "body": b"x" * 100, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        raise AssertionError(f"nobody is there to read {message}")

    headers = RAW | tenant.headers | {"Content-Length": "900"}
    raw_headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": f"{tenant.path}/files", "query_string": b""}
    await service.app(scope | {"headers": raw_headers, "app": service.app}, receive, send)
    assert (await tenant.request("GET", "")).headers["ratelimit"].startswith('"upload-bytes";r=900;t=')
    assert await nothing_left(tenant)


async def test_pieces_of_a_resumable_upload_cost_bytes_and_no_requests(
    service: FileService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metered_body, "COUNTED_BYTES", 100)
    tenant = await limited(service, requests_per_minute=1, upload_bytes_per_minute=1000)
    upload = await begun(tenant, 2000)
    for offset in (0, 300, 600):
        assert (await upload.send(b"x" * 300, offset)).status_code == 204
        assert await upload.offset() == offset + 300
    refused = await upload.send(b"x" * 300, 900)
    assert (refused.status_code, refused.json()["policy"]) == (429, "upload-bytes")
    assert await upload.offset() == 900
    # Of what comes without a length nothing is kept that has not been counted.
    assert (await upload.send(pieces(80, 5), 900)).status_code == 429
    assert await upload.offset() == 900
    assert (await upload.send(pieces(50, 3), 900)).status_code == 429
    assert await upload.offset() == 1000
    assert (await begin(tenant, Upload_Length="1")).json()["policy"] == "requests"


async def test_an_upload_that_its_head_refuses_costs_a_request_and_no_bytes(service: FileService) -> None:
    tenant = await service.tenant(
        denied_extensions=[".exe"], rate_limit={"requests_per_minute": 5, "upload_bytes_per_minute": 1000}
    )
    answer = await raw(tenant, b"x" * 900, **{"Content-Disposition": "attachment; filename=a.exe"})
    assert answer.status_code == 415
    assert answer.headers["ratelimit-policy"] == '"requests";q=5;w=60, "upload-bytes";q=1000;qu="content-bytes";w=60'
    assert re.fullmatch(r'"requests";r=4;t=\d+, "upload-bytes";r=1000', answer.headers["ratelimit"])


async def test_a_deleted_tenants_windows_go_with_it(service: FileService) -> None:
    tenant = await limited(service, requests_per_minute=5)
    await tenant.request("GET", "")
    tenant_id = (await as_operator(tenant))["id"]
    redis = service.services.rate_limiter._shared._link.client
    assert await redis.keys(f"*{tenant_id}*")
    answer = await service.http.delete(tenant.path, headers={"Prefer": "wait=30"})
    assert answer.json()["state"] == "succeeded"
    assert await redis.keys(f"*{tenant_id}*") == []
