"""Tenants over HTTP: created once, never renamed, changed by merge-patch, seen by those who may."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from serve_apps.files.tenant_routes import TENANTS
from serve_apps.paging import Cursor
from tests.file_service import MERGE_PATCH, FileService, SampleTenant


def fresh_code() -> str:
    return f"t-{uuid4().hex[:20]}"


async def test_a_tenant_is_created_with_a_first_key_that_may_do_everything(service: FileService) -> None:
    code = fresh_code()
    body = {"code": code, "configuration": {"max_files": 5}, "metadata": {"owner": "ä"}}
    answer = await service.http.post("/v1/tenants", json=body)
    tenant = answer.json()

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/tenants/{code}"
    assert re.fullmatch(r'"m1-[0-9a-f]{16}"', answer.headers["etag"])
    assert answer.headers["cache-control"] == "no-store"
    assert UUID(tenant["id"])
    assert (tenant["code"], tenant["status"], tenant["version"]) == (code, "active", 1)
    assert tenant["metadata"] == {"owner": "ä"}
    assert tenant["time_created"].endswith("Z")
    assert tenant["stats"] == {
        "file_count": 0,
        "total_bytes": 0,
        "reserved_bytes": 0,
        "by_media_type": {},
        "extraction_count": 0,
    }
    scopes = ["files:read", "files:write", "extractions:read", "extractions:write", "tenant:admin"]
    assert tenant["api_key"]["scopes"] == scopes
    secret = tenant["api_key"]["secret"]
    shown = (await service.http.get(f"/v1/tenants/{code}", headers={"Authorization": f"Bearer {secret}"})).json()
    assert shown.keys() == tenant.keys() - {"api_key"}


async def test_a_configuration_is_read_with_its_defaults(service: FileService) -> None:
    tenant = await service.tenant(allowed_extensions=["PDF", ".txt"], archive={"max_entries": 7})
    configuration = (await tenant.request("GET", "")).json()["configuration"]
    assert configuration == {
        "allowed_extensions": [".pdf", ".txt"],
        "denied_extensions": [],
        "allowed_media_types": None,
        "denied_media_types": [],
        "max_file_size_bytes": 5 * 2**30,
        "max_total_bytes": None,
        "max_files": None,
        "archive": {
            "max_nesting_depth": 3,
            "max_entries": 7,
            "max_uncompressed_bytes": 4 * 2**30,
            "max_compression_ratio": 100,
            "allow_encrypted": False,
        },
        "duplicate_policy": "allow",
        "rate_limit": {"requests_per_minute": None, "upload_bytes_per_minute": None},
        "extraction": {"max_running": 32, "priority_weight": 1},
        "isolation": "pooled",
    }


async def test_a_code_is_given_once(service: FileService, tenant: SampleTenant) -> None:
    answer = await service.http.post("/v1/tenants", json={"code": tenant.code})
    assert (answer.status_code, answer.json()["code"]) == (409, "tenant-exists")


async def test_of_many_who_want_the_same_code_one_gets_it(service: FileService) -> None:
    """The race: all see that the code is free before the first of them has it."""
    body = {"code": fresh_code()}
    answers = await asyncio.gather(*(service.http.post("/v1/tenants", json=body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


@pytest.mark.parametrize(
    "code", ["a", "A-tenant", "-a", "_a", "a" * 64, "a b", "a/b", "..", "a\0b", "ä-tenant", "", "abc\n", ".trash"]
)
async def test_other_texts_are_no_codes(service: FileService, code: str) -> None:
    answer = await service.http.post("/v1/tenants", json={"code": code})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-tenant-code")


async def test_codes_may_be_short_and_long(service: FileService) -> None:
    for code in (f"a{uuid4().hex[:1]}", "b" + uuid4().hex + "_-" + "x" * 28):
        assert (await service.http.post("/v1/tenants", json={"code": code})).status_code in {201, 409}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/code"),
        ({"code": 5}, "/code"),
        ({"code": "ok-code", "name": "x"}, "/name"),
        ({"code": "ok-code", "configuration": {"unknown": 1}}, "/configuration/unknown"),
        ({"code": "ok-code", "configuration": {"max_files": 2**70}}, "/configuration/max_files"),
        ({"code": "ok-code", "configuration": {"archive": {"max_entries": "1"}}}, "/configuration/archive/max_entries"),
        ({"code": "ok-code", "metadata": {"a": "\0"}}, "/metadata/a"),
        ({"code": "ok-code", "metadata": {"a\0": 1}}, "/metadata"),
        ({"code": "ok-code", "metadata": None}, "/metadata"),
    ],
)
async def test_a_bad_field_is_named_and_no_tenant_made(service: FileService, body: Any, pointer: str) -> None:
    answer = await service.http.post("/v1/tenants", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await service.http.get("/v1/tenants/ok-code")).status_code == 404


@pytest.mark.parametrize(
    "statement", ["UPDATE tenants SET code = 'x-' || code", "UPDATE tenants SET _id = gen_random_uuid()"]
)
async def test_the_database_keeps_code_and_id_as_they_are(
    service: FileService, tenant: SampleTenant, statement: str
) -> None:
    with pytest.raises(DBAPIError, match="never change"):
        async with service.services.database.transaction_across_tenants() as session:
            await session.execute(text(f"{statement} WHERE code = :code"), {"code": tenant.code})
    assert (await tenant.request("GET", "")).status_code == 200


@pytest.mark.parametrize("field", ["code", "id", "status", "version", "time_created", "stats", "a~/b"])
async def test_only_configuration_and_metadata_can_be_changed(tenant: SampleTenant, field: str) -> None:
    answer = await tenant.patch("", {field: "x", "metadata": {"a": 1}}, '"m1"')
    assert (answer.status_code, answer.json()["code"]) == (422, "immutable-field")
    assert answer.json()["errors"][0]["pointer"] == "/" + field.replace("~", "~0").replace("/", "~1")
    assert (await tenant.request("GET", "")).json()["metadata"] == {}


async def test_a_tenant_is_changed_by_merge_patch_under_its_version(service: FileService) -> None:
    tenant = await service.tenant(max_files=5, denied_extensions=[".exe"])
    answer = await tenant.patch("", {"configuration": {"max_files": None}, "metadata": {"a": {"b": 1}}}, '"m1"')
    assert answer.status_code == 200
    assert answer.headers["etag"].startswith('"m2-')
    assert answer.json()["configuration"]["max_files"] is None
    assert answer.json()["configuration"]["denied_extensions"] == [".exe"]
    assert answer.json()["stats"]["file_count"] == 0

    answer = await tenant.patch("", {"metadata": {"a": {"c": 2}}}, '"m2"')
    assert answer.json()["metadata"] == {"a": {"b": 1, "c": 2}}
    answer = await tenant.patch("", {"configuration": None, "metadata": None}, "*")
    assert answer.json()["metadata"] == {}
    assert answer.json()["configuration"]["denied_extensions"] == []
    # What was changed counts at once, also where the tenant was cached.
    answer = await tenant.patch("", {"configuration": {"denied_extensions": ["txt"]}}, '"m4"')
    assert (await tenant.upload()).status_code == 415


async def test_a_change_needs_the_version_that_was_seen(tenant: SampleTenant) -> None:
    answer = await tenant.patch("", {"metadata": {"a": 1}}, None)
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition-required")
    for version in ('"m2"', 'W/"m1"', '"x"', "m1"):
        answer = await tenant.patch("", {"metadata": {"a": 1}}, version)
        assert (answer.status_code, answer.json()["code"]) == (412, "version-conflict")
    assert (await tenant.request("GET", "")).json()["version"] == 1


async def test_of_many_who_saw_the_same_version_one_changes_it(tenant: SampleTenant) -> None:
    patches = ({"metadata": {f"k{number}": number}} for number in range(10))
    answers = await asyncio.gather(*(tenant.patch("", patch, '"m1"') for patch in patches))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9
    assert len((await tenant.request("GET", "")).json()["metadata"]) == 1


async def test_any_version_is_changed_by_everyone(tenant: SampleTenant) -> None:
    patches = ({"metadata": {f"k{number}": number}} for number in range(10))
    answers = await asyncio.gather(*(tenant.patch("", patch, "*") for patch in patches))
    assert {answer.status_code for answer in answers} == {200}
    assert (await tenant.request("GET", "")).json()["metadata"] == {f"k{number}": number for number in range(10)}


async def test_a_change_that_leaves_no_valid_tenant_is_refused_with_pointers(tenant: SampleTenant) -> None:
    for patch, pointer in (
        ({"configuration": {"archive": {"max_entries": 0}}}, "/configuration/archive/max_entries"),
        ({"configuration": {"x": 1}}, "/configuration/x"),
        ({"configuration": []}, "/configuration"),
        ({"metadata": "x"}, "/metadata"),
        ({"metadata": {"a": "x" * 20_000}}, "/metadata"),
        ([], ""),
    ):
        answer = await tenant.patch("", patch, '"m1"')
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_patch_is_declared_as_one(tenant: SampleTenant) -> None:
    answer = await tenant.request("PATCH", "", json={"metadata": {}}, headers={"If-Match": '"m1"'})
    assert (answer.status_code, answer.headers["accept-patch"]) == (415, MERGE_PATCH)


async def test_a_tenant_that_did_not_change_is_not_sent_again(tenant: SampleTenant) -> None:
    tag = (await tenant.request("GET", "")).headers["etag"]
    for seen, status in ((tag, 304), (f"W/{tag}", 304), ("*", 304), ('"m1"', 200), (tag.replace("m1", "m2"), 200)):
        answer = await tenant.request("GET", "", headers={"If-None-Match": seen})
        assert (answer.status_code, answer.headers["etag"]) == (status, tag)
        assert bool(answer.content) is (status == 200)


async def test_a_tenant_whose_statistics_changed_is_sent_again(tenant: SampleTenant) -> None:
    before = await tenant.request("GET", "")
    await tenant.stored()
    after = await tenant.request("GET", "", headers={"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.json()["version"]) == (200, 1)
    assert after.json()["stats"]["file_count"] == 1
    # It is the same version all the same: whoever saw it before may change it.
    assert (await tenant.patch("", {"metadata": {"a": 1}}, before.headers["etag"])).status_code == 200
    assert (await tenant.patch("", {"metadata": {"a": 2}}, after.headers["etag"])).status_code == 412


async def test_statistics_count_what_is_there(tenant: SampleTenant) -> None:
    text_file = await tenant.stored(b"12345")
    await tenant.stored(b"123")
    assert (await tenant.upload(b"%PDF-1.4\n%%EOF", "a.pdf", "application/pdf")).status_code == 201
    stats = await tenant.stats()
    assert (stats["file_count"], stats["total_bytes"], stats["reserved_bytes"]) == (3, 22, 0)
    assert stats["by_media_type"] == {
        "application/pdf": {"file_count": 1, "total_bytes": 14},
        "text/plain": {"file_count": 2, "total_bytes": 8},
    }
    await tenant.request("DELETE", f"/files/{text_file['id']}")
    assert (await tenant.stats())["by_media_type"]["text/plain"] == {"file_count": 1, "total_bytes": 3}


async def test_the_list_of_tenants_is_paged_in_order_of_creation(service: FileService) -> None:
    codes = [(await service.tenant()).code for _ in range(5)]
    found: list[dict[str, Any]] = []
    path: str | None = "/v1/tenants?limit=2"
    while path is not None:
        answer = await service.http.get(path)
        page = answer.json()
        found += page["items"]
        link = answer.headers.get("link")
        assert (link is None) is (page["next_cursor"] is None)
        path = link.partition(">")[0].removeprefix("<") if link else None
    assert [item["code"] for item in found][-5:] == codes
    assert len({item["code"] for item in found}) == len(found)
    assert all(item["stats"]["file_count"] >= 0 for item in found)


@pytest.mark.parametrize("cursor", ["", "nonsense", "a" * 1000, "é", "AAAA", "bnVsbA"])
async def test_a_cursor_that_is_none_is_refused(service: FileService, cursor: str) -> None:
    answer = await service.http.get("/v1/tenants", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-cursor")


async def test_a_forged_cursor_of_tenants_is_refused_or_harmless(service: FileService) -> None:
    now = datetime.now(UTC).isoformat()
    for value in (now, None, 5, "2025-01-01", "a\0b"):
        for identifier in (str(uuid4()), "x", "a\0b", ""):
            cursor = Cursor(value, identifier).encode(TENANTS)
            answer = await service.http.get("/v1/tenants", params={"cursor": cursor})
            assert answer.status_code == (200 if value == now and len(identifier) == 36 else 400)


@pytest.mark.parametrize("limit", ["0", "201", "x", "-1", "9" * 30])
async def test_a_page_has_a_sensible_size(service: FileService, limit: str) -> None:
    answer = await service.http.get("/v1/tenants", params={"limit": limit})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "limit")


async def test_operators_routes_look_like_nothing_to_a_tenant(service: FileService, tenant: SampleTenant) -> None:
    for method, path in (
        ("GET", "/v1/tenants"),
        ("POST", "/v1/tenants"),
        ("DELETE", tenant.path),
        ("GET", "/v1/operations/op_1"),
    ):
        answer = await service.http.request(method, path, headers=tenant.headers, json={"code": fresh_code()})
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert (await tenant.request("GET", "")).status_code == 200
