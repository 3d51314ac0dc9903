"""Batches of extraction jobs: ask for one, watch it, cancel it, try again what failed, read all results."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from actors.views.chunks import DEFAULT_CHARACTERS
from serve_apps.answers import json_answer
from serve_apps.auth import Caller, ServicesOf, caller, refuse_revoked
from serve_apps.documented_problems import raises
from serve_apps.extraction import batch_schemas, schemas
from serve_apps.extraction.batch_schemas import batch_out
from serve_apps.extraction.batching import AskedBatch, enqueue_batch_once
from serve_apps.extraction.enqueuing import how_to_read
from serve_apps.extraction.event_stream import EVENT_STREAM, LastEventId, Watch, event_stream
from serve_apps.extraction.result_reading import read_document
from serve_apps.extraction.result_routes import ChunkCharacters, Expand
from serve_apps.extraction.result_views import View, render
from serve_apps.extraction.routes import RETRY_AFTER_SECONDS, Changes, Passwords, job_page
from serve_apps.idempotent_requests import idempotency_key
from serve_apps.ingress import service_path
from serve_apps.json_body import json_body, json_request
from serve_apps.paging import fingerprint, moment_before, moment_cursor, next_link
from serve_apps.request_errors import BadCursor
from serve_apps.services import Services
from storage import extraction_batches, extraction_results
from storage.errors import AlreadyFinished, IdempotencyKeyInUse, IdempotencyKeyReused, NotFound, TooManyQueued
from storage.extraction_batches import BatchRecord
from storage.extraction_crud import JobFilter
from storage.records import TenantRecord

router = APIRouter(prefix="/v1/tenants/{code}/extraction-batches", tags=["extraction batches"])

Reader = Annotated[Caller, Depends(caller("extractions:read"))]
Writer = Annotated[Caller, Depends(caller("extractions:write"))]
NewBatch = Annotated[batch_schemas.NewBatch, Depends(json_body(batch_schemas.NewBatch))]
Limit = Annotated[int, Query(ge=1, le=200)]

EVENT_PAUSE_SECONDS = 0.5
"""A batch of small files changes a hundred times a second."""
RESULTS_AT_A_TIME = 50


@router.post(
    "", status_code=202, response_model=batch_schemas.BatchOut, openapi_extra=json_request(batch_schemas.NewBatch)
)
@raises(TooManyQueued, IdempotencyKeyReused, IdempotencyKeyInUse)
async def create_batch(
    request: Request, found: Writer, services: ServicesOf, passwords: Passwords, new: NewBatch
) -> Response:
    """Ask for the extraction of many files: named by their ids, or found by a filter of the file list."""
    settings, tenant = services.settings, found.tenant
    how = how_to_read(new.options, tenant.id, passwords, settings.extraction_timeout_seconds)
    asked = AskedBatch(
        tenant,
        new.name,
        new.files(),
        how,
        new.model_dump(mode="json", exclude={"options": {"password"}}),
        idempotency_key(request),
    )
    body, replayed = await enqueue_batch_once(services.database, asked, settings.extraction_max_queued)
    location = service_path(request, f"{_batches(tenant)}/{body['id']}")
    return json_answer(body, 202, {"Location": location, "Retry-After": RETRY_AFTER_SECONDS} | replayed)


def _batches(tenant: TenantRecord) -> str:
    return f"/v1/tenants/{tenant.code}/extraction-batches"


@router.get("", response_model=batch_schemas.BatchPage)
@raises(BadCursor)
async def list_batches(
    request: Request, found: Reader, services: ServicesOf, limit: Limit = 50, cursor: str | None = None
) -> Response:
    """A page of the tenant's batches, newest first."""
    list_id = fingerprint("extraction-batches", str(found.tenant.id))
    after = moment_before(cursor, list_id, "eb")
    async with services.database.reading(found.tenant.id) as session:
        batches = await extraction_batches.page(session, found.tenant.id, limit + 1, after)
    items, more = batches[:limit], len(batches) > limit
    last = moment_cursor(items[-1], list_id) if more else None
    body = {"items": [batch_out(batch) for batch in items], "next_cursor": last}
    return json_answer(body, headers=next_link(request, _batches(found.tenant), last))


