"""Extraction jobs: ask for one, watch it, cancel it, delete it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from serve_apps.answers import MAX_WAIT_SECONDS, json_answer, preferred_wait
from serve_apps.auth import Caller, ServicesOf, caller, refuse_revoked
from serve_apps.documented_problems import raises
from serve_apps.extraction import schemas
from serve_apps.extraction.enqueuing import Asked, enqueue_once, how_to_read
from serve_apps.extraction.job_changes import JobChanges
from serve_apps.idempotent_requests import idempotency_key
from serve_apps.ingress import service_path
from serve_apps.json_body import json_body, json_request
from serve_apps.paging import fingerprint, moment_before, moment_cursor, next_link
from serve_apps.request_errors import BadCursor
from serve_apps.services import Services
from storage import extraction_crud
from storage.errors import AlreadyFinished, IdempotencyKeyInUse, IdempotencyKeyReused, NotExtractable, TooManyQueued
from storage.extraction_crud import JobFilter
from storage.extraction_records import JobRecord
from storage.job_passwords import JobPasswords
from storage.records import TenantRecord
from storage.shown_records import job_out

router = APIRouter(prefix="/v1/tenants/{code}/extractions", tags=["extractions"])

Reader = Annotated[Caller, Depends(caller("extractions:read"))]
Writer = Annotated[Caller, Depends(caller("extractions:write"))]
NewExtraction = Annotated[schemas.NewExtraction, Depends(json_body(schemas.NewExtraction))]

RETRY_AFTER_SECONDS = "1"


def job_changes_of(request: Request) -> JobChanges:
    found: JobChanges = request.app.state.job_changes
    return found


def job_passwords_of(request: Request) -> JobPasswords:
    found: JobPasswords = request.app.state.job_passwords
    return found


Changes = Annotated[JobChanges, Depends(job_changes_of)]
Passwords = Annotated[JobPasswords, Depends(job_passwords_of)]


@router.post(
    "",
    status_code=202,
    response_model=schemas.JobOut,
    responses={200: {"model": schemas.JobOut, "description": "It has finished within the time of `Prefer: wait`."}},
    openapi_extra=json_request(schemas.NewExtraction),
)
@raises(NotExtractable, TooManyQueued, IdempotencyKeyReused, IdempotencyKeyInUse)
async def create(
    request: Request, found: Writer, services: ServicesOf, changes: Changes, passwords: Passwords, new: NewExtraction
) -> Response:
    """Ask for a file's extraction. `Prefer: wait=N` answers with the finished job, if it finishes within N seconds."""
    settings, tenant = services.settings, found.tenant
    how = how_to_read(new.options, tenant.id, passwords, settings.extraction_timeout_seconds)
    asked = Asked(tenant, new.file_id, how, idempotency_key(request))
    body, replayed = await enqueue_once(services.database, asked, settings.extraction_max_queued)
    headers = {"Location": service_path(request, f"/v1/tenants/{tenant.code}/extractions/{body['id']}")} | replayed
    if seconds := preferred_wait(request):
        job = await _wait(services, changes, found, body["id"], lambda now: now.is_final, seconds)
        body = job_out(job, tenant.code)
        if job.is_final:
            return json_answer(body, 200, headers | {"Preference-Applied": f"wait={seconds}"})
    return json_answer(body, 202, headers | {"Retry-After": RETRY_AFTER_SECONDS})


async def _wait(
    services: Services,
    changes: JobChanges,
    found: Caller,
    job_id: str,
    reached: Callable[[JobRecord], bool],
    seconds: float,
) -> JobRecord:
    async def read() -> JobRecord:
        await refuse_revoked(services, found)
        async with services.database.reading(found.tenant.id) as session:
            return await extraction_crud.get(session, found.tenant.id, job_id)

    return await changes.until(job_id, read, reached, seconds)


@router.get("", response_model=schemas.JobPage)
@raises(BadCursor)
async def list_jobs(
    request: Request,
    found: Reader,
    services: ServicesOf,
    state: schemas.State | None = None,
    file_id: str | None = None,
    batch_id: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """A page of the tenant's jobs, newest first."""
    path = f"/v1/tenants/{found.tenant.code}/extractions"
    return await job_page(request, services, found.tenant, JobFilter(state, file_id, batch_id), path, limit, cursor)


async def job_page(
    request: Request,
    services: Services,
    tenant: TenantRecord,
    wanted: JobFilter,
    path: str,
    limit: int,
    cursor: str | None,
) -> Response:
    """A page of the list of jobs that lies at `path`."""
    list_id = fingerprint("extractions", str(tenant.id), wanted.state, wanted.file_id, wanted.batch_id)
    after = moment_before(cursor, list_id, "ex")
    async with services.database.reading(tenant.id) as session:
        jobs = await extraction_crud.page(session, tenant.id, wanted, limit + 1, after)
    items, more = jobs[:limit], len(jobs) > limit
    last = moment_cursor(items[-1], list_id) if more else None
    body = {"items": [job_out(job, tenant.code) for job in items], "next_cursor": last}
    return json_answer(body, headers=next_link(request, path, last))


@router.get("/{job_id}", response_model=schemas.JobOut)
async def get_job(
    job_id: str,
    found: Reader,
    services: ServicesOf,
    changes: Changes,
    wait: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """A job. With `wait`, as soon as its state is another one, or after so many seconds."""
    async with services.database.reading(found.tenant.id) as session:
        job = await extraction_crud.get(session, found.tenant.id, job_id)
    if wait and not job.is_final:
        before = job.state
        seconds = min(wait, MAX_WAIT_SECONDS)
        job = await _wait(services, changes, found, job_id, lambda now: now.state != before, seconds)
    return json_answer(job_out(job, found.tenant.code))


@router.post("/{job_id}:cancel", status_code=202, response_model=schemas.JobOut)
@raises(AlreadyFinished)
async def cancel(job_id: str, found: Writer, services: ServicesOf) -> Response:
    """Stop a job: at once while it waits, within seconds while it runs."""
    async with services.database.transaction(found.tenant.id) as session:
        job = await extraction_crud.cancel(session, found.tenant.id, job_id)
    return json_answer(job_out(job, found.tenant.code), 202)


@router.delete("/{job_id}", status_code=204)
async def delete(job_id: str, found: Writer, services: ServicesOf) -> Response:
    """Remove a job and its result; one that runs is stopped."""
    async with services.database.transaction(found.tenant.id) as session:
        invalid = await extraction_crud.delete_job(session, found.tenant.id, job_id)
        await services.cache.forewarn(invalid)
    await services.cache.invalidate(invalid)
    return Response(status_code=204)
