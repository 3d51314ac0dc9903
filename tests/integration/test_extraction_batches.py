"""Batches over HTTP, on real servers; a test does what runner and parser would."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from actors.extractors.document import Document, Page, Properties
from actors.extractors.document_json import document_json
from serve_apps.extraction import batch_routes, batching
from serve_apps.extraction.result_reading import read_document
from serve_apps.paging import Cursor, fingerprint
from storage import extraction_queue
from storage.extraction_results import NewResult
from storage.identifiers import new_id
from tests.extraction_rows import ENGINE
from tests.integration.extraction_service import (
    Service,
    TenantClient,
    running_service,
    soon,
    tenant_client,
    until_waiting,
)

TEXT = Document(properties=Properties(page_count=1), content="hello", pages=[Page(1, 100, 200, span=(0, 5))])
MADE = NewResult(ENGINE, "succeeded", 1, document_json(TEXT, ENGINE))
MAX_QUEUED = 6


@pytest.fixture(scope="module")
async def service(
    database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    home: Path = tmp_path_factory.mktemp("extraction-batches")
    async with running_service(home, database_url, redis_url, extraction_max_queued=MAX_QUEUED) as service:
        yield service


@pytest.fixture
async def tenant(service: Service) -> TenantClient:
    return await tenant_client(service)


def batches(tenant: TenantClient) -> str:
    return f"/v1/tenants/{tenant.rows.code}/extraction-batches"


async def ask(tenant: TenantClient, *file_ids: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    body = ({"file_ids": list(file_ids)} if file_ids else {}) | more
    return await tenant.call("POST", batches(tenant), json=body, headers=headers or {})


async def asked(tenant: TenantClient, *file_ids: str, **more: Any) -> str:
    """A path of a new batch."""
    response = await ask(tenant, *file_ids, **more)
    assert response.status_code == 202, response.text
    return str(response.headers["location"])


async def files(tenant: TenantClient, number: int) -> list[str]:
    return [await tenant.rows.file() for _ in range(number)]


async def counts(tenant: TenantClient, batch: str) -> dict[str, Any]:
    """Those that are not 0."""
    body = (await tenant.get(batch)).json()
    return {"state": body["state"]} | {state: number for state, number in body["counts"].items() if number}


async def fail_next(tenant: TenantClient) -> str:
    error = {"code": "corrupt-file", "phase": "parse", "retryable": False, "message": "It is damaged."}
    claim = await tenant.rows.claimed()
    async with tenant.rows.database.transaction(tenant.rows.tenant_id) as session:
        await extraction_queue.fail(session, claim, error)
    return claim.file_id


async def test_a_batch_is_accepted_and_found_at_its_location(tenant: TenantClient) -> None:
    some = await files(tenant, 3)
    response = await ask(tenant, *some, name="March", options={"ocr": "never"})
    assert response.status_code == 202, response.text
    batch = response.json()
    assert response.headers["location"] == f"{batches(tenant)}/{batch['id']}"
    assert response.headers["retry-after"] == "1"
    assert batch["id"].startswith("eb_")
    assert batch == {
        "id": batch["id"],
        "name": "March",
        "state": "queued",
        "counts": {"total": 3, "queued": 3, "running": 0, "succeeded": 0, "partial": 0, "failed": 0, "cancelled": 0},
        "options": {"ocr": "never", "languages": [], "pages": "", "tables": True, "timeout_seconds": 600.0},
        "time_created": batch["time_created"],
    }
    found = await tenant.get(response.headers["location"])
    assert (found.status_code, found.json()) == (200, batch)


async def test_jobs_are_done_and_read_in_the_order_of_the_batch(tenant: TenantClient) -> None:
    some = await files(tenant, 4)
    batch = await asked(tenant, *some)
    done = [await tenant.finish_next(MADE) for _ in range(2)]
    assert await counts(tenant, batch) == {"state": "running", "total": 4, "queued": 2, "succeeded": 2}
    jobs = (await tenant.get(f"{batch}/jobs")).json()["items"]
    assert [job["file_id"] for job in reversed(jobs)] == some
    assert [job["id"] for job in reversed(jobs)][:2] == done
    assert {job["batch_id"] for job in jobs} == {batch.rsplit("/", 1)[1]}


async def test_a_file_named_twice_is_extracted_once(tenant: TenantClient) -> None:
    file_id = await tenant.rows.file()
    assert (await counts(tenant, await asked(tenant, file_id, file_id)))["total"] == 1


async def test_work_that_was_done_before_is_not_done_again(tenant: TenantClient) -> None:
    first, second = await tenant.rows.file("same bytes"), await tenant.rows.file("same bytes")
    await tenant.created(first)
    await tenant.finish_next(MADE)
    batch = await asked(tenant, second, first)
    assert await counts(tenant, batch) == {"state": "succeeded", "total": 2, "succeeded": 2}
    jobs = (await tenant.get(f"{batch}/jobs")).json()["items"]
    assert {(job["cached"], job["progress"]["pages_total"]) for job in jobs} == {(True, 1)}
    assert all(job["time_finished"] for job in jobs)


async def test_ids_that_cannot_be_extracted_are_named(tenant: TenantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "AT_A_TIME", 2)
    good, missing = await files(tenant, 1), new_id("fs")
    binary = await tenant.rows.file(media_type="application/octet-stream", extension=".bin")
    for asked_for, wrong in (
        ([*good, missing], {"/file_ids/1": "There is no such file."}),
        ([binary, *good], {"/file_ids/0": "Files of the type 'application/octet-stream' cannot be extracted."}),
        (["fs_\0"], {"/file_ids/0": "There is no such file."}),
    ):
        response = await ask(tenant, *asked_for)
        assert (response.status_code, response.json()["code"]) == (422, "invalid-request")
        assert {error["pointer"]: error["detail"] for error in response.json()["errors"]} == wrong
    assert (await tenant.get(batches(tenant))).json()["items"] == []
    assert (await tenant.get(tenant.jobs)).json()["items"] == []


async def test_a_refusal_names_a_hundred_ids_at_most(tenant: TenantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_TOLD", 2)
    response = await ask(tenant, *[new_id("fs") for _ in range(3)])
    assert [error["pointer"] for error in response.json()["errors"]] == ["/file_ids/0", "/file_ids/1"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"file_ids": []},
        {"file_ids": ["fs_x"], "filter": {}},
        {"filter": {"sha256": "short"}},
        {"filter": {"names": "x"}},
        {"filter": {"meta.a": 1}},
        {"filter": {"name": "\0"}},
        {"filter": {f"meta.{number}": "x" for number in range(21)}},
        {"filter": {"created_after": "2025-01-01T00:00:00"}},
        {"filter": {}, "name": "\0"},
        {"filter": {}, "options": {"pages": "x"}},
        {"filter": {}, "more": 1},
    ],
)
async def test_a_batch_that_makes_no_sense_is_refused(tenant: TenantClient, body: dict[str, Any]) -> None:
    response = await ask(tenant, **body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request"), response.text


async def test_a_filter_finds_what_can_be_extracted(tenant: TenantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "AT_A_TIME", 2)
    some = await files(tenant, 3)
    await tenant.rows.file(media_type="application/octet-stream", extension=".bin")
    assert (await counts(tenant, await asked(tenant, filter={})))["total"] == 3
    jobs = (await tenant.get(tenant.jobs)).json()["items"]
    assert sorted(job["file_id"] for job in jobs) == sorted(some)


@pytest.mark.parametrize(
    ("chosen", "total"),
    [
        ({"name": "A.T", "extension": "TXT", "media_type": "text/plain"}, 1),
        ({"created_after": "2025-01-01T00:00:00Z", "created_before": "2999-01-01T00:00:00+01:00"}, 1),
        ({"min_size": 0, "max_size": 10}, 1),
        ({"min_size": 1}, 0),
        ({"tag": "a"}, 0),
        ({"tag": ["a", "b"]}, 0),
        ({"meta.project": "x"}, 0),
        ({"sha256": "A" * 64}, 0),
    ],
)
async def test_a_filter_is_that_of_the_file_list(tenant: TenantClient, chosen: dict[str, Any], total: int) -> None:
    await files(tenant, 1)
    response = await ask(tenant, filter=chosen)
    assert (response.status_code, response.json()["counts"]["total"]) == (202, total), response.text
    assert response.json()["state"] == ("queued" if total else "succeeded")


async def test_a_filter_that_finds_too_much_is_refused(tenant: TenantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_FOUND", 1)
    await files(tenant, 2)
    response = await ask(tenant, filter={})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/filter")


async def test_a_batch_beyond_the_queue_is_refused_whole(tenant: TenantClient) -> None:
    response = await ask(tenant, *await files(tenant, MAX_QUEUED + 1))
    assert (response.status_code, response.json()["code"]) == (429, "too-many-queued")
    assert response.headers["retry-after"]
    assert (await tenant.get(batches(tenant))).json()["items"] == []
    await asked(tenant, *await files(tenant, MAX_QUEUED))


async def test_a_repeated_request_gets_the_same_batch(tenant: TenantClient) -> None:
    some, key = await files(tenant, 2), {"Idempotency-Key": "again"}
    first = await ask(tenant, *some, headers=key)
    second = await ask(tenant, *some, headers=key)
    assert (second.status_code, second.json()) == (202, first.json())
    assert second.headers["idempotency-replayed"] == "true"
    other = await ask(tenant, some[0], headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len((await tenant.get(batches(tenant))).json()["items"]) == 1


async def test_batches_are_listed_by_pages_newest_first(tenant: TenantClient) -> None:
    made = [await asked(tenant, *await files(tenant, 1)) for _ in range(3)]
    first = await tenant.get(batches(tenant), params={"limit": 2})
    rest = await tenant.get(first.links["next"]["url"])
    found = [*first.json()["items"], *rest.json()["items"]]
    assert [f"{batches(tenant)}/{batch['id']}" for batch in found] == made[::-1]
    assert (rest.json()["next_cursor"], rest.links) == (None, {})
    list_id = fingerprint("extraction-batches", str(tenant.rows.tenant_id))
    for cursor in ("x", Cursor("2025-01-01T00:00:00Z", new_id("ex")).encode(list_id)):
        response = await tenant.get(batches(tenant), params={"cursor": cursor})
        assert (response.status_code, response.json()["code"]) == (400, "bad-cursor")


async def test_jobs_of_a_batch_are_listed_by_state_and_by_pages(tenant: TenantClient) -> None:
    some = await files(tenant, 3)
    batch = await asked(tenant, *some)
    await tenant.finish_next(MADE)
    first = await tenant.get(f"{batch}/jobs", params={"state": "queued", "limit": 1})
    second = await tenant.get(first.links["next"]["url"])
    found = [job["file_id"] for page in (first, second) for job in page.json()["items"]]
    assert found == some[:0:-1]


async def test_cancelling_ends_what_waits_and_stops_what_runs(tenant: TenantClient) -> None:
    batch = await asked(tenant, *await files(tenant, 3))
    await tenant.finish_next(MADE)
    claim = await tenant.rows.claimed()
    response = await tenant.call("POST", f"{batch}:cancel")
    assert response.status_code == 202
    assert await counts(tenant, batch) == {
        "state": "running",
        "total": 3,
        "running": 1,
        "succeeded": 1,
        "cancelled": 1,
    }
    await tenant.rows.finish(claim, MADE)
    assert await counts(tenant, batch) == {"state": "partial", "total": 3, "succeeded": 1, "cancelled": 2}
    again = await tenant.call("POST", f"{batch}:cancel")
    assert (again.status_code, again.json()["code"]) == (409, "already-finished")


async def test_what_failed_is_tried_again(tenant: TenantClient) -> None:
    batch = await asked(tenant, *await files(tenant, 2))
    failed = await fail_next(tenant)
    await tenant.finish_next(MADE)
    assert await counts(tenant, batch) == {"state": "partial", "total": 2, "succeeded": 1, "failed": 1}
    response = await tenant.call("POST", f"{batch}:retry-failed")
    assert (response.status_code, response.json()["counts"]["queued"]) == (202, 1)
    job = (await tenant.get(f"{batch}/jobs?state=queued")).json()["items"][0]
    assert (job["file_id"], job["time_finished"], "error" in job) == (failed, None, False)
    await tenant.finish_next(MADE)
    assert await counts(tenant, batch) == {"state": "succeeded", "total": 2, "succeeded": 2}
    assert (await tenant.call("POST", f"{batch}:retry-failed")).status_code == 202


async def test_a_retry_does_not_overfill_the_queue(tenant: TenantClient) -> None:
    batch = await asked(tenant, *await files(tenant, 1))
    await fail_next(tenant)
    await asked(tenant, *await files(tenant, MAX_QUEUED))
    response = await tenant.call("POST", f"{batch}:retry-failed")
    assert (response.status_code, response.json()["code"]) == (429, "too-many-queued")
    assert await counts(tenant, batch) == {"state": "failed", "total": 1, "failed": 1}


async def test_results_are_lines_in_the_order_of_the_batch(
    tenant: TenantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_routes, "RESULTS_AT_A_TIME", 2)
    some = await files(tenant, 4)
    batch = await asked(tenant, *some)
    await tenant.finish_next(MADE)
    await fail_next(tenant)
    for _ in range(2):
        await tenant.finish_next(MADE)
    response = await tenant.get(f"{batch}/results")
    assert response.headers["content-type"] == "application/x-ndjson"
    documents = [orjson.loads(line) for line in response.content.splitlines()]
    assert [document["document"]["file_id"] for document in documents] == [some[0], some[2], some[3]]
    assert {document["content"] for document in documents} == {"hello"}


async def test_a_result_that_goes_while_others_are_read_is_left_out(
    tenant: TenantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = await files(tenant, 2)
    batch = await asked(tenant, *some)
    jobs = [await tenant.finish_next(MADE) for _ in some]

    async def read_late(services: Any, stored: Any) -> bytes:
        if stored.job.id == jobs[0]:
            await tenant.rows.delete(jobs[0])
        return await read_document(services, stored)

    monkeypatch.setattr(batch_routes, "read_document", read_late)
    response = await tenant.get(f"{batch}/results")
    documents = [orjson.loads(line) for line in response.content.splitlines()]
    assert [document["document"]["file_id"] for document in documents] == [some[1]]


async def test_events_tell_counts_until_the_batch_has_ended(
    tenant: TenantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_routes, "EVENT_PAUSE_SECONDS", 0.0)
    batch = await asked(tenant, *await files(tenant, 2))
    watching = asyncio.create_task(tenant.get(f"{batch}/events"))
    await until_waiting(tenant, batch.rsplit("/", 1)[1])
    for _ in range(2):
        await tenant.finish_next(MADE)
    events = [event for event in (await soon(watching)).text.split("\n\n") if event and not event.startswith(":")]
    fields = [dict(line.split(": ", 1) for line in event.splitlines()) for event in events]
    assert fields[0]["event"] == "state"
    assert fields[-1]["event"] == "state"
    assert orjson.loads(fields[-1]["data"])["state"] == "succeeded"
    resumed = await tenant.get(f"{batch}/events", headers={"Last-Event-ID": fields[-1]["id"]})
    assert resumed.text == ": alive\n\n"


async def test_progress_is_told_by_counts_alone(tenant: TenantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_routes, "EVENT_PAUSE_SECONDS", 0.0)
    batch = await asked(tenant, *await files(tenant, 3))
    await tenant.finish_next(MADE)
    body = (await tenant.get(batch)).json()
    await tenant.finish_next(MADE)
    seen = f"running-{'.'.join(str(number) for number in list(body['counts'].values())[1:])}-3"
    watching = asyncio.create_task(tenant.get(f"{batch}/events", headers={"Last-Event-ID": seen}))
    await until_waiting(tenant, batch.rsplit("/", 1)[1])
    changes = tenant.service.app.state.job_changes
    changes.release_all()
    first = (await soon(watching)).text.split("\n\n")[0]
    changes._closing = False
    assert "event: progress" in first
    assert '"succeeded":2' in first


async def test_another_tenants_batch_does_not_exist(service: Service, tenant: TenantClient) -> None:
    other = await tenant_client(service)
    batch = (await asked(other, *await files(other, 1))).rsplit("/", 1)[1]
    for bad in (batch, new_id("eb"), "eb_%00", "x"):
        for method, path in (
            ("GET", ""),
            ("GET", "/jobs"),
            ("GET", "/events"),
            ("GET", "/results"),
            ("POST", ":cancel"),
            ("POST", ":retry-failed"),
        ):
            response = await tenant.call(method, f"{batches(tenant)}/{bad}{path}")
            assert (response.status_code, response.json()["code"]) == (404, "not-found"), (bad, method, path)


async def test_deleting_a_file_takes_its_job_out_of_the_batch(tenant: TenantClient) -> None:
    batch = await asked(tenant, *await files(tenant, 2))
    job = (await tenant.get(f"{batch}/jobs")).json()["items"][0]["id"]
    await tenant.rows.delete(job)
    assert (await counts(tenant, batch))["total"] == 1