@router.get("/{batch_id}", response_model=batch_schemas.BatchOut)
async def get_batch(batch_id: str, found: Reader, services: ServicesOf) -> Response:
    return json_answer(batch_out(await _read(services, found.tenant, batch_id)))


async def _read(services: Services, tenant: TenantRecord, batch_id: str) -> BatchRecord:
    async with services.database.reading(tenant.id) as session:
        return await extraction_batches.get(session, tenant.id, batch_id)


@router.get("/{batch_id}/jobs", response_model=schemas.JobPage)
@raises(BadCursor)
async def list_batch_jobs(
    request: Request,
    batch_id: str,
    found: Reader,
    services: ServicesOf,
    state: schemas.State | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """A page of the batch's jobs, the last of the batch first."""
    await _read(services, found.tenant, batch_id)
    path = f"{_batches(found.tenant)}/{batch_id}/jobs"
    return await job_page(request, services, found.tenant, JobFilter(state, None, batch_id), path, limit, cursor)


@router.get("/{batch_id}/events", response_class=StreamingResponse, responses=EVENT_STREAM)
async def get_batch_events(
    batch_id: str, found: Reader, services: ServicesOf, changes: Changes, last_event_id: LastEventId = ""
) -> StreamingResponse:
    """`state` (the batch) and `progress` (its counts) events until every job has finished."""

    async def read() -> BatchRecord:
        await refuse_revoked(services, found)
        return await _read(services, found.tenant, batch_id)

    def event(batch: BatchRecord, same_state: bool) -> tuple[str, schemas.Json]:
        body = batch_out(batch)
        return ("progress", body["counts"]) if same_state else ("state", body)

    watch = Watch(batch_id, read, _mark, event, lambda batch: batch.is_final, EVENT_PAUSE_SECONDS)
    return event_stream(watch, await read(), changes, last_event_id)


def _mark(batch: BatchRecord) -> str:
    return f"{batch.state}-{'.'.join(str(number) for number in batch.counts.values())}-{batch.total}"


@router.get(
    "/{batch_id}/results",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}}},
)
async def get_batch_results(
    batch_id: str,
    found: Reader,
    services: ServicesOf,
    expand: Expand = "",
    chunk_characters: ChunkCharacters = DEFAULT_CHARACTERS,
) -> StreamingResponse:
    """The documents that are there, one a line, in the order of the batch."""
    await _read(services, found.tenant, batch_id)
    lines = _lines(
        services,
        found,
        batch_id,
        View("json", "", "words" in expand, chunk_characters if "chunks" in expand else 0),
    )
    return StreamingResponse(lines, 200, {"Cache-Control": "no-store"}, "application/x-ndjson")


async def _lines(services: Services, found: Caller, batch_id: str, view: View) -> AsyncIterator[bytes]:
    tenant_id, after = found.tenant.id, None
    while True:
        await refuse_revoked(services, found)
        async with services.database.reading(tenant_id) as session:
            some = await extraction_results.of_batch(session, tenant_id, batch_id, after, RESULTS_AT_A_TIME)
        if not some:
            return
        for stored in some:
            try:
                document = await read_document(services, stored)
            except NotFound:
                # Deleted since the list was read.
                continue
            yield await render(document, stored, view) + b"\n"
        after = (some[-1].job.time_created, some[-1].job.id)


@router.post("/{batch_id}:cancel", status_code=202, response_model=batch_schemas.BatchOut)
@raises(AlreadyFinished)
async def cancel_batch(batch_id: str, found: Writer, services: ServicesOf) -> Response:
    """Stop all jobs of the batch that have not finished."""
    async with services.database.transaction(found.tenant.id) as session:
        batch = await extraction_batches.cancel(session, found.tenant.id, batch_id)
    return json_answer(batch_out(batch), 202)


@router.post("/{batch_id}:retry-failed", status_code=202, response_model=batch_schemas.BatchOut)
@raises(TooManyQueued)
async def retry_failed(batch_id: str, found: Writer, services: ServicesOf) -> Response:
    """Queue the batch's failed jobs again."""
    limit = services.settings.extraction_max_queued
    async with services.database.transaction(found.tenant.id) as session:
        batch = await extraction_batches.retry_failed(session, found.tenant.id, batch_id, limit)
    return json_answer(batch_out(batch), 202)
