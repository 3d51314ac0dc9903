"""Uploads that come in pieces, as tus 1.0.0 (https://tus.io/protocols/resumable-upload) has it."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from serve_apps.auth import Caller, ServicesOf, caller
from serve_apps.documented_problems import raises
from serve_apps.files import resumable_headers as headers
from serve_apps.files import upload_problems
from serve_apps.files.file_routes import Writer
from serve_apps.files.metered_body import metered_body
from serve_apps.files.resumable_bodies import UploadHolders
from serve_apps.files.resumable_hold import HeldUpload
from serve_apps.files.resumable_protocol import EXTENSIONS, VERSION, will_carry, will_tell_expiry
from serve_apps.files.resumable_uploads import ResumableUploads
from serve_apps.files.upload_body import content_length
from serve_apps.ingress import service_path
from storage.records import TenantRecord
from storage.resumable_errors import (
    NotAPiece,
    OffsetMismatch,
    UploadBusy,
    UploadExpired,
    UploadStalled,
    UploadTakenOver,
)
from storage.resumable_uploads import UploadRecord

router = APIRouter(prefix="/v1/tenants/{code}/uploads", tags=["resumable uploads"])

Asker = Annotated[Caller, Depends(caller("files:write", changes=False))]
Sender = Annotated[Caller, Depends(caller("files:write", counted=False))]
Follower = Annotated[Caller, Depends(caller("files:write", changes=False, counted=False))]
"""Pieces of an upload that was admitted, and asking how far it has come, cost bytes and no requests."""


def _header(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


TUS = _header("Tus-Resumable", f"The version of the protocol, `{VERSION}`.", required=True)
CHECKSUM = _header("Upload-Checksum", f"`{'` or `'.join(headers.ALGORITHMS)}`, a space, and the digest in Base64.")
BYTES = {"content": {headers.PIECE: {"schema": {"type": "string", "format": "binary"}}}}


def _uploads(request: Request, tenant: TenantRecord, services: ServicesOf) -> ResumableUploads:
    will_carry(request, "Tus-Max-Size", tenant.rules.max_file_size_bytes)
    return ResumableUploads(services, tenant)


@router.options("", status_code=204)
@router.options("/{upload_id}", status_code=204, include_in_schema=False)
@raises(*upload_problems.ANY_OF_TUS)
async def describe(request: Request, found: Asker, services: ServicesOf) -> Response:
    """What of tus there is: versions, extensions, the size that a file may have."""
    _uploads(request, found.tenant, services)
    answer = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(headers.ALGORITHMS),
    }
    return Response(status_code=204, headers=answer)


@router.post(
    "",
    status_code=201,
    response_class=Response,
    openapi_extra={
        "parameters": [
            TUS,
            _header("Upload-Length", "The size of the file in bytes."),
            _header("Upload-Defer-Length", "`1` instead of a length, which comes later."),
            _header(
                "Upload-Metadata",
                "`filename`, and if need be `filetype`, `tags`, `metadata` (JSON): each key with its value in Base64.",
                required=True,
            ),
            CHECKSUM,
        ],
        "requestBody": BYTES,
    },
)
@raises(*upload_problems.ANY_OF_TUS, *upload_problems.PIECE)
async def begin(request: Request, found: Writer, services: ServicesOf) -> Response:
    """Begin an upload, with its first bytes or without; it goes on at `Location`."""
    uploads = _uploads(request, found.tenant, services)
    length, checksum = headers.new_length(request), headers.checksum(request)
    has_bytes = headers.carries_piece(request)
    upload = await uploads.begin(request.headers.get("Upload-Metadata", ""), length)
    if has_bytes or length == 0:
        try:
            async with uploads.held(upload) as held:
                upload = await _receive(request, services, found, held, checksum)
        except BaseException:
            # The client was not told where it could go on.
            await asyncio.shield(uploads.give_up(upload))
            raise
    location = service_path(request, f"{router.prefix}/{upload.id}".format(code=found.tenant.code))
    return Response(status_code=201, headers={"Location": location} | _progress(request, upload))


@router.head("/{upload_id}", response_class=Response, openapi_extra={"parameters": [TUS]})
@raises(*upload_problems.ANY_OF_TUS, *upload_problems.FINISHED_UPLOAD)
async def progress(request: Request, upload_id: str, found: Follower, services: ServicesOf) -> Response:
    """Where the upload goes on, and `X-File-Id` once its file is there. A request that hangs on to it is ended."""
    uploads = _uploads(request, found.tenant, services)
    upload = await uploads.find(upload_id)
    if not upload.is_finished:
        async with uploads.held(upload) as held:
            if held.record.is_complete and not held.record.is_finished:
                # The process that got the last byte died before the whole was in its place.
                await held.finish()
            upload = held.record
    length = {"Upload-Defer-Length": "1"} if upload.length is None else {"Upload-Length": str(upload.length)}
    told = length | {"Upload-Metadata": upload.description}
    return Response(status_code=200, headers=_progress(request, upload) | told)


@router.patch(
    "/{upload_id}",
    status_code=204,
    openapi_extra={
        "parameters": [
            TUS,
            _header("Upload-Offset", "Where the upload goes on.", required=True),
            _header("Upload-Length", "The size of the file, where it was deferred."),
            CHECKSUM,
        ],
        "requestBody": BYTES,
    },
)
@raises(*upload_problems.ANY_OF_TUS, *upload_problems.PIECE, OffsetMismatch)
async def go_on(request: Request, upload_id: str, found: Sender, services: ServicesOf) -> Response:
    """Add bytes; what was received before an error is kept, unless there is a checksum."""
    uploads = _uploads(request, found.tenant, services)
    offset, checksum = headers.offset(request), headers.checksum(request)
    if not headers.carries_piece(request):
        raise NotAPiece
    upload = await uploads.find(upload_id)
    will_tell_expiry(request, upload)
    if offset < upload.offset:
        # Told at once: whoever goes on with the upload now need not be disturbed.
        raise OffsetMismatch(offset, upload.offset)
    async with uploads.held(upload) as held:
        will_tell_expiry(request, held.record)
        if offset != held.record.offset:
            raise OffsetMismatch(offset, held.record.offset)
        if (length := headers.number(request, "Upload-Length")) is not None:
            await held.set_length(length)
        upload = await _receive(request, services, found, held, checksum)
    return Response(status_code=204, headers=_progress(request, upload))


@router.delete("/{upload_id}", status_code=204, openapi_extra={"parameters": [TUS]})
@raises(*upload_problems.ANY_OF_TUS, UploadBusy, UploadExpired)
async def end(request: Request, upload_id: str, found: Writer, services: ServicesOf) -> Response:
    """Give an upload up; one that is finished is forgotten, and its file stays."""
    await _uploads(request, found.tenant, services).end(upload_id)
    return Response(status_code=204)


async def _receive(
    request: Request, services: ServicesOf, found: Caller, held: HeldUpload, checksum: headers.Checksum | None
) -> UploadRecord:
    """The upload after the request's bytes, finished when these were the last."""
    held.refuse_beyond(held.record.offset + content_length(request))
    if held.record.is_finished:
        async for chunk in request.stream():
            held.refuse_beyond(held.record.offset + len(chunk))
        return held.record
    holders: UploadHolders = request.app.state.upload_holders
    async with metered_body(request, services, found) as chunks:
        with holders.reading(held.record.id, chunks) as body:
            try:
                await held.append(body.read(), checksum)
            except (UploadTakenOver, UploadStalled):
                # The rest of the body is not wanted, and may never come.
                will_carry(request, "Connection", "close")
                raise
    if held.record.is_complete:
        await held.finish()
    return held.record


def _progress(request: Request, upload: UploadRecord) -> dict[str, str]:
    will_tell_expiry(request, upload)
    done = {"X-File-Id": upload.file_id} if upload.is_finished else {}
    return {"Upload-Offset": str(upload.offset)} | done
