"""The documents that jobs made, in the form and the part that is asked for."""

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from serve_apps.auth import Caller, ServicesOf, caller
from serve_apps.extraction.result_reading import find_result, read_document
from serve_apps.extraction.result_views import MEDIA_TYPES, Format, View, render
from serve_apps.preconditions import none_match
from storage.extraction_results import StoredResult

router = APIRouter(prefix="/v1/tenants/{code}/extractions", tags=["results"])

Reader = Annotated[Caller, Depends(caller("extractions:read"))]


@router.get(
    "/{job_id}/result", responses={200: {"content": {media_type: {} for media_type in MEDIA_TYPES.values()}}, 304: {}}
)
async def get_result(
    request: Request,
    job_id: str,
    found: Reader,
    services: ServicesOf,
    form: Annotated[Format, Query(alias="format")] = "json",
    pages: Annotated[str, Query(max_length=1000, description="A selection such as 1-3,7.")] = "",
    expand: Annotated[Literal["", "words"], Query()] = "",
) -> Response:
    """The document of a job that succeeded, whole or in part."""
    view = View(form, pages, words=expand == "words")
    stored = await find_result(services, found.tenant.id, job_id)
    headers = {"ETag": _tag(stored, view), "Cache-Control": "private, no-cache"}
    if not none_match(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    document = await read_document(services, stored)
    return Response(await render(document, stored, view), 200, headers, MEDIA_TYPES[form])


def _tag(stored: StoredResult, view: View) -> str:
    """Strong: a result never changes, and the file's name, which is in the document, changes with its version."""
    parts = (str(stored.result_id), stored.file.id, str(stored.file.version), repr(view))
    return f'"{hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]}"'
