"""Suspended tenants: read, not changed, until the operator lets them go on. `tests/route_rules.py` has every route."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.tenant_changes import Change, SetTenantStatus
from storage.cache import Versioned
from storage.cache_keys import tenant_key
from storage.records import TenantRecord
from storage.small_files import SMALL_BYTES
from tests.file_service import FileService, SampleTenant

TEXT = {"Content-Disposition": "attachment; filename=a.txt", "Content-Type": "text/plain"}


async def set_status(tenant: SampleTenant, verb: str) -> dict[str, Any]:
    answer = await tenant.service.http.post(f"{tenant.path}:{verb}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == (await tenant.request("GET", "")).headers["etag"]
    return found


async def test_a_tenant_is_suspended_and_goes_on(service: FileService, tenant: SampleTenant) -> None:
    file = await tenant.stored()
    suspended = await set_status(tenant, "suspend")
    assert (suspended["status"], suspended["version"], suspended["stats"]["file_count"]) == ("suspended", 2, 1)
    assert (await tenant.request("GET", "")).json() == suspended
    assert (await tenant.request("GET", f"/files/{file['id']}/content")).content == b"some text"
    refused = await tenant.upload()
    assert (refused.status_code, refused.json()["code"]) == (403, "tenant-suspended")

    resumed = await set_status(tenant, "resume")
    assert (resumed["status"], resumed["version"]) == ("active", 3)
    assert (await tenant.upload()).status_code == 201
    listed = (await service.http.get("/v1/tenants", params={"limit": 200})).json()["items"]
    assert {item["status"] for item in listed if item["code"] == tenant.code} <= {"active"}


@pytest.mark.parametrize(("verb", "version"), [("suspend", 2), ("resume", 1)])
async def test_what_is_so_already_stays_as_it_is(tenant: SampleTenant, verb: str, version: int) -> None:
    answers = [await set_status(tenant, verb) for _ in range(3)]
    assert [answer["version"] for answer in answers] == [version] * 3


async def test_a_suspension_whose_answer_was_lost_is_one_change(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host dies after its commit, the tenant is resumed by somebody else, and the call is sent again."""
    original = service.services.tenants.call

    async def answered_by_the_second(record: TenantRecord, change: Change[Any]) -> Any:
        if isinstance(change, SetTenantStatus) and change.status == "suspended":
            await original(record, change)
            await set_status(tenant, "resume")
        return await original(record, change)

    monkeypatch.setattr(service.services.tenants, "call", answered_by_the_second)
    assert (await service.http.post(f"{tenant.path}:suspend")).json()["status"] == "suspended"
    assert (await tenant.request("GET", "")).json()["status"] == "active"


async def test_the_operator_administers_a_suspended_tenant_but_stores_nothing_in_it(
    service: FileService, tenant: SampleTenant
) -> None:
    file = await tenant.stored()
    await set_status(tenant, "suspend")
    http = service.http
    patch = {"headers": {"If-Match": "*", "Content-Type": "application/merge-patch+json"}}
    assert (await http.patch(tenant.path, json={"configuration": {"max_files": 5}}, **patch)).status_code == 200  # type: ignore[arg-type]
    key = await http.post(f"{tenant.path}/api-keys", json={"scopes": ["files:read"]})
    assert key.status_code == 201
    assert (await http.delete(f"{tenant.path}/api-keys/{key.json()['id']}")).status_code == 204
    for refused in (
        await http.post(f"{tenant.path}/files", files={"file": ("a.txt", b"x", "text/plain")}),
        await http.patch(f"{tenant.path}/files/{file['id']}", json={"tags": []}, **patch),  # type: ignore[arg-type]
        await http.delete(f"{tenant.path}/files/{file['id']}"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "tenant-suspended")
    deletion = await http.delete(tenant.path, headers={"Prefer": "wait=60"})
    assert deletion.json()["state"] == "succeeded"


LARGE = b"x" * (SMALL_BYTES + 1)


async def test_an_upload_that_was_admitted_ends(tenant: SampleTenant) -> None:
    """The race: the tenant is suspended while bytes come, of a file that has its row already."""
    begun, suspended = asyncio.Event(), asyncio.Event()

    async def content() -> AsyncIterator[bytes]:
        yield LARGE
        begun.set()
        await suspended.wait()
        yield b"the rest"

    upload = asyncio.create_task(tenant.request("POST", "/files", content=content(), headers=TEXT))
    await begun.wait()
    await set_status(tenant, "suspend")
    suspended.set()
    answer = await upload
    assert answer.status_code == 201
    assert (await tenant.request("GET", f"/files/{answer.json()['id']}/content")).content == LARGE + b"the rest"


async def test_a_replica_that_has_not_heard_of_the_suspension_changes_nothing(
    service: FileService, tenant: SampleTenant
) -> None:
    """The cache still tells of the active tenant: the change itself is refused where it would be written."""
    file = await tenant.stored()
    cached = await service.services.cache.get(tenant_key(tenant.code))
    assert cached is not None
    await set_status(tenant, "suspend")
    await service.services.cache.put(tenant_key(tenant.code), Versioned(1000, cached))
    key = (await tenant.request("GET", "/api-keys")).json()["items"][0]["id"]
    for refused in (
        await tenant.upload(),
        await tenant.patch(f"/files/{file['id']}", {"tags": []}, "*"),
        await tenant.request("DELETE", f"/files/{file['id']}"),
        await tenant.patch("", {"metadata": {"a": 1}}, "*"),
        await tenant.request("POST", "/api-keys", json={"scopes": ["files:read"]}),
        await tenant.request("DELETE", f"/api-keys/{key}"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "tenant-suspended")
    several = await tenant.request("POST", "/files:batch-delete", json={"ids": [file["id"]]})
    assert several.json()["items"] == [{"id": file["id"], "status": 403}]


async def test_of_a_suspension_and_a_deletion_at_once_nothing_is_left(
    service: FileService, tenant: SampleTenant
) -> None:
    answers = await asyncio.gather(
        *(service.http.post(f"{tenant.path}:{verb}") for verb in ("suspend", "resume") * 5),
        service.http.delete(tenant.path, headers={"Prefer": "wait=60"}),
    )
    assert {answer.status_code for answer in answers} <= {200, 404}
    assert (await service.http.post(f"{tenant.path}:resume")).status_code == 404
