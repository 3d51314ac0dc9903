"""Asking for extractions over HTTP, on real servers; a test does what runner and parser would."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from serve_apps.extraction import job_changes
from serve_apps.paging import Cursor, fingerprint
from storage import extraction_queue
from storage.extraction_results import NewResult
from storage.identifiers import new_id
from storage.job_passwords import JobPasswords
from storage.models import ExtractionJob
from tests.extraction_rows import ENGINE, make_tenant
from tests.integration.extraction_service import (
    OPERATOR,
    PEPPER,
    Service,
    TenantClient,
    new_key,
    running_service,
    soon,
    tenant_client,
    until_waiting,
)

MADE = NewResult(ENGINE, "succeeded", 1, b'{"content":"hello","pages":[]}')


@pytest.fixture(scope="module")
async def service(
    database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    home: Path = tmp_path_factory.mktemp("extraction-service")
    async with running_service(home, database_url, redis_url, extraction_max_queued=3) as service:
        yield service


@pytest.fixture
async def tenant(service: Service) -> TenantClient:
    return await tenant_client(service)


async def test_a_new_job_is_accepted_and_found_at_its_location(tenant: TenantClient) -> None:
    file_id = await tenant.rows.file()
    response = await tenant.create(file_id)
    assert response.status_code == 202
    job = response.json()
    assert response.headers["location"] == f"{tenant.jobs}/{job['id']}"
    assert response.headers["retry-after"] == "1"
    assert job["id"].startswith("ex_")
    assert job == {
        "id": job["id"],
        "file_id": file_id,
        "tenant_code": tenant.rows.code,
        "state": "queued",
        "options": {"ocr": "auto", "languages": [], "pages": "", "tables": True, "timeout_seconds": 600.0},
        "progress": {"pages_done": 0, "pages_total": None},
        "attempt": 0,
        "cached": False,
        "time_created": job["time_created"],
        "time_started": None,
        "time_finished": None,
    }
    assert job["time_created"].endswith("Z")
    found = await tenant.get(response.headers["location"])
    assert (found.status_code, found.json()) == (200, job)


async def test_who_prefers_to_wait_gets_the_finished_job(tenant: TenantClient) -> None:
    asked = asyncio.create_task(tenant.create(await tenant.rows.file(), Prefer="wait=20"))
    await _until_queued(tenant)
    await tenant.finish_next(MADE)
    response = await soon(asked)
    assert (response.status_code, response.json()["state"]) == (200, "succeeded")
    assert response.headers["preference-applied"] == "wait=20"


async def _until_queued(tenant: TenantClient) -> None:
    async with asyncio.timeout(10):
        while True:
            if (await tenant.get(f"{tenant.jobs}?state=queued")).json()["items"]:
                return
            await asyncio.sleep(0.01)


async def test_who_prefers_to_wait_less_than_it_takes_gets_the_job_as_it_is(tenant: TenantClient) -> None:
    response = await tenant.create(await tenant.rows.file(), Prefer="wait=1")
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    assert "preference-applied" not in response.headers


async def test_the_same_work_again_is_answered_at_once(tenant: TenantClient) -> None:
    file_id = await tenant.rows.file()
    await tenant.created(file_id)
    first = await tenant.finish_next(MADE)
    response = await tenant.create(file_id, Prefer="wait=20")
    job = response.json()
    assert (response.status_code, job["state"], job["cached"]) == (200, "succeeded", True)
    assert job["id"] != first


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"ocr": "perhaps"}, "/options/ocr"),
        ({"pages": "3-x"}, "/options/pages"),
        ({"languages": ["d/../e"]}, "/options/languages/0"),
        ({"languages": "de"}, "/options/languages"),
        ({"password": ""}, "/options/password"),
        ({"password": "x" * 2000}, "/options/password"),
        ({"tables": "yes"}, "/options/tables"),
        ({"timeout_seconds": 0}, "/options/timeout_seconds"),
        ({"fast": True}, "/options/fast"),
        (["ocr"], "/options"),
    ],
)
async def test_options_that_make_no_sense_are_named(tenant: TenantClient, options: Any, pointer: str) -> None:
    response = await tenant.create("fs_any", options)
    assert response.status_code == 422
    assert [each["pointer"] for each in response.json()["errors"]] == [pointer]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"options":{}}'])
async def test_a_body_that_is_no_request_is_refused(tenant: TenantClient, body: bytes) -> None:
    response = await tenant.call("POST", tenant.jobs, content=body)
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"


async def test_options_are_kept_with_the_time_limit_within_its_bound(tenant: TenantClient) -> None:
    response = await tenant.create(await tenant.rows.file(), {"timeout_seconds": 100_000})
    assert response.json()["options"]["timeout_seconds"] == 600.0
    options = {
        "timeout_seconds": 5.0,
        "pages": "1-3,7",
        "ocr": "never",
        "languages": ["de", "zh_Hant"],
        "tables": False,
    }
    response = await tenant.create(await tenant.rows.file(), options)
    assert response.json()["options"] == options


async def test_a_password_is_kept_encrypted_and_never_shown(tenant: TenantClient) -> None:
    response = await tenant.create(await tenant.rows.file(), {"password": "very-secret"})
    job_id = response.json()["id"]
    assert "very-secret" not in response.text
    assert "very-secret" not in (await tenant.get(f"{tenant.jobs}/{job_id}")).text
    async with tenant.rows.database.reading(tenant.rows.tenant_id) as session:
        kept = await session.scalar(select(ExtractionJob.password).where(ExtractionJob.id == job_id))
    assert kept is not None
    assert b"very-secret" not in kept
    assert JobPasswords(PEPPER.encode()).decrypt(tenant.rows.tenant_id, kept) == "very-secret"


async def test_another_password_is_other_work(tenant: TenantClient) -> None:
    file_id = await tenant.rows.file()
    await tenant.created(file_id, {"password": "right"})
    await tenant.finish_next(MADE)
    assert (await tenant.create(file_id, {"password": "wrong"})).json()["state"] == "queued"


async def test_other_kinds_of_file_are_refused(tenant: TenantClient) -> None:
    file_id = await tenant.rows.file(media_type="application/x-executable", extension=".exe")
    response = await tenant.create(file_id)
    assert (response.status_code, response.json()["code"]) == (415, "not-extractable")


async def test_a_file_that_is_not_the_tenants_does_not_exist(tenant: TenantClient, service: Service) -> None:
    other = await make_tenant(service.database)
    for file_id in ("fs_none", await other.file()):
        response = await tenant.create(file_id)
        assert (response.status_code, response.json()["code"]) == (404, "not-found")


async def test_more_waiting_jobs_than_allowed_are_refused(tenant: TenantClient) -> None:
    for _ in range(3):
        await tenant.created()
    response = await tenant.create(await tenant.rows.file())
    assert (response.status_code, response.json()["code"]) == (429, "too-many-queued")
    assert int(response.headers["retry-after"]) > 0


async def test_scopes_and_tenants_are_kept_apart(tenant: TenantClient, service: Service) -> None:
    job = await tenant.created()
    reader = TenantClient(service, tenant.rows, await new_key(service, tenant.rows, ("extractions:read",)))
    writer = TenantClient(service, tenant.rows, await new_key(service, tenant.rows, ("extractions:write",)))
    assert (await reader.get(f"{tenant.jobs}/{job}")).status_code == 200
    for call in (
        reader.create("fs_any"),
        reader.call("POST", f"{tenant.jobs}/{job}:cancel"),
        reader.call("DELETE", f"{tenant.jobs}/{job}"),
        writer.get(tenant.jobs),
        writer.get(f"{tenant.jobs}/{job}"),
        writer.get(f"{tenant.jobs}/{job}/result"),
    ):
        response = await call
        assert (response.status_code, response.json()["code"]) == (403, "missing-scope")
    stranger = await tenant_client(service)
    for method, path in (
        ("GET", tenant.jobs),
        ("GET", f"{tenant.jobs}/{job}"),
        ("GET", f"{stranger.jobs}/{job}"),
        ("POST", f"{stranger.jobs}/{job}:cancel"),
        ("DELETE", f"{stranger.jobs}/{job}"),
        ("GET", f"{stranger.jobs}/{job}/result"),
    ):
        assert (await stranger.call(method, path)).status_code == 404
    assert (await service.client.get(tenant.jobs)).status_code == 401
    operator = TenantClient(service, tenant.rows, OPERATOR)
    assert (await operator.get(f"{tenant.jobs}/{job}")).status_code == 200


async def test_the_same_idempotency_key_makes_one_job(tenant: TenantClient) -> None:
    file_id = await tenant.rows.file()
    answers = await asyncio.gather(*(tenant.create(file_id, Idempotency_Key="once") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7
    assert len((await tenant.get(tenant.jobs)).json()["items"]) == 1


async def test_an_idempotency_key_does_not_fit_another_request(tenant: TenantClient) -> None:
    file_id = await tenant.rows.file()
    await tenant.create(file_id, {"password": "a"}, Idempotency_Key="once")
    for other in ({"password": "b"}, {"ocr": "force"}, None):
        response = await tenant.create(file_id, other, Idempotency_Key="once")
        assert (response.status_code, response.json()["code"]) == (422, "idempotency-key-reused")


async def test_a_refused_request_leaves_its_idempotency_key_free(tenant: TenantClient) -> None:
    assert (await tenant.create("fs_none", Idempotency_Key="again")).status_code == 404
    response = await tenant.create(await tenant.rows.file(), Idempotency_Key="again")
    assert response.status_code == 202
    assert "idempotency-replayed" not in response.headers


async def test_a_replayed_request_may_wait_for_the_job_of_the_first(tenant: TenantClient) -> None:
    file_id = await tenant.rows.file()
    first = (await tenant.create(file_id, Idempotency_Key="once")).json()
    await tenant.finish_next(MADE)
    again = await tenant.create(file_id, Idempotency_Key="once", Prefer="wait=5")
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, first["id"], "succeeded")


async def test_jobs_are_listed_newest_first_in_pages(tenant: TenantClient) -> None:
    jobs = [await tenant.created() for _ in range(3)]
    first = await tenant.get(tenant.jobs, params={"limit": 2, "state": "queued"})
    page = first.json()
    assert [job["id"] for job in page["items"]] == [jobs[2], jobs[1]]
    link = first.headers["link"]
    assert link.endswith('>; rel="next"')
    second = await tenant.get(link.partition(">")[0].removeprefix("<"))
    assert [job["id"] for job in second.json()["items"]] == [jobs[0]]
    assert second.json()["next_cursor"] is None
    assert "link" not in second.headers
    other_list = await tenant.get(tenant.jobs, params={"cursor": page["next_cursor"]})
    assert (other_list.status_code, other_list.json()["code"]) == (400, "bad-cursor")
    for params in ({"limit": 0}, {"limit": 201}, {"state": "lost"}):
        assert (await tenant.get(tenant.jobs, params=params)).status_code == 422


async def test_what_is_no_identifier_names_nothing(tenant: TenantClient) -> None:
    """Some of it, such as NUL, the database would not even take."""
    for bad in ("%00", "ex_%00", "ex_x", "%ED%A0%80", "ex_" + "a" * 24 + "%0A"):
        for method, path in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("DELETE", ""), ("POST", ":cancel")):
            response = await tenant.call(method, f"{tenant.jobs}/{bad}{path}")
            assert response.status_code == 404, (method, path, bad)
        for name in ("file_id", "batch_id"):
            assert (await tenant.get(f"{tenant.jobs}?{name}={bad}")).json()["items"] == []
    assert (await tenant.create("fs_\0")).status_code == 404
    list_id = fingerprint("extractions", str(tenant.rows.tenant_id), None, None, None)
    for cursor in (Cursor("2025-01-01T00:00:00Z", "ex_\0"), Cursor("\0", new_id("ex"))):
        response = await tenant.get(tenant.jobs, params={"cursor": cursor.encode(list_id)})
        assert (response.status_code, response.json()["code"]) == (400, "bad-cursor")


async def test_jobs_are_listed_by_file_and_by_batch(tenant: TenantClient) -> None:
    file_id = await tenant.rows.file()
    await tenant.created()
    job = await tenant.created(file_id)
    found = (await tenant.get(tenant.jobs, params={"file_id": file_id})).json()
    assert [each["id"] for each in found["items"]] == [job]
    other_file = await tenant.rows.file()
    batch_id = await tenant.rows.batch(other_file)
    found = (await tenant.get(tenant.jobs, params={"batch_id": batch_id})).json()
    assert [(each["file_id"], each["batch_id"]) for each in found["items"]] == [(other_file, batch_id)]


async def test_a_long_poll_answers_when_the_state_changes(tenant: TenantClient) -> None:
    job = await tenant.created()
    polling = asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}?wait=30"))
    await until_waiting(tenant, job)
    claim = await tenant.rows.claimed()
    assert (await soon(polling)).json()["state"] == "running"
    polling = asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}?wait=30"))
    await until_waiting(tenant, job)
    await tenant.rows.finish(claim)
    assert (await soon(polling)).json()["state"] == "succeeded"
    assert (await soon(asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}?wait=30")))).json()["state"] == "succeeded"


async def test_a_long_poll_ends_after_its_time(tenant: TenantClient) -> None:
    job = await tenant.created()
    assert (await tenant.get(f"{tenant.jobs}/{job}?wait=1")).json()["state"] == "queued"
    assert (await tenant.get(f"{tenant.jobs}/{job}?wait=-1")).status_code == 422
    assert tenant.service.app.state.job_changes._waiting == {}


async def test_a_long_poll_on_a_job_that_is_deleted_ends_with_not_found(tenant: TenantClient) -> None:
    job = await tenant.created()
    polling = asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}?wait=30"))
    await until_waiting(tenant, job)
    assert (await tenant.call("DELETE", f"{tenant.jobs}/{job}")).status_code == 204
    assert (await soon(polling)).status_code == 404


async def test_a_lost_signal_delays_a_long_poll_only(tenant: TenantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_changes, "LOOK_AGAIN_SECONDS", 0.05)
    changes = tenant.service.app.state.job_changes
    monkeypatch.setattr(changes._listener, "_on_signal", lambda _channel, _payload: None)
    job = await tenant.created()
    polling = asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}?wait=30"))
    await until_waiting(tenant, job)
    await tenant.rows.claimed()
    assert (await soon(polling)).json()["state"] == "running"


async def test_a_long_poll_that_is_given_up_is_forgotten_and_others_go_on(tenant: TenantClient) -> None:
    job = await tenant.created()
    waiting = tenant.service.app.state.job_changes._waiting
    polls = [asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}?wait=30")) for _ in range(2)]
    await until_waiting(tenant, job, 2)
    polls[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await polls[0]
    assert len(waiting[job]) == 1
    await tenant.rows.claimed()
    assert (await soon(polls[1])).json()["state"] == "running"
    assert job not in waiting


async def test_a_replica_that_shuts_down_lets_long_polls_answer(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with running_service(tmp_path, database_url, redis_url) as service:
        tenant = await tenant_client(service)
        job = await tenant.created()
        polling = asyncio.create_task(tenant.get(f"{tenant.jobs}/{job}?wait=30"))
        await until_waiting(tenant, job)
        service.app.state.job_changes.release_all()
        assert (await soon(polling)).json()["state"] == "queued"


async def test_a_queued_job_is_cancelled_and_then_finished(tenant: TenantClient) -> None:
    job = await tenant.created()
    response = await tenant.call("POST", f"{tenant.jobs}/{job}:cancel")
    assert (response.status_code, response.json()["state"]) == (202, "cancelled")
    again = await tenant.call("POST", f"{tenant.jobs}/{job}:cancel")
    assert (again.status_code, again.json()["code"]) == (409, "already-finished")


async def test_a_failed_job_says_why(tenant: TenantClient) -> None:
    job = await tenant.created()
    error = {"code": "corrupt-file", "phase": "parse", "retryable": False, "message": "It is broken."}
    claim = await tenant.rows.claimed()
    async with tenant.rows.database.transaction(tenant.rows.tenant_id) as session:
        await extraction_queue.fail(session, claim, error)
    found = (await tenant.get(f"{tenant.jobs}/{job}")).json()
    assert (found["state"], found["error"]) == ("failed", error)
    response = await tenant.get(f"{tenant.jobs}/{job}/result")
    assert (response.status_code, response.json()["code"]) == (409, "not-finished")


async def test_a_deleted_job_is_gone(tenant: TenantClient) -> None:
    job = await tenant.created()
    await tenant.finish_next(MADE)
    assert (await tenant.call("DELETE", f"{tenant.jobs}/{job}")).status_code == 204
    for method, path in (("GET", ""), ("GET", "/result"), ("DELETE", ""), ("POST", ":cancel")):
        assert (await tenant.call(method, f"{tenant.jobs}/{job}{path}")).status_code == 404


async def test_the_service_describes_itself_and_its_health(service: Service) -> None:
    assert (await service.client.get("/healthz/live")).status_code == 200
    assert (await service.client.get("/healthz/ready")).status_code == 200
    paths = (await service.client.get("/openapi.json")).json()["paths"]
    assert "/v1/tenants/{code}/extractions" in paths
