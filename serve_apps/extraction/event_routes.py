"""A job's life as server-sent events (WHATWG HTML, 9.2).

Events tell what a job is now, not each step on the way, so nothing needs to be kept for those who come back: an event's
id says what its receiver has seen, and whoever sends it back as `Last-Event-ID` is told only what is different.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header
from starlette.responses import StreamingResponse

from serve_apps.auth import Caller, ServicesOf, caller
from serve_apps.extraction.job_changes import JobChanges
from serve_apps.extraction.routes import Changes
from serve_apps.extraction.schemas import Json
from serve_apps.services import Services
from storage import extraction_crud
from storage.errors import MunimentError
from storage.extraction_records import JobRecord
from storage.records import TenantRecord
from storage.shown_records import job_out

router = APIRouter(prefix="/v1/tenants/{code}/extractions", tags=["extractions"])

Reader = Annotated[Caller, Depends(caller("extractions:read"))]

KEEP_ALIVE_SECONDS = 15.0
"""A silent stream says that it lives, so that nothing on the way takes it for dead."""


@router.get(
    "/{job_id}/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}}
)
async def get_events(
    job_id: str,
    found: Reader,
    services: ServicesOf,
    changes: Changes,
    last_event_id: Annotated[str, Header(max_length=100)] = "",
) -> StreamingResponse:
    """`state` (the job) and `progress` events until the job has finished."""
    async with services.database.reading(found.tenant.id) as session:
        job = await extraction_crud.get(session, found.tenant.id, job_id)
    events = _events(services, changes, found.tenant, job, last_event_id)
    return StreamingResponse(events, 200, {"Cache-Control": "no-store"}, "text/event-stream")


async def _events(
    services: Services, changes: JobChanges, tenant: TenantRecord, job: JobRecord, seen: str
) -> AsyncIterator[bytes]:
    async def read() -> JobRecord:
        async with services.database.reading(tenant.id) as session:
            return await extraction_crud.get(session, tenant.id, job.id)

    while True:
        yield _event(job, tenant, seen) if _is_news(seen, job) else b": alive\n\n"
        seen = _mark(job)
        if job.is_final or changes.closing:
            return
        try:
            job = await changes.until(job.id, read, partial(_is_news, seen), KEEP_ALIVE_SECONDS)
        except MunimentError:
            # Deleted, or the database is away: a client that comes back is told which.
            return


def _mark(job: JobRecord) -> str:
    return f"{job.attempt}-{job.state}-{job.pages_done}-{job.pages_total or 0}"


def _is_news(seen: str, job: JobRecord) -> bool:
    return _mark(job) != seen


def _event(job: JobRecord, tenant: TenantRecord, seen: str) -> bytes:
    same_state = seen.rsplit("-", 2)[0] == _mark(job).rsplit("-", 2)[0]
    name = "progress" if same_state else "state"
    body: Json = job_out(job, tenant.code)
    data = body["progress"] if same_state else body
    return f"id: {_mark(job)}\nevent: {name}\ndata: {orjson.dumps(data).decode()}\n\n".encode()
