"""Webhooks as tenants make, see and remove them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from storage.webhook_crud import MAX_WEBHOOKS
from storage.webhook_secrets import WebhookSecrets, signing_key
from tests.file_service import PEPPER, FileService, SampleTenant, file_service, left_of
from tests.webhook_rows import deliveries, made, waiting

URL = "https://receiver.invalid/hook"


async def test_a_webhook_is_shown_with_its_secret_once(tenant: SampleTenant) -> None:
    body = {"url": URL, "name": "billing", "event_types": ["file.created", "file.created"]}
    answer = await tenant.request("POST", "/webhooks", json=body)
    webhook = answer.json()
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{tenant.path}/webhooks/{webhook['id']}"
    assert answer.headers["cache-control"] == "no-store"
    secret = webhook.pop("secret")
    assert len(signing_key(secret)) == 32
    assert webhook == {
        "id": webhook["id"],
        "url": URL,
        "name": "billing",
        "event_types": ["file.created"],
        "time_created": webhook["time_created"],
        "time_last_delivered": None,
    }
    shown, listed = [await tenant.request("GET", path) for path in (f"/webhooks/{webhook['id']}", "/webhooks")]
    assert shown.json() == webhook
    assert listed.json() == {"items": [webhook], "next_cursor": None}


async def test_the_database_alone_does_not_give_the_secret_away(service: FileService, tenant: SampleTenant) -> None:
    webhook = await made(tenant, URL)
    async with service.services.database.reading_across_tenants() as session:
        where = "FROM webhooks WHERE id = :id"
        row = await session.scalar(text(f"SELECT webhooks::text {where}"), {"id": webhook["id"]})
        kept = await session.execute(text(f"SELECT tenant_id, secret {where}"), {"id": webhook["id"]})
        tenant_id, encrypted = kept.one()
    secret = webhook["secret"]
    for spelled in (secret, secret.encode().hex(), signing_key(secret).hex()):
        assert spelled not in row
    assert WebhookSecrets(PEPPER).decrypt(tenant_id, encrypted) == secret


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": 1}, "/url"),
        ({"url": "ftp://receiver.invalid/"}, "/url"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "https://[::1]/"}, "/url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "/url"),
        ({"url": URL, "name": "a\0b"}, "/name"),
        ({"url": URL, "name": "a" * 201}, "/name"),
        ({"url": URL, "event_types": ["tenant.deleted"]}, "/event_types/0"),
        ({"url": URL, "secret": "whsec_mine"}, "/secret"),
    ],
)
async def test_what_is_no_webhook_is_refused(tenant: SampleTenant, body: dict[str, Any], pointer: str) -> None:
    answer = await tenant.request("POST", "/webhooks", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await tenant.request("GET", "/webhooks")).json()["items"] == []


@pytest.fixture
async def public(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[FileService]:
    """As it is where nobody set anything."""
    async with file_service(tmp_path, database_url, redis_url) as running:
        yield running


@pytest.mark.parametrize("url", ["https://127.0.0.1:8443/", "https://localhost:8443/", "http://receiver.invalid/"])
async def test_by_default_no_private_address_and_nothing_without_tls_is_taken(public: FileService, url: str) -> None:
    answer = await (await public.tenant()).request("POST", "/webhooks", json={"url": url})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/url")


async def test_a_tenant_has_a_few_webhooks_also_when_they_are_made_at_once(tenant: SampleTenant) -> None:
    """The race: each counts before the others are there."""
    answers = await asyncio.gather(
        *(tenant.request("POST", "/webhooks", json={"url": URL}) for _ in range(MAX_WEBHOOKS + 3))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * MAX_WEBHOOKS + [409] * 3
    assert {answer.json()["code"] for answer in answers if answer.is_error} == {"too-many-webhooks"}


async def test_a_removed_webhook_is_gone_with_what_waited_for_it(service: FileService, tenant: SampleTenant) -> None:
    webhook, other = await made(tenant, URL), await made(tenant, URL)
    await tenant.stored()
    assert (await tenant.request("DELETE", f"/webhooks/{webhook['id']}")).status_code == 204
    for method, below in (("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", ":retry-failed")):
        gone = await tenant.request(method, f"/webhooks/{webhook['id']}{below}")
        assert (gone.status_code, gone.json()["code"]) == (404, "not-found")
    assert (await tenant.request("GET", "/webhooks/wh_%00")).status_code == 404
    assert [row.webhook_id for row in await deliveries(service)] == [other["id"]]


async def test_only_what_is_asked_for_waits(service: FileService, tenant: SampleTenant) -> None:
    everything, created = await made(tenant, URL), await made(tenant, URL, event_types=["file.created"])
    neighbour = await service.tenant()
    elsewhere = await made(neighbour, URL)
    file = await tenant.stored()
    await tenant.request("DELETE", f"/files/{file['id']}")
    assert await waiting(service, everything) == ["file.created", "file.deleted"]
    assert await waiting(service, created) == ["file.created"]
    assert await waiting(service, elsewhere) == []


async def test_what_waits_is_listed_page_by_page(tenant: SampleTenant) -> None:
    webhook = await made(tenant, URL)
    path = f"/webhooks/{webhook['id']}/deliveries"
    for number in range(5):
        await tenant.stored(b"%d" % number)
    whole = (await tenant.request("GET", path)).json()["items"]
    assert [(item["event_type"], item["state"], item["attempts"]) for item in whole] == [
        ("file.created", "waiting", 0)
    ] * 5
    assert {(item["time_failed"], item["last_error"]) for item in whole} == {(None, None)}
    assert [item["time_created"] for item in whole] == sorted((item["time_created"] for item in whole), reverse=True)
    pages: list[list[dict[str, Any]]] = []
    cursor: str | None = None
    while not pages or cursor:
        params = {"limit": 2, "state": "waiting"} | ({"cursor": cursor} if cursor else {})
        page = await tenant.request("GET", path, params=params)
        pages.append(page.json()["items"])
        cursor = page.json()["next_cursor"]
        assert ("link" in page.headers) == (cursor is not None)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [item for page in pages for item in page] == whole
    assert (await tenant.request("GET", path, params={"state": "failed"})).json()["items"] == []
    other = await tenant.request("GET", path, params={"cursor": "nonsense"})
    assert (other.status_code, other.json()["code"]) == (400, "bad-cursor")


async def test_a_deleted_tenant_leaves_no_webhook(service: FileService, tenant: SampleTenant) -> None:
    await made(tenant, URL)
    await tenant.stored()
    tenant_id = (await tenant.request("GET", "")).json()["id"]
    deletion = await service.http.delete(tenant.path, headers={"Prefer": "wait=60"})
    assert deletion.json()["state"] == "succeeded"
    assert await left_of(service, tenant_id, tenant.code) == {}


async def test_an_upload_that_meets_the_removal_of_a_webhook_is_stored(
    service: FileService, tenant: SampleTenant
) -> None:
    """The race: the upload's commit sees the webhook, which is removed before it can refer to it."""
    webhook = await made(tenant, URL)
    async with service.services.database.transaction_across_tenants() as session:
        await session.execute(text("DELETE FROM webhooks WHERE id = :id"), {"id": webhook["id"]})
        upload = asyncio.create_task(tenant.upload())
        await _until_somebody_waits_for_a_lock(service)
    answer: httpx.Response = await upload
    assert answer.status_code == 201, answer.text
    assert await deliveries(service) == []


async def _until_somebody_waits_for_a_lock(service: FileService) -> None:
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(30):
        while True:
            async with service.services.database.reading_across_tenants() as session:
                if await session.scalar(query):
                    return
