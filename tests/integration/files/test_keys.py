"""Who may do what: keys, their scopes, and how they stop working."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from storage import tenant_crud
from storage.cache import Versioned
from storage.cache_keys import api_key_key, file_key, tenant_key
from tests.file_service import MERGE_PATCH, FileService, SampleTenant

SCOPES = ["files:read", "files:write", "extractions:read", "extractions:write", "tenant:admin"]
NO_FILE = "fs_" + "0" * 25


async def make_key(tenant: SampleTenant, *scopes: str, **fields: Any) -> dict[str, Any]:
    answer = await tenant.request("POST", "/api-keys", json={"scopes": scopes} | fields)
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()
    return key


def bearer(key: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['secret']}"}


async def test_a_key_is_shown_with_its_secret_once(service: FileService, tenant: SampleTenant) -> None:
    answer = await tenant.request("POST", "/api-keys", json={"scopes": ["files:read", "files:read"], "name": "ci"})
    key = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{tenant.path}/api-keys/{key['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert key["secret"].startswith(f"mk_{key['id']}_")
    assert (key["scopes"], key["name"], key["time_expires"], key["time_last_used"]) == (
        ["files:read"],
        "ci",
        None,
        None,
    )

    listed = await tenant.request("GET", "/api-keys")
    assert [item["name"] for item in listed.json()["items"]] == ["first", "ci"]
    shown = await service.http.get(answer.headers["location"])
    assert shown.json() == {name: value for name, value in key.items() if name != "secret"}
    assert key["secret"][-43:] not in listed.text + shown.text
    async with service.services.database.reading_across_tenants() as session:
        rows = await session.execute(text("SELECT api_keys::text FROM api_keys WHERE id = :id"), {"id": key["id"]})
        assert key["secret"][-43:] not in rows.scalar_one()


ROUTES = [
    ("files:read", "GET", "/files"),
    ("files:read", "GET", f"/files/{NO_FILE}"),
    ("files:read", "HEAD", f"/files/{NO_FILE}/content"),
    ("files:read", "POST", "/files:batch-get"),
    ("files:write", "POST", "/files"),
    ("files:write", "PATCH", f"/files/{NO_FILE}"),
    ("files:write", "DELETE", f"/files/{NO_FILE}"),
    ("files:write", "POST", "/files:batch-delete"),
    ("tenant:admin", "PATCH", ""),
    ("tenant:admin", "POST", "/api-keys"),
    ("tenant:admin", "GET", "/api-keys"),
    ("tenant:admin", "GET", "/api-keys/x"),
    ("tenant:admin", "DELETE", "/api-keys/x"),
]


async def test_a_key_may_do_what_its_scopes_say_and_nothing_else(service: FileService, tenant: SampleTenant) -> None:
    stranger = await service.tenant()
    keys = {scope: bearer(await make_key(tenant, scope)) for scope in SCOPES}
    for needed, method, path in ROUTES:
        for scope, headers in keys.items():
            answer = await service.http.request(method, tenant.path + path, headers=headers)
            if scope == needed:
                assert answer.status_code not in {401, 403}, (method, path, answer.text)
            else:
                assert answer.status_code == 403, (method, path, scope)
                assert method == "HEAD" or answer.json()["code"] == "missing-scope"
        # Another tenant's key finds nothing, and cannot tell that from what does not exist.
        there = await service.http.request(method, tenant.path + path, headers=stranger.headers)
        nowhere = await service.http.request(method, f"/v1/tenants/no-such-tenant{path}", headers=stranger.headers)
        assert there.status_code == nowhere.status_code == 404
        assert _told(there) == _told(nowhere)


def _told(answer: httpx.Response) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json() if answer.content else {}
    return {name: value for name, value in problem.items() if name not in {"instance", "request_id"}}


async def test_readers_and_administrators_see_their_tenant(service: FileService, tenant: SampleTenant) -> None:
    for scope, status in (("files:read", 200), ("tenant:admin", 200), ("files:write", 403), ("extractions:read", 403)):
        key = await make_key(tenant, scope)
        assert (await service.http.get(tenant.path, headers=bearer(key))).status_code == status


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic bW8=",
        "Bearer nonsense",
        "Bearer mk_" + "a" * 16 + "_" + "b" * 43,
        "Bearer mk_\xff",
        "mo_operator-of-the-tests",
    ],
)
async def test_without_a_valid_key_nothing_is_told(
    service: FileService, tenant: SampleTenant, value: str | None
) -> None:
    for method, path in (*[(method, tenant.path + path) for _, method, path in ROUTES], ("GET", "/v1/tenants")):
        headers = [] if value is None else [(b"Authorization", value.encode("latin-1"))]
        answer = await service.http.send(httpx.Request(method, f"http://files{path}", headers=headers))
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert method == "HEAD" or answer.json()["code"] == "unauthorized"


async def test_a_key_with_another_secret_is_bad(service: FileService, tenant: SampleTenant) -> None:
    key = await make_key(tenant, "files:read")
    wrong = key["secret"][:-1] + ("A" if key["secret"][-1] != "A" else "B")
    answer = await service.http.get(f"{tenant.path}/files", headers={"Authorization": f"Bearer {wrong}"})
    assert answer.status_code == 401
    answer = await service.http.get(f"{tenant.path}/files", headers={"Authorization": f"bearer  {key['secret']} "})
    assert answer.status_code == 200


async def test_a_revoked_key_stops_at_once_although_it_was_cached(service: FileService, tenant: SampleTenant) -> None:
    key = await make_key(tenant, "files:read")
    assert (await service.http.get(f"{tenant.path}/files", headers=bearer(key))).status_code == 200
    assert await service.services.cache.get(api_key_key(key["id"])) is not None
    assert (await tenant.request("DELETE", f"/api-keys/{key['id']}")).status_code == 204
    assert (await service.http.get(f"{tenant.path}/files", headers=bearer(key))).status_code == 401
    assert (await tenant.request("DELETE", f"/api-keys/{key['id']}")).status_code == 404
    assert (await tenant.request("GET", f"/api-keys/{key['id']}")).status_code == 404


async def test_a_key_that_is_looked_up_while_it_is_revoked_is_not_cached(
    service: FileService, tenant: SampleTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: a request has read the key's row, the key is revoked, the request stores what it read."""
    key = await make_key(tenant, "files:read")
    read, go_on = asyncio.Event(), asyncio.Event()
    original = tenant_crud.find_key

    async def held(*arguments: Any) -> Any:
        found = await original(*arguments)
        if arguments[1] == key["id"]:
            read.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(tenant_crud, "find_key", held)
    early = asyncio.create_task(service.http.get(f"{tenant.path}/files", headers=bearer(key)))
    await read.wait()
    assert (await tenant.request("DELETE", f"/api-keys/{key['id']}")).status_code == 204
    go_on.set()
    assert (await early).status_code == 200
    assert (await service.http.get(f"{tenant.path}/files", headers=bearer(key))).status_code == 401


