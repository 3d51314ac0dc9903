"""Tenants: made and listed by the operator, read and configured by themselves."""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from actors.tenant_changes import UpdateTenant
from serve_apps.answers import NOT_STORED, json_answer
from serve_apps.auth import Caller, Principal, ServicesOf, caller, operator
from serve_apps.documented_problems import raises
from serve_apps.files import schemas
from serve_apps.files.tenant_answers import tenant_answer
from serve_apps.ingress import service_path
from serve_apps.json_body import (
    MERGE_PATCH,
    MERGE_PATCH_PROBLEMS,
    json_body,
    json_request,
    read_merge_patch,
    validated,
)
from serve_apps.paging import Cursor, fingerprint, next_link
from serve_apps.preconditions import if_match, none_match, tenant_tag
from serve_apps.request_errors import BadCursor
from storage import outbox, tenant_crud
from storage.errors import (
    ImmutableField,
    InvalidFields,
    InvalidTenantCode,
    NotFound,
    StorageFull,
    TenantCodeRetired,
    TenantExists,
    pointer,
)
from storage.metadata_field import refuse_bad_metadata
from storage.outbox import Event
from storage.records import TenantRecord
from storage.shown_records import tenant_out
from storage.tenant_configuration import TenantConfiguration

router = APIRouter(prefix="/v1", tags=["tenants"])

Operator = Annotated[Principal, Depends(operator)]
Admin = Annotated[Caller, Depends(caller("tenant:admin", changes=True))]
Reader = Annotated[Caller, Depends(caller("files:read", "tenant:admin"))]
"""An administrator must see the version that it is about to change."""

TENANTS = fingerprint("tenants")


@router.post(
    "/tenants", status_code=201, response_model=schemas.TenantOut, openapi_extra=json_request(schemas.NewTenant)
)
@raises(InvalidTenantCode, TenantExists, TenantCodeRetired, StorageFull)
async def create_tenant(
    request: Request,
    _: Operator,
    services: ServicesOf,
    new: Annotated[schemas.NewTenant, Depends(json_body(schemas.NewTenant))],
) -> Response:
    """Create a tenant under its own code, which never changes, with a first key that has all scopes."""
    tenant_crud.check_code(new.code)
    refuse_bad_metadata(new.metadata)
    configuration = _configuration(new.configuration)
    async with services.database.transaction_across_tenants() as session:
        row = await tenant_crud.create(session, new.code, configuration.stored(), new.metadata)
        key, bearer = await tenant_crud.add_key(session, row.id, services.key_pepper, name="first")
        stats = await tenant_crud.stats(session, row.id)
        record = TenantRecord.of(row)
        await outbox.add(session, row.id, new.code, [Event("tenant.created", tenant_out(record))])
        # Before the commit, so that a tenant that exists has its folders; after the code is known to be free.
        await services.disk.prepare_tenant(new.code)
    body = schemas.tenant_out(record, stats) | {"api_key": schemas.key_out(key, str(bearer))}
    headers = NOT_STORED | {
        "Location": service_path(request, f"/v1/tenants/{record.code}"),
        "ETag": tenant_tag(record.version, stats),
    }
    return json_answer(body, 201, headers)


def _configuration(given: schemas.Json) -> TenantConfiguration:
    try:
        return TenantConfiguration.created_from(given)
    except ValidationError as error:
        raise InvalidFields.of(error, "/configuration") from None


@router.get("/tenants", response_model=schemas.TenantPage)
@raises(BadCursor)
async def list_tenants(
    request: Request,
    _: Operator,
    services: ServicesOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """All tenants, in order of their creation."""
    after = None
    if cursor is not None:
        found = Cursor.decode(cursor, TENANTS)
        after = (found.moment(), _uuid(found.id))
    async with services.database.reading_across_tenants() as session:
        rows = await tenant_crud.page(session, limit + 1, after)
        records = [TenantRecord.of(row) for row in rows[:limit]]
        stats = await tenant_crud.stats_of(session, [record.id for record in records])
    items = [schemas.tenant_out(record, stats[record.id]) for record in records if record.id in stats]
    more = len(rows) > limit
    last = Cursor(records[-1].time_created.isoformat(), str(records[-1].id)).encode(TENANTS) if more else None
    return json_answer({"items": items, "next_cursor": last}, headers=next_link(request, "/v1/tenants", last))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadCursor from None


@router.get("/tenants/{code}", response_model=schemas.TenantOut, responses={304: {}})
async def get_tenant(request: Request, found: Reader, services: ServicesOf) -> Response:
    """A tenant with its configuration (defaults filled in) and statistics."""
    async with services.database.reading(found.tenant.id) as session:
        row = await tenant_crud.find(session, found.tenant.code)
        if row is None:
            raise NotFound("tenant")
        record = TenantRecord.of(row)
        stats = await tenant_crud.stats(session, record.id)
    tag = tenant_tag(record.version, stats)
    if not none_match(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers={"ETag": tag})
    return json_answer(schemas.tenant_out(record, stats), headers={"ETag": tag})


@router.patch(
    "/tenants/{code}",
    response_model=schemas.TenantOut,
    openapi_extra=json_request(schemas.TenantPatch, MERGE_PATCH),
)
@raises(*MERGE_PATCH_PROBLEMS)
async def update_tenant(request: Request, found: Admin, services: ServicesOf) -> Response:
    """Change configuration and metadata by merge patch; `If-Match` names the version that the caller saw."""
    version = if_match(request)
    patch = await read_merge_patch(request)
    _refuse_immutable(patch, schemas.TenantPatch)
    changes = validated(schemas.TenantPatch, patch)
    change = UpdateTenant(
        uuid4(), version, changes.configuration, changes.metadata, by_operator=found.principal.is_operator
    )
    return await tenant_answer(services, await services.tenants.call(found.tenant, change))


def _refuse_immutable(patch: schemas.Json, model: type[schemas.Taken]) -> None:
    fixed = [name for name in patch if name not in model.model_fields]
    if fixed:
        raise ImmutableField(tuple((pointer(name), f"'{name}' cannot be changed") for name in fixed))
