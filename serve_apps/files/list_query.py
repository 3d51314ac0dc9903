"""The query of a file list: filters, order, cursor."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import AfterValidator, AwareDatetime

from serve_apps.paging import LARGEST_SIZE, Cursor, fingerprint
from serve_apps.request_errors import BadCursor
from storage.errors import InvalidFields
from storage.file_filters import FileFilter
from storage.file_lists import SORT_FIELDS, FileOrder
from storage.identifiers import is_id
from storage.records import FileRecord
from storage.times import storable_moment

METADATA = "meta."
MAX_METADATA_FILTERS = 20

Size = Annotated[int | None, Query(ge=0, le=LARGEST_SIZE)]
Moment = Annotated[AwareDatetime | None, AfterValidator(storable_moment)]
Text = Annotated[str | None, Query(min_length=1, max_length=255)]


def chosen_files(
    request: Request,
    name: Text = None,
    extension: Annotated[str | None, Query(max_length=20)] = None,
    media_type: Text = None,
    tag: Annotated[list[str] | None, Query(max_length=20)] = None,
    created_after: Moment = None,
    created_before: Moment = None,
    min_size: Size = None,
    max_size: Size = None,
    sha256: Annotated[str | None, Query(pattern="^[0-9a-fA-F]{64}$")] = None,
) -> FileFilter:
    """Filters of the list; `meta.KEY=VALUE` may come with any key."""
    found = FileFilter(
        name=name,
        extension=dotted(extension),
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
    refuse_bad_filter(found)
    return found


def refuse_bad_filter(found: FileFilter) -> None:
    """Raises `InvalidFields` for what the types of the fields do not rule out."""
    if len(found.metadata) > MAX_METADATA_FILTERS:
        raise InvalidFields.one("meta", f"At most {MAX_METADATA_FILTERS} values of metadata can be asked for.")
    if any("\0" in text for text in _texts(found)):
        raise InvalidFields.one("query", "No stored text holds a NUL character.")


def _texts(chosen: FileFilter) -> list[str]:
    pairs = [text for pair in chosen.metadata for text in pair]
    return [text for text in (chosen.name, chosen.extension, chosen.media_type, *chosen.tags, *pairs) if text]


def dotted(text: str | None) -> str | None:
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
    if not is_id("fs", found.id):
        raise BadCursor
    if order.field == "time_created":
        return found.moment(), found.id
    return (found.size() if order.field == "file_size_bytes" else found.text()), found.id
