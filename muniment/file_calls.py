"""Calls and flows about stored files; uploads and downloads included."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from muniment import resumable_calls
from muniment.calls import Call, Flow, json_of, reads, reads_items, reads_nothing, reads_page, send
from muniment.connection import Connection
from muniment.decoding import UnexpectedAnswer, encode
from muniment.endpoints import Endpoints
from muniment.errors import VersionConflict
from muniment.models import BatchItem, FileFilters, Page, StoredFile
from muniment.request_parts import (
    Params,
    id_of,
    new_idempotency_key,
    page_params,
    patch_headers,
    segment,
    tenant_path,
    version_of,
    without_none,
)
from muniment.upload_source import NewFile, Progress, Uploadable, UploadSource, form_body, raw_body

FileChange = Mapping[str, Any]
"""A merge patch of `file_name`, `tags` and `metadata`."""

_PARAM_NAMES = {"tags": "tag"}


def files_path(tenant: str) -> str:
    return f"{tenant_path(tenant)}/files"


def file_path(tenant: str, file: StoredFile | str) -> str:
    return f"{files_path(tenant)}/{segment(id_of(file))}"


def upload(
    connection: Connection,
    tenant: str,
    given: Uploadable,
    *,
    name: str | None = None,
    media_type: str | None = None,
    tags: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    digest: bool | str = False,
    idempotency_key: str | None = None,
    progress: Progress | None = None,
) -> Flow[StoredFile]:
    """In pieces what is large and can be read again, else in one request.

    `digest`: True reads the source once more beforehand and lets the service check what arrives; a string is the
    SHA-256 in hexadecimal, already known. Looks at the source, and reads it for the digest, before it returns.
    """
    new = NewFile.of(given, name, media_type, tags, metadata, progress)
    if resumable_calls.suits(new) and not digest and idempotency_key is None:
        return _upload_in_pieces(connection, tenant, new)
    return _upload_at_once(connection.endpoints, upload_file(tenant, new, digest, idempotency_key))


def _upload_in_pieces(connection: Connection, tenant: str, new: NewFile) -> Flow[StoredFile]:
    file_id = yield from resumable_calls.upload(connection, tenant, new)
    return (yield from send(get_file(tenant, file_id)))


def upload_file(
    tenant: str, new: NewFile, digest: bool | str = False, idempotency_key: str | None = None
) -> Call[StoredFile]:
    """The raw bytes where that is enough; a form where tags or metadata come along."""
    key = idempotency_key or (new_idempotency_key() if new.source.rereadable else None)
    headers = without_none(**{"Idempotency-Key": key, "Repr-Digest": _digest(new.source, digest)})
    return Call(
        "files",
        "POST",
        files_path(tenant),
        reads(StoredFile),
        headers=headers,
        body=form_body(new) if new.fields else raw_body(new),
        repeatable=key is not None,
    )


def _upload_at_once(endpoints: Endpoints, call: Call[StoredFile]) -> Flow[StoredFile]:
    """Asks the gateway first where to, when it is too large for it and nobody else has said."""
    size = call.body.size if call.body else 0
    if endpoints.upload_base(size) is None:
        endpoints.uploads = yield from send(Call("gateway", "GET", "/", _read_direct_url))
    return (yield from send(call))


def _read_direct_url(response: httpx.Response) -> str:
    data = json_of(response)
    services = data.get("services", ()) if isinstance(data, dict) else ()
    for service in services:
        if service.get("name") == "files" and isinstance(service.get("direct"), str):
            return str(service["direct"]).rstrip("/")
    raise UnexpectedAnswer("it does not say where large files go; name the file service's own port with files_url")


def _digest(source: UploadSource, digest: bool | str) -> str | None:
    """A `Repr-Digest` field (RFC 9530)."""
    if not digest:
        return None
    if digest is True and not source.rereadable:
        raise TypeError("The digest of something that can be read only once must be given: digest='<sha256 hex>'.")
    raw = source.sha256() if digest is True else bytes.fromhex(str(digest))
    return f"sha-256=:{base64.b64encode(raw).decode()}:"


def get_file(tenant: str, file: StoredFile | str) -> Call[StoredFile]:
    return Call("files", "GET", file_path(tenant, file), reads(StoredFile))


def list_files(tenant: str, filters: FileFilters, limit: int, cursor: str | None) -> Call[Page[StoredFile]]:
    params = (*page_params(limit, cursor), *filter_params(filters))
    return Call("files", "GET", files_path(tenant), reads_page(StoredFile), params)


def filter_params(filters: FileFilters) -> Params:
    return tuple(
        (_PARAM_NAMES.get(name, name), value)
        for name, given in filters.items()
        if given is not None
        for name, value in _param_values(name, given)
    )


def _param_values(name: str, given: Any) -> Iterator[tuple[str, str]]:
    if isinstance(given, Mapping):
        yield from ((f"meta.{key}", str(value)) for key, value in given.items())
    elif isinstance(given, datetime):
        yield name, encode(given)
    elif isinstance(given, (list, tuple)):
        yield from ((name, str(value)) for value in given)
    else:
        yield name, str(given)


def update_file(tenant: str, file: StoredFile | str, change: FileChange, version: int | None) -> Call[StoredFile]:
    """Not repeatable: after a lost answer the same version would be refused, though the change was made."""
    return Call(
        "files",
        "PATCH",
        file_path(tenant, file),
        reads(StoredFile),
        headers=patch_headers(version_of(file, version)),
        json=dict(change),
        repeatable=False,
    )


def edit_file(
    tenant: str, file: StoredFile | str, change: Callable[[StoredFile], FileChange], attempts: int
) -> Flow[StoredFile]:
    """Read, change, and again when someone else came between."""
    for left in reversed(range(attempts)):
        current = yield from send(get_file(tenant, file))
        try:
            return (yield from send(update_file(tenant, current, change(current), None)))
        except VersionConflict:
            if not left:
                raise
    raise ValueError("attempts must be at least 1")


def delete_file(tenant: str, file: StoredFile | str) -> Call[None]:
    return Call("files", "DELETE", file_path(tenant, file), reads_nothing, done_statuses=(404,))


def batch_get(tenant: str, files: Sequence[StoredFile | str]) -> Call[tuple[BatchItem, ...]]:
    return _batch(tenant, "batch-get", files)


def batch_delete(tenant: str, files: Sequence[StoredFile | str]) -> Call[tuple[BatchItem, ...]]:
    """Repeatable, though a file that the lost first try deleted then has 404: gone is what was wanted."""
    return _batch(tenant, "batch-delete", files)


def _batch(tenant: str, verb: str, files: Sequence[StoredFile | str]) -> Call[tuple[BatchItem, ...]]:
    body = {"ids": [id_of(file) for file in files]}
    return Call("files", "POST", f"{files_path(tenant)}:{verb}", reads_items(BatchItem), json=body)


def file_content(tenant: str, file: StoredFile | str) -> Call[None]:
    """The bytes: sent by the clients' streaming loops, which read the answer themselves."""
    # They are verified as they are stored: no coding on the way.
    headers = {"Accept-Encoding": "identity"}
    return Call("files", "GET", f"{file_path(tenant, file)}/content", reads_nothing, headers=headers)
