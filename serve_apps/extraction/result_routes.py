"""The documents that jobs made, in the form and the part that is asked for."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from actors.views.chunks import DEFAULT_CHARACTERS
from serve_apps.auth import Caller, ServicesOf, caller
from serve_apps.documented_problems import raises
from serve_apps.extraction.result_reading import find_result, read_document
from serve_apps.extraction.result_views import MEDIA_TYPES, Format, View, render
from serve_apps.preconditions import none_match
from storage.errors import NotFinished
from storage.extraction_results import StoredResult

router = APIRouter(prefix="/v1/tenants/{code}/extractions", tags=["results"])

Reader = Annotated[Caller, Depends(caller("extractions:read"))]
Expand = Annotated[
    str,
    Query(
        pattern="^((words|chunks)(,(words|chunks))*)?$",
        description="`words` for the places of words, `chunks` for pieces for retrieval, or both with a comma.",
    ),
]
ChunkCharacters = Annotated[int, Query(ge=100, le=100_000, description="The size of a chunk, at most.")]

HARMLESS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
"""A browser runs nothing of what a document said."""


@router.get(
    "/{job_id}/result", responses={200: {"content": {media_type: {} for media_type in MEDIA_TYPES.values()}}, 304: {}}
)
@raises(NotFinished)
async def get_result(
    request: Request,
    job_id: str,
    found: Reader,
    services: ServicesOf,
    form: Annotated[Format, Query(alias="format")] = "json",
    pages: Annotated[str, Query(max_length=1000, description="A selection such as 1-3,7.")] = "",
    expand: Expand = "",
    chunk_characters: ChunkCharacters = DEFAULT_CHARACTERS,
) -> Response:
    """The document of a job that succeeded, whole or in part, in one of several forms."""
    view = View.expanded(expand, chunk_characters, form, pages)
    stored = await find_result(services, found.tenant.id, job_id)
    headers = {"ETag": _tag(stored, view), "Cache-Control": "private, no-cache"} | HARMLESS
    if not none_match(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    document = await read_document(services, stored)
    return Response(await render(document, stored, view), 200, headers, MEDIA_TYPES[form])


def _tag(stored: StoredResult, view: View) -> str:
    """Strong: a result never changes, and the file's name, which is in the document, changes with its version."""
    parts = (str(stored.result_id), stored.file.id, str(stored.file.version), repr(view))
    return f'"{hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]}"'
