"""The query of a file list: filters, order, cursor."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from pydantic import AwareDatetime

from serve_apps.paging import Cursor, fingerprint
from serve_apps.request_errors import BadCursor
from storage.errors import InvalidFields
from storage.file_crud import SORT_FIELDS, FileFilter, FileOrder
from storage.records import FileRecord

MAX_SIZE = 2**63 - 1
METADATA = "meta."

Size = Annotated[int | None, Query(ge=0, le=MAX_SIZE)]
Text = Annotated[str | None, Query(min_length=1, max_length=255)]


def chosen_files(
    request: Request,
    name: Text = None,
    extension: Annotated[str | None, Query(max_length=20)] = None,
    media_type: Text = None,
    tag: Annotated[list[str] | None, Query(max_length=20)] = None,
    created_after: AwareDatetime | None = None,
    created_before: AwareDatetime | None = None,
    min_size: Size = None,
    max_size: Size = None,
    sha256: Annotated[str | None, Query(pattern="^[0-9a-fA-F]{64}$")] = None,
) -> FileFilter:
    """Filters of the list; `meta.KEY=VALUE` may come with any key."""
    found = FileFilter(
        name=name,
        extension=_extension(extension),
        media_type=media_type,
        tags=tuple(tag or ()),
        created_after=created_after,
        created_before=created_before,
        min_size=min_size,
        max_size=max_size,
        metadata=tuple(
            (key.removeprefix(METADATA), value)
            for key, value in request.query_params.multi_items()
            if key.startswith(METADATA)
        ),
        sha256=sha256.lower() if sha256 else None,
    )
    if any("\0" in text for text in _texts(found)):
        raise InvalidFields.one("query", "No stored text holds a NUL character.")
    return found


def _texts(chosen: FileFilter) -> list[str]:
    pairs = [text for pair in chosen.metadata for text in pair]
    return [text for text in (chosen.name, chosen.extension, chosen.media_type, *chosen.tags, *pairs) if text]


def _extension(text: str | None) -> str | None:
    """`PDF`, `pdf` and `.pdf` are the same; empty means files without one."""
    return "." + text.lower().removeprefix(".") if text else text


def chosen_order(sort: str = "time_created") -> FileOrder:
    for field in SORT_FIELDS:
        if sort.removeprefix("-") == field:
            return FileOrder(field, descending=sort.startswith("-"))
    raise InvalidFields.one("sort", f"Sort by one of {', '.join(SORT_FIELDS)}, with '-' in front to reverse.")


ChosenFiles = Annotated[FileFilter, Depends(chosen_files)]
ChosenOrder = Annotated[FileOrder, Depends(chosen_order)]


def list_fingerprint(tenant_code: str, chosen: FileFilter, order: FileOrder) -> str:
    return fingerprint(tenant_code, asdict(chosen), asdict(order))


def cursor_after(record: FileRecord, order: FileOrder, list_id: str) -> str:
    value: Any = getattr(record, order.field)
    return Cursor(value.isoformat() if isinstance(value, datetime) else value, record.id).encode(list_id)


def position(cursor: str, order: FileOrder, list_id: str) -> tuple[Any, str]:
    """Where the page begins. Raises `BadCursor`."""
    found = Cursor.decode(cursor, list_id)
    if order.field == "time_created":
        return found.moment(), found.id
    if not isinstance(found.value, int if order.field == "file_size_bytes" else str):
        raise BadCursor
    return found.value, found.id


def next_link(request: Request, cursor: str) -> str:
    """The `Link` header of the page after this one."""
    query = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    return f'<{request.url.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'