async def test_a_key_expires(service: FileService, tenant: SampleTenant) -> None:
    now = datetime.now(UTC)
    fresh = await make_key(tenant, "files:read", time_expires=(now + timedelta(hours=1)).isoformat())
    stale = await make_key(tenant, "files:read", time_expires=(now - timedelta(seconds=1)).isoformat())
    assert fresh["time_expires"] == (now + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert (await service.http.get(f"{tenant.path}/files", headers=bearer(fresh))).status_code == 200
    assert (await service.http.get(f"{tenant.path}/files", headers=bearer(stale))).status_code == 401


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/scopes"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["files:everything"]}, "/scopes/0"),
        ({"scopes": ["files:read"], "name": "x" * 201}, "/name"),
        ({"scopes": ["files:read"], "name": "a\0b"}, "/name"),
        ({"scopes": ["files:read"], "time_expires": "2030-01-01T00:00:00"}, "/time_expires"),
        ({"scopes": ["files:read"], "time_expires": "0001-01-01T00:00:00+14:00"}, "/time_expires"),
        ({"scopes": ["files:read"], "time_expires": "tomorrow"}, "/time_expires"),
        ({"scopes": ["files:read"], "secret": "mine"}, "/secret"),
    ],
)
async def test_a_bad_key_is_refused_where_it_is_bad(tenant: SampleTenant, body: Any, pointer: str) -> None:
    answer = await tenant.request("POST", "/api-keys", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize("key_id", ["x", "%00", "a" * 16, "%ff", "A" * 16])
async def test_a_key_that_is_none_is_not_found(tenant: SampleTenant, key_id: str) -> None:
    for method in ("GET", "DELETE"):
        answer = await tenant.request(method, f"/api-keys/{key_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_key_of_another_tenant_cannot_be_seen_or_revoked(service: FileService, tenant: SampleTenant) -> None:
    other = await service.tenant()
    key = await make_key(other, "files:read")
    for method in ("GET", "DELETE"):
        assert (await tenant.request(method, f"/api-keys/{key['id']}")).status_code == 404
    assert (await service.http.get(f"{other.path}/files", headers=bearer(key))).status_code == 200


async def test_the_last_use_of_a_key_is_noted(service: FileService, tenant: SampleTenant) -> None:
    key = await make_key(tenant, "files:read")
    for _ in range(3):
        await service.http.get(f"{tenant.path}/files", headers=bearer(key))
    await service.services.key_uses.close()
    shown = (await tenant.request("GET", f"/api-keys/{key['id']}")).json()
    used = datetime.fromisoformat(shown["time_last_used"])
    assert abs(datetime.now(UTC) - used) < timedelta(minutes=1)


async def test_what_another_connection_was_meant_to_get_is_not_believed(
    service: FileService, tenant: SampleTenant
) -> None:
    """A reply left on a connection by a cancelled call: every cached value may be somebody else's."""
    other = await service.tenant()
    mine, theirs = await tenant.stored(b"mine"), await other.stored(b"theirs")
    cache = service.services.cache
    my_id, their_id = await _tenant_id(tenant), await _tenant_id(other)
    await other.request("GET", f"/files/{theirs['id']}")
    await tenant.request("GET", f"/files/{mine['id']}")

    for own, foreign in (
        (tenant_key(tenant.code), tenant_key(other.code)),
        (api_key_key(tenant.key.split("_")[1]), api_key_key(other.key.split("_")[1])),
        (file_key(my_id, mine["id"]), file_key(their_id, theirs["id"])),
    ):
        value = await cache.get(foreign)
        assert value is not None
        await cache.put(own, Versioned(1000, value))
    assert (await tenant.request("GET", f"/files/{mine['id']}")).json() == mine
    assert (await tenant.request("GET", f"/files/{mine['id']}/content")).content == b"mine"
    assert (await tenant.request("GET", f"/files/{theirs['id']}")).status_code == 404


async def _tenant_id(sample: SampleTenant) -> UUID:
    return UUID((await sample.request("GET", "")).json()["id"])


async def test_what_another_release_has_cached_is_read_anew(service: FileService, tenant: SampleTenant) -> None:
    file = await tenant.stored()
    tenant_id = await _tenant_id(tenant)
    for key in (tenant_key(tenant.code), api_key_key(tenant.key.split("_")[1]), file_key(tenant_id, file["id"])):
        await service.services.cache.put(key, Versioned(1000, b'{"of": "another form"}'))
    assert (await tenant.request("GET", f"/files/{file['id']}")).json() == file


async def test_a_strangers_body_is_not_looked_at(service: FileService, tenant: SampleTenant) -> None:
    headers = {"Authorization": "Bearer no", "Content-Type": MERGE_PATCH, "If-Match": "*"}
    answer = await service.http.patch(tenant.path, content=b"{", headers=headers)
    assert answer.status_code == 401
