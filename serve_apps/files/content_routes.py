"""Downloads."""

from datetime import UTC
from email.utils import format_datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from serve_apps.auth import Caller, ServicesOf, caller
from serve_apps.content_disposition import disposition
from serve_apps.documented_problems import raises
from serve_apps.files.byte_ranges import requested_range
from serve_apps.files.content_response import ContentResponse, open_content
from serve_apps.files.file_reading import find_file
from serve_apps.files.uploads import repr_digest
from serve_apps.preconditions import none_match
from serve_apps.request_errors import RangeNotSatisfiable
from storage.records import FileRecord

router = APIRouter(prefix="/v1/tenants/{code}/files/{file_id}/content", tags=["files"])

SHOWN_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"})
"""Types that a browser shows without running anything of them."""

Reader = Annotated[Caller, Depends(caller("files:read"))]
Inline = Annotated[bool, Query()]
BYTES = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The whole file.", **BYTES},
    206: {"description": "One range of it.", **BYTES},
    304: {"description": "The caller has it."},
}


@router.get("", response_class=Response, responses=CONTENT)
@router.head("", response_class=Response, include_in_schema=False)
@raises(RangeNotSatisfiable)
async def download(
    request: Request, file_id: str, found: Reader, services: ServicesOf, inline: Inline = False
) -> Response:
    """The file's bytes, whole or one range of them."""
    record = await find_file(services, found.tenant, file_id)
    headers = _headers(record, inline=inline)
    if not none_match(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    size = record.file_size_bytes
    if request.method == "HEAD":
        # Without its range: RFC 9110, section 14.2, defines one for GET only.
        return Response(headers=headers | {"Content-Length": str(size)})
    wanted = requested_range(request.headers.get("range"), size) if _range_counts(request, headers) else None
    if wanted == "unsatisfiable":
        raise RangeNotSatisfiable(size)
    start, length, status = 0, size, 200
    if wanted is not None:
        start, length, status = wanted.start, wanted.length, 206
        headers["Content-Range"] = wanted.content_range(size)
    file = await open_content(services.disk, record.storage_path)
    return ContentResponse(file, start, length, status, headers)


def _headers(record: FileRecord, *, inline: bool) -> dict[str, str]:
    kind = "inline" if inline and record.media_type in SHOWN_INLINE else "attachment"
    return {
        "ETag": f'"{record.sha256}"',
        "Content-Type": record.media_type,
        "Content-Disposition": disposition(kind, record.file_name),
        "Last-Modified": format_datetime(record.time_created.astimezone(UTC), usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Repr-Digest": repr_digest(record.sha256),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def _range_counts(request: Request, headers: dict[str, str]) -> bool:
    """A range of another version than the one in `If-Range` gets the whole file."""
    condition = request.headers.get("if-range")
    return condition is None or condition in {headers["ETag"], headers["Last-Modified"]}
