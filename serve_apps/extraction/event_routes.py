"""A job's life as server-sent events."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from serve_apps.auth import Caller, ServicesOf, caller, refuse_revoked
from serve_apps.extraction.event_stream import EVENT_STREAM, LastEventId, Watch, event_stream
from serve_apps.extraction.routes import Changes
from serve_apps.extraction.schemas import Json
from storage import extraction_crud
from storage.extraction_records import JobRecord
from storage.shown_records import job_out

router = APIRouter(prefix="/v1/tenants/{code}/extractions", tags=["extractions"])

Reader = Annotated[Caller, Depends(caller("extractions:read"))]


@router.get("/{job_id}/events", response_class=StreamingResponse, responses=EVENT_STREAM)
async def get_events(
    job_id: str, found: Reader, services: ServicesOf, changes: Changes, last_event_id: LastEventId = ""
) -> StreamingResponse:
    """`state` (the job) and `progress` events until the job has finished."""

    async def read() -> JobRecord:
        await refuse_revoked(services, found)
        async with services.database.reading(found.tenant.id) as session:
            return await extraction_crud.get(session, found.tenant.id, job_id)

    def event(job: JobRecord, same_state: bool) -> tuple[str, Json]:
        body = job_out(job, found.tenant.code)
        return ("progress", body["progress"]) if same_state else ("state", body)

    watch = Watch(job_id, read, _mark, event, lambda job: job.is_final)
    return event_stream(watch, await read(), changes, last_event_id)


def _mark(job: JobRecord) -> str:
    return f"{job.attempt}-{job.state}-{job.pages_done}-{job.pages_total or 0}"
