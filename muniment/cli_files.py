"""Commands about files: upload, download, ls, show, rm, tag, meta."""

import contextlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from muniment.cli_options import JsonOption, MetadataOption, TenantOption, client_for, flat_assignments
from muniment.cli_output import (
    note,
    print_error,
    print_fields,
    print_json,
    print_line,
    print_table,
)
from muniment.client import Client
from muniment.errors import MunimentError
from muniment.file_calls import FileChange
from muniment.models import BatchItem, FileFilters, StoredFile
from muniment.progress_bar import transfer_bar

FileId = Annotated[str, typer.Argument(metavar="FILE_ID", show_default=False)]
FileIds = Annotated[list[str], typer.Argument(metavar="FILE_ID...", show_default=False)]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="Repeat for several.", show_default=False)]
BATCH = 1000

tag_app = typer.Typer(no_args_is_help=True, help="Change a file's tags.")
meta_app = typer.Typer(no_args_is_help=True, help="Change a file's metadata.")


def register(app: typer.Typer) -> None:
    for command in (upload, download, ls, show, rm):
        app.command()(command)
    app.add_typer(tag_app, name="tag")
    app.add_typer(meta_app, name="meta")


def upload(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", exists=True, dir_okay=False, show_default=False)],
    tag: TagOption = None,
    metadata: MetadataOption = None,
    name: Annotated[str | None, typer.Option(help="Store under this name; for one file.")] = None,
    media_type: Annotated[str | None, typer.Option(help="Instead of what the name suggests.")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store files. Prints an id for each; goes on after a refusal and then exits with 1."""
    if name is not None and len(paths) > 1:
        raise typer.BadParameter("--name is for one file", param_hint="--name")
    options = {"name": name, "media_type": media_type, "tags": tag, "metadata": flat_assignments(metadata) or None}
    stored: list[StoredFile] = []
    with client_for(context, tenant) as client:
        for path in paths:
            with telling(str(path)):
                stored.append(_upload_one(client, path, options))
                if not as_json:
                    print_line(f"{stored[-1].id}\t{stored[-1].file_name}")
    if as_json:
        print_json(stored)
    if len(stored) < len(paths):
        raise typer.Exit(1)


def _upload_one(client: Client, path: Path, options: dict[str, Any]) -> StoredFile:
    with transfer_bar(path.name, path.stat().st_size) as bar:
        return client.files.upload(path, progress=bar.set, **options)


@contextlib.contextmanager
def telling(about: str) -> Iterator[None]:
    """One of several goes wrong: say so and let the others go on."""
    try:
        yield
    except (MunimentError, OSError) as error:
        print_error(error, about)


def download(
    context: typer.Context,
    file_id: FileId,
    to: Annotated[Path, typer.Argument(help="A file, or a folder for the file's own name.")] = Path(),
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a file's bytes, verified; a broken connection is continued. Prints the path."""
    with client_for(context, tenant) as client:
        file = client.files.get(file_id)
        with transfer_bar(file.file_name, file.file_size_bytes) as bar:
            path = client.files.download(file, to, progress=bar.set)
    if as_json:
        print_json({"path": str(path), "file": file})
    else:
        print_line(str(path))


def ls(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(help="Part of the file name.")] = None,
    extension: Annotated[str | None, typer.Option(help="Such as pdf.")] = None,
    media_type: Annotated[str | None, typer.Option()] = None,
    tag: TagOption = None,
    metadata: MetadataOption = None,
    created_after: Annotated[str | None, typer.Option(metavar="TIME", help="Such as 2026-01-31T12:00:00Z.")] = None,
    created_before: Annotated[str | None, typer.Option(metavar="TIME")] = None,
    min_size: Annotated[int | None, typer.Option(metavar="BYTES")] = None,
    max_size: Annotated[int | None, typer.Option(metavar="BYTES")] = None,
    sha256: Annotated[str | None, typer.Option(help="In hexadecimal.")] = None,
    sort: Annotated[str, typer.Option(help="time_created, file_name, file_size_bytes; - before it reverses.")] = (
        "-time_created"
    ),
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 100,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """List files, the newest first."""
    given = {
        "name": name,
        "extension": extension,
        "media_type": media_type,
        "tags": tag,
        "metadata": {key: str(value) for key, value in flat_assignments(metadata).items()},
        "created_after": created_after,
        "created_before": created_before,
        "min_size": min_size,
        "max_size": max_size,
        "sha256": sha256,
        "sort": sort,
    }
    filters: FileFilters = {key: value for key, value in given.items() if value not in (None, {})}  # type: ignore[assignment]
    with client_for(context, tenant) as client:
        found = client.files.list(page_size=min(limit or 200, 200), **filters)
        files = list(islice(found, limit or None))
        more = limit and next(found, None) is not None
    if as_json:
        print_json(files)
    else:
        columns = ("ID", "SIZE", "TYPE", "CREATED", "TAGS", "NAME")
        print_table(columns, (_row(file) for file in files))
    if more:
        note(f"The first {limit}; --limit 0 lists all.")


def _row(file: StoredFile) -> tuple[Any, ...]:
    tags = ",".join(file.tags) or "-"
    return file.id, file.file_size_bytes, file.media_type, file.time_created, tags, file.file_name


def show(context: typer.Context, id: FileId, tenant: TenantOption = None, as_json: JsonOption = False) -> None:  # noqa: A002
    """Show a file's record, or a job's when the id begins with ex_."""
    with client_for(context, tenant) as client:
        thing = client.extractions.get(id) if id.startswith("ex_") else client.files.get(id)
    print_json(thing) if as_json else print_fields(thing)


def rm(context: typer.Context, file_ids: FileIds, tenant: TenantOption = None, as_json: JsonOption = False) -> None:
    """Delete files, with their extractions."""
    items: list[BatchItem] = []
    with client_for(context, tenant) as client:
        for start in range(0, len(file_ids), BATCH):
            items += client.files.batch_delete(file_ids[start : start + BATCH])
    if as_json:
        print_json([{"id": item.id, "status": item.status} for item in items])
    failed = [item for item in items if not item.ok]
    for item in failed:
        print_error(MunimentError(f"not deleted ({item.status})"), item.id)
    if failed:
        raise typer.Exit(1)


@tag_app.command("set")
def set_tags(
    context: typer.Context,
    file_id: FileId,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG...")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make these the file's tags; none removes all."""
    _edit(context, file_id, lambda _: {"tags": tags or []}, tenant, as_json=as_json)


@tag_app.command("add")
def add_tags(
    context: typer.Context,
    file_id: FileId,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...")],
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add tags to those that the file has."""
    _edit(context, file_id, lambda file: {"tags": list(dict.fromkeys([*file.tags, *tags]))}, tenant, as_json=as_json)


@tag_app.command("rm")
def remove_tags(
    context: typer.Context,
    file_id: FileId,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...")],
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take tags away."""
    _edit(context, file_id, lambda file: {"tags": [t for t in file.tags if t not in tags]}, tenant, as_json=as_json)


@meta_app.command("set")
def set_metadata(
    context: typer.Context,
    file_id: FileId,
    values: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...")],
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set metadata values; the others stay. VALUE is JSON, or else text; null removes."""
    change = {"metadata": flat_assignments(values)}
    _edit(context, file_id, lambda _: change, tenant, as_json=as_json)


@meta_app.command("rm")
def remove_metadata(
    context: typer.Context,
    file_id: FileId,
    keys: Annotated[list[str], typer.Argument(metavar="KEY...")],
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove metadata values."""
    _edit(context, file_id, lambda _: {"metadata": dict.fromkeys(keys)}, tenant, as_json=as_json)


def _edit(
    context: typer.Context,
    file_id: str,
    change: Callable[[StoredFile], FileChange],
    tenant: str | None,
    *,
    as_json: bool,
) -> None:
    with client_for(context, tenant) as client:
        file = client.files.edit(file_id, change)
    print_json(file) if as_json else print_fields(file)
