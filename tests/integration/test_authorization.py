"""Every route with every kind of caller: what each may, and what each is told."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from storage import extraction_batches, tenant_crud
from storage.api_keys import ALL_SCOPES, BearerKey
from storage.database import Database
from storage.identifiers import new_id
from storage.tenant_role import RIGHTS
from tests.extraction_rows import Rows
from tests.file_service import OPERATOR_KEY, PEPPER, FileService, SampleTenant, file_service
from tests.integration.extraction_service import OPERATOR, Service, running_service
from tests.resumable_client import begun
from tests.route_rules import RULES, Route, Rule, filled, routes

Names = dict[str, str]


@dataclass(slots=True)
class Resident:
    """A tenant with one thing of every kind."""

    sample: SampleTenant
    rows: Rows
    names: dict[str, str] = field(default_factory=dict)

    async def key(self, *scopes: str, expires: datetime | None = None) -> str:
        async with self.rows.database.transaction(self.rows.tenant_id) as session:
            _, bearer = await tenant_crud.add_key(session, self.rows.tenant_id, PEPPER, "", scopes, expires)
        return str(bearer)

    def of(self, rule: Rule) -> Names:
        """The job and the batch that the rule is about."""
        return {"job_id": self.names[f"{rule.about} job"], "batch_id": self.names[f"{rule.about} batch"]}


@dataclass(slots=True)
class Town:
    files: FileService
    extraction: Service
    residents: dict[str, Resident] = field(default_factory=dict)
    gone_key: str = ""
    operation_id: str = ""

    async def settle(self, name: str = "") -> Resident:
        sample = await self.files.tenant()
        tenant_id = UUID((await sample.request("GET", "")).json()["id"])
        resident = Resident(sample, Rows(self.files.services.database, tenant_id, sample.code))
        file = await sample.stored(b"a text of its own " + sample.code.encode())
        finished = await resident.rows.job(file["id"])
        await resident.rows.finish(await resident.rows.claimed())
        queued = await resident.rows.job(file["id"], options_hash="other")
        cancelled, waiting = [await resident.rows.batch(await resident.rows.file()) for _ in range(2)]
        async with resident.rows.database.transaction(tenant_id) as session:
            await extraction_batches.cancel(session, tenant_id, cancelled)
        spare = await resident.key("files:read")
        resident.names = {
            "code": sample.code,
            "file_id": file["id"],
            "finished job": finished.id,
            "queued job": queued.id,
            "finished batch": cancelled,
            "queued batch": waiting,
            "key_id": spare.split("_")[1],
            "operation_id": self.operation_id,
        }
        webhook = await sample.request("POST", "/webhooks", json={"url": "https://receiver.invalid/"})
        resident.names["webhook_id"] = webhook.json()["id"]
        resident.names["upload_id"] = (await begun(sample, 10)).id
        self.residents[name] = resident
        return resident

    async def send(
        self,
        route: Route,
        resident: Resident,
        key: str | None,
        *,
        spoilt: bool = False,
        names: Names | None = None,
    ) -> httpx.Response:
        """The route's request about what the resident has; `names` takes the place of some of it."""
        app, method, path = route
        rule = RULES[route]
        known = resident.names | resident.of(rule) | (names or {})
        options = filled(rule.request, known)
        if spoilt:
            kept = {"headers": {"Content-Type": "application/json"} | options.get("headers", {})}
            options = kept | ({"content": b"{"} if options.keys() & {"json", "files", "content"} else {})
        client = self.extraction.client if app == "extraction" else self.files.http
        request = client.build_request(method, path.format_map(known), **options)
        # Without the client's own key.
        headers = httpx.Headers([line for line in request.headers.raw if line[0].lower() != b"authorization"])
        if key is not None:
            headers = httpx.Headers([*headers.raw, (b"Authorization", key.encode("latin-1"))])
        request.headers = headers
        return await client.send(request)


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory, database_url: str, redis_url: str) -> AsyncIterator[Town]:
    base = tmp_path_factory.mktemp("files")
    async with (
        file_service(base, database_url, redis_url) as files,
        running_service(tmp_path_factory.mktemp("extraction"), database_url, redis_url) as extraction,
    ):
        town = Town(files, extraction)
        gone = await town.settle("gone")
        town.gone_key = await gone.key(*ALL_SCOPES)
        deletion = await files.http.delete(gone.sample.path, headers={"Prefer": "wait=60"})
        assert deletion.status_code == 200
        town.operation_id = deletion.json()["id"]
        for name in ("here", "there"):
            await town.settle(name)
        yield town


