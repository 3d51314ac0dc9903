"""Files: upload, list, look up, change, delete."""

import asyncio
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from actors.tenant_changes import DeleteFile, UpdateFile
from serve_apps.answers import json_answer
from serve_apps.auth import Caller, ServicesOf, caller
from serve_apps.documented_problems import raises
from serve_apps.files import schemas, upload_problems
from serve_apps.files.file_reading import find_file, refuse_unless_id
from serve_apps.files.list_query import (
    ChosenFiles,
    ChosenOrder,
    cursor_after,
    list_fingerprint,
    position,
)
from serve_apps.files.metered_body import metered_body
from serve_apps.files.renaming import refuse_false_name
from serve_apps.files.upload_body import read_upload
from serve_apps.files.uploads import Upload, expected_digest, replayed, repr_digest
from serve_apps.idempotent_requests import REPLAYED, claimed, idempotency_key
from serve_apps.ingress import service_path
from serve_apps.json_body import MERGE_PATCH, MERGE_PATCH_PROBLEMS, json_body, json_request, read_merge_patch, validated
from serve_apps.paging import next_link
from serve_apps.preconditions import if_match, none_match, version_tag
from serve_apps.problems import STATUS_OF
from serve_apps.request_errors import BadCursor
from storage import file_crud, file_lists
from storage.errors import ImmutableField, InvalidFields, MunimentError, NotFound, pointer
from storage.metadata_field import refuse_bad_tags
from storage.shown_records import file_out
from storage.upload_checks.file_names import display_name

router = APIRouter(prefix="/v1/tenants/{code}", tags=["files"])

Reader = Annotated[Caller, Depends(caller("files:read"))]
Writer = Annotated[Caller, Depends(caller("files:write"))]

UPLOAD_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "tags": {"type": "string", "description": "A JSON list of texts."},
                        "metadata": {"type": "string", "description": "A JSON object."},
                    },
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post("/files", status_code=201, response_model=schemas.FileOut, openapi_extra=UPLOAD_REQUEST)
@raises(*upload_problems.WHOLE_FILE)
async def upload(request: Request, found: Writer, services: ServicesOf) -> Response:
    """Store one file: a form with a `file` part, or the raw bytes named by `Content-Disposition`."""
    digest = expected_digest(request)
    key = idempotency_key(request)
    async with metered_body(request, services, found) as chunks:
        body = await read_upload(request, chunks)
        async with claimed(services.database, found.tenant.id, key) as stored:
            if stored is not None:
                record = await replayed(body, stored)
            else:
                record = await Upload(services, found.tenant, body, key).store(digest)
    headers = (REPLAYED if stored else {}) | {
        "Location": service_path(request, f"/v1/tenants/{found.tenant.code}/files/{record.id}"),
        "ETag": version_tag(record.version),
        "Repr-Digest": repr_digest(record.sha256),
    }
    return json_answer(file_out(record), 201, headers)


@router.get("/files", response_model=schemas.FilePage)
@raises(BadCursor, InvalidFields)
async def list_files(
    request: Request,
    found: Reader,
    services: ServicesOf,
    chosen: ChosenFiles,
    order: ChosenOrder,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """A page of the tenant's files."""
    list_id = list_fingerprint(found.tenant.code, chosen, order)
    after = position(cursor, order, list_id) if cursor is not None else None
    async with services.database.reading(found.tenant.id) as session:
        records = await file_lists.page(session, found.tenant.id, chosen, order, limit + 1, after)
    more = len(records) > limit
    items = records[:limit]
    last = cursor_after(items[-1], order, list_id) if more else None
    headers = next_link(request, f"/v1/tenants/{found.tenant.code}/files", last)
    return json_answer({"items": [file_out(item) for item in items], "next_cursor": last}, headers=headers)


@router.get("/files/{file_id}", response_model=schemas.FileOut, responses={304: {}})
@router.head("/files/{file_id}", include_in_schema=False)
@raises(NotFound)
async def get_file(request: Request, file_id: str, found: Reader, services: ServicesOf) -> Response:
    """What is known of a file."""
    record = await find_file(services, found.tenant, file_id)
    tag = version_tag(record.version)
    if not none_match(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers={"ETag": tag})
    return json_answer(file_out(record), headers={"ETag": tag})


@router.patch(
    "/files/{file_id}",
    response_model=schemas.FileOut,
    openapi_extra=json_request(schemas.FilePatch, MERGE_PATCH),
)
@raises(*MERGE_PATCH_PROBLEMS, *upload_problems.RENAMING)
async def update_file(request: Request, file_id: str, found: Writer, services: ServicesOf) -> Response:
    """Change name, tags or metadata by merge patch; `If-Match` names the version that the caller saw."""
    version = if_match(request)
    patch = _checked_patch(await read_merge_patch(request))
    refuse_unless_id(file_id)
    if "file_name" in patch:
        await refuse_false_name(services, found.tenant, file_id, patch["file_name"])
    changed = await services.tenants.call(found.tenant, UpdateFile(uuid4(), file_id, version, patch))
    return json_answer(file_out(changed), headers={"ETag": version_tag(changed.version)})


def _checked_patch(patch: schemas.Json) -> schemas.Json:
    """Name and tags as they are to be stored; metadata is checked where it is merged."""
    fixed = [name for name in patch if name not in schemas.FilePatch.model_fields]
    if fixed:
        raise ImmutableField(tuple((pointer(name), f"'{name}' cannot be changed") for name in fixed))
    validated(schemas.FilePatch, patch)
    changes = dict(patch)
    if "file_name" in changes:
        if changes["file_name"] is None:
            raise InvalidFields.one("/file_name", "A file has a name.")
        changes["file_name"] = display_name(changes["file_name"])
    if "tags" in changes:
        changes["tags"] = changes["tags"] or []
        refuse_bad_tags(changes["tags"])
    return changes


@router.delete("/files/{file_id}", status_code=204)
@raises(NotFound)
async def delete_file(file_id: str, found: Writer, services: ServicesOf) -> Response:
    """Remove a file: its bytes, its row, and what was extracted from it."""
    refuse_unless_id(file_id)
    await services.tenants.call(found.tenant, DeleteFile(uuid4(), file_id))
    return Response(status_code=204)


FileIds = Annotated[schemas.FileIds, Depends(json_body(schemas.FileIds))]


@router.post("/files:batch-get", response_model=schemas.BatchOut, openapi_extra=json_request(schemas.FileIds))
async def batch_get(found: Reader, services: ServicesOf, asked: FileIds) -> Response:
    """Several files at once, in the order asked for, each with a status of its own."""
    async with services.database.reading(found.tenant.id) as session:
        records = await file_crud.find_several(session, found.tenant.id, asked.ids)
    items = [
        {"id": file_id, "status": 200, "file": file_out(records[file_id])}
        if file_id in records
        else {"id": file_id, "status": 404}
        for file_id in asked.ids
    ]
    return json_answer({"items": items})


@router.post("/files:batch-delete", response_model=schemas.BatchOut, openapi_extra=json_request(schemas.FileIds))
async def batch_delete(found: Writer, services: ServicesOf, asked: FileIds) -> Response:
    """Remove several files, each for itself; the answer says which were there."""

    async def remove(file_id: str) -> schemas.Json:
        try:
            refuse_unless_id(file_id)
            await services.tenants.call(found.tenant, DeleteFile(uuid4(), file_id))
        except MunimentError as error:
            return {"id": file_id, "status": STATUS_OF[type(error)]}
        return {"id": file_id, "status": 204}

    return json_answer({"items": await asyncio.gather(*map(remove, asked.ids))})