def bearer(key: str) -> str:
    return f"Bearer {key}"


def short(route: Route) -> str:
    return f"{route[1]} {route[2].removeprefix('/v1')}"


every_route = pytest.mark.parametrize("route", RULES, ids=short)


def test_every_route_has_a_rule() -> None:
    assert sorted(routes()) == sorted(RULES)


async def snapshot(database: Database, resident: Resident) -> str:
    """Of all rows that the tenant has, but for the keys' last use."""
    shown = dict.fromkeys(RIGHTS, "t::text") | {"api_keys": "id"}
    async with database.reading(resident.rows.tenant_id) as session:
        rows = [
            await session.scalar(text(f"SELECT array_agg({column} ORDER BY {column})::text FROM {table} t"))  # noqa: S608
            for table, column in shown.items()
        ]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """Everything of an answer but what names the request."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "content-length"}}
    body = answer.json() if answer.content else {}
    return answer.status_code, headers, {key: body[key] for key in body if key not in {"request_id", "instance"}}


def code_of(answer: httpx.Response, route: Route) -> str | None:
    return None if route[1] == "HEAD" else answer.json()["code"]


async def unknown(_: Resident) -> str:
    return bearer(str(BearerKey.new()))


async def wrong_secret(resident: Resident) -> str:
    key_id = (await resident.key(*ALL_SCOPES)).split("_")[1]
    return bearer(str(BearerKey(key_id, BearerKey.new().secret)))


async def revoked(resident: Resident) -> str:
    key = await resident.key(*ALL_SCOPES)
    sample = resident.sample
    # Known everywhere before it goes.
    assert (await sample.service.http.get(sample.path, headers={"Authorization": bearer(key)})).status_code == 200
    assert (await sample.request("DELETE", f"/api-keys/{key.split('_')[1]}")).status_code == 204
    return bearer(key)


async def expired(resident: Resident) -> str:
    return bearer(await resident.key(*ALL_SCOPES, expires=datetime.now(UTC) - timedelta(seconds=1)))


STRANGERS: dict[str, Callable[[Resident], Any]] = {
    "unknown": unknown,
    "wrong secret": wrong_secret,
    "revoked": revoked,
    "expired": expired,
}
MALFORMED = [
    "",
    "Bearer",
    "Bearer ",
    "Basic b3A6b3A=",
    "Bearer mk_short_key",
    f"Token {OPERATOR_KEY}",
    "Bearer \u00e9",
]


@every_route
@pytest.mark.parametrize("kind", [*STRANGERS, "none", "of a deleted tenant", *MALFORMED])
async def test_who_brings_no_valid_key_is_told_to(town: Town, route: Route, kind: str) -> None:
    here = town.residents["here"]
    key: str | None = kind
    if kind == "none":
        key = None
    elif kind == "of a deleted tenant":
        key = bearer(town.gone_key)
    elif kind in STRANGERS:
        key = await STRANGERS[kind](here)
    before = await snapshot(town.files.services.database, here)
    for spoilt in (False, True):
        answer = await town.send(route, here, key, spoilt=spoilt)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="muniment"'
        assert code_of(answer, route) == (None if route[1] == "HEAD" else "unauthorized")
    assert await snapshot(town.files.services.database, here) == before


@every_route
async def test_another_tenant_is_like_one_that_does_not_exist(town: Town, route: Route) -> None:
    here, there = town.residents["here"], town.residents["there"]
    key = bearer(await there.key(*ALL_SCOPES))
    before = await snapshot(town.files.services.database, here)
    for spoilt in (False, True):
        answer = await town.send(route, here, key, spoilt=spoilt)
        nowhere = await town.send(route, here, key, spoilt=spoilt, names={"code": "no-such-tenant"})
        assert answer.status_code == 404
        assert told(answer) == told(nowhere)
    assert await snapshot(town.files.services.database, here) == before


@every_route
async def test_a_key_without_the_scope_is_told_which_it_lacks(town: Town, route: Route) -> None:
    here, rule = town.residents["here"], RULES[route]
    key = bearer(await here.key(*(scope for scope in ALL_SCOPES if scope not in rule.scopes)))
    before = await snapshot(town.files.services.database, here)
    for spoilt in (False, True):
        answer = await town.send(route, here, key, spoilt=spoilt)
        # What is only the operator's does not exist for a tenant.
        assert answer.status_code == (403 if rule.scopes else 404)
        assert code_of(answer, route) in {None, "missing-scope" if rule.scopes else "not-found"}
        if rule.scopes and route[1] != "HEAD":
            assert rule.scopes[0] in answer.json()["detail"]
    assert await snapshot(town.files.services.database, here) == before


@pytest.mark.parametrize(
    ("route", "scope"), [(route, scope) for route, rule in RULES.items() for scope in rule.scopes], ids=str
)
async def test_a_key_with_the_scope_may(town: Town, route: Route, scope: str) -> None:
    own = await town.settle()
    answer = await town.send(route, own, bearer(await own.key(scope)))
    assert answer.status_code == RULES[route].success, answer.text


@every_route
async def test_the_operator_may_everything(town: Town, route: Route) -> None:
    own = await town.settle()
    answer = await town.send(route, own, bearer(OPERATOR if route[0] == "extraction" else OPERATOR_KEY))
    assert answer.status_code == RULES[route].success, answer.text


@every_route
async def test_a_suspended_tenants_key_reads_and_changes_nothing(town: Town, route: Route) -> None:
    own, rule = await town.settle(), RULES[route]
    assert (await town.files.http.post(f"{own.sample.path}:suspend")).status_code == 200
    key = bearer(await own.key(*ALL_SCOPES))
    lacking = bearer(await own.key(*(scope for scope in ALL_SCOPES if scope not in rule.scopes)))
    before = await snapshot(town.files.services.database, own)
    answer = await town.send(route, own, key)
    if not rule.scopes:
        assert answer.status_code == 404
    elif rule.changes:
        for refused in (answer, await town.send(route, own, key, spoilt=True)):
            assert (refused.status_code, code_of(refused, route)) == (403, "tenant-suspended")
        assert code_of(await town.send(route, own, lacking), route) == "missing-scope"
    else:
        assert answer.status_code == rule.success
        # Asking how far an upload has come ends whoever still holds it, which its row tells.
        return
    assert await snapshot(town.files.services.database, own) == before


@every_route
async def test_a_deleted_tenant_is_gone_for_the_operator_too(town: Town, route: Route) -> None:
    if "{code}" not in route[2]:
        pytest.skip("names no tenant")
    answer = await town.send(
        route, town.residents["gone"], bearer(OPERATOR if route[0] == "extraction" else OPERATOR_KEY)
    )
    assert answer.status_code == 404


IDS = {"file_id": "fs", "upload_id": "up", "job_id": "ex", "batch_id": "eb", "key_id": "", "webhook_id": "wh"}
THROUGH_IDS = [(route, name) for route, rule in RULES.items() for name in IDS if name in route[2] + str(rule.request)]


@pytest.mark.parametrize(("route", "name"), THROUGH_IDS, ids=str)
async def test_another_tenants_thing_is_like_one_that_does_not_exist(town: Town, route: Route, name: str) -> None:
    """Under the caller's own tenant, with the id of what another has."""
    here, there = town.residents["here"], town.residents["there"]
    key = bearer(await here.key(*ALL_SCOPES))
    foreign = (there.names | there.of(RULES[route]))[name]
    nothing = new_id(IDS[name]) if IDS[name] else "a" * 16
    before = await snapshot(town.files.services.database, there)
    answers = [await town.send(route, here, key, names={name: value}) for value in (foreign, nothing)]
    assert answers[0].status_code == RULES[route].elsewhere
    assert repr(told(answers[0])).replace(foreign, nothing) == repr(told(answers[1]))
    assert there.sample.code not in answers[0].text
    assert await snapshot(town.files.services.database, there) == before
