"""Extractions as a Ray Data set, for programs that run on a Ray cluster already.

    from muniment import Client
    from muniment.ray_data import read_extractions

    chunks = read_extractions(Client(), {"tags": ["2026"]}, rows="chunks")
    chunks.map_batches(embed).write_parquet("embedded")

The files are shared out among tasks; each has its own extracted, waits for them, and yields their rows as they come.
What was extracted before is in the service's cache, so a set can be read again at the price of the results alone.
Needs `ray[data]` beside the client.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Unpack, cast

import pyarrow as pa
from ray.data import Dataset, read_datasource
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from muniment.client import Client
from muniment.connection import Connection
from muniment.extraction_rows import SCHEMAS, Rows, rows_of
from muniment.many import Extracted, Plan
from muniment.many_results import ManyResults
from muniment.models import Batch, ExtractionOptions, FileFilters, StoredFile

if TYPE_CHECKING:
    from ray.data.context import DataContext

Files = Iterable[StoredFile | str] | FileFilters | Batch

DOCUMENTS_A_BLOCK = 50
"""So many documents' texts does a task hold at a time."""
CHUNK_CHARACTERS = 1200
"""At most, in a row of `chunks`."""


def read_extractions(
    client: Client,
    files: Files,
    *,
    rows: Rows = "documents",
    tenant: str | None = None,
    retries: int = 1,
    concurrency: int | None = None,
    override_num_blocks: int | None = None,
    **options: Unpack[ExtractionOptions],
) -> Dataset:
    """A row for each document, page or chunk of `files`: stored files or ids, a filter of the file list, or a batch.

    Columns are in `muniment.extraction_rows.SCHEMAS`. A file that cannot be read is a row of `documents` with an
    `error`, and has no pages and chunks. Which files they are is settled by this call; `options` are how they are read,
    and a batch's own, where none are given. `concurrency` and `override_num_blocks` are those of `ray.data`: tasks at a
    time, and in all. Tasks reach the services at the client's addresses, which must be good on every node.
    """
    connection = client._sender.connection  # noqa: SLF001 - the key is in there, and nowhere else to be had
    if tenant is not None:
        connection = connection.for_tenant(tenant, None)
    if isinstance(files, Batch) and not options:
        options = _options_of(files)
    plan = Plan("", options, None, retries, CHUNK_CHARACTERS if rows == "chunks" else None)
    source = ExtractionsDatasource(connection, file_ids(client, files, tenant), rows, plan)
    return read_datasource(source, concurrency=concurrency, override_num_blocks=override_num_blocks)


def _options_of(batch: Batch) -> ExtractionOptions:
    known = ExtractionOptions.__annotations__
    return cast(
        "ExtractionOptions",
        {name: value for name, value in batch.options.items() if name in known and value not in (None, "", [])},
    )


def file_ids(client: Client, files: Files, tenant: str | None) -> list[str]:
    """Each once, in the order given; of a filter, newest first unless it says otherwise."""
    if isinstance(files, Batch):
        found: Iterable[str] = _ids_of_batch(client, files, tenant)
    elif isinstance(files, Mapping):
        found = (file.id for file in client.files.list(page_size=200, tenant=tenant, **files))
    else:
        found = (file if isinstance(file, str) else file.id for file in files)
    return list(dict.fromkeys(found))


def _ids_of_batch(client: Client, batch: Batch, tenant: str | None) -> Iterator[str]:
    cursor = None
    while True:
        page = client.batches.jobs(batch, cursor=cursor, tenant=tenant)
        yield from (job.file_id for job in page.items)
        if (cursor := page.next_cursor) is None:
            return


class ExtractionsDatasource(Datasource):  # type: ignore[misc]  # Ray ships no types
    """The files in as many shards as Ray wants tasks. The key travels in the tasks and is in no text about them."""

    def __init__(self, connection: Connection, ids: Sequence[str], rows: Rows, plan: Plan) -> None:
        super().__init__()
        self._connection, self._ids, self._rows, self._plan = connection, ids, rows, plan

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._rows} of {len(self._ids)} files>"

    def get_name(self) -> str:
        return "MunimentExtractions"

    def estimate_inmemory_data_size(self) -> int | None:
        """Nobody knows how much text is in a file."""
        return None

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: "DataContext | None" = None
    ) -> list[ReadTask]:
        del data_context
        count = max(1, min(parallelism, len(self._ids)))
        shards = [self._ids[start::count] for start in range(count)]
        return [self._task(shard, per_task_row_limit) for shard in shards]

    def _task(self, ids: Sequence[str], row_limit: int | None) -> ReadTask:
        read = ShardRead(self._connection, ids, self._rows, self._plan)
        # A document is one row; how many pages and chunks it has is not known yet.
        number = len(ids) if self._rows == "documents" else None
        metadata = BlockMetadata(num_rows=number, size_bytes=None, exec_stats=None, input_files=None)
        return ReadTask(read, metadata, SCHEMAS[self._rows], row_limit)


class ShardRead:
    """One task's files, read when it is called."""

    def __init__(self, connection: Connection, ids: Sequence[str], rows: Rows, plan: Plan) -> None:
        self._connection, self._ids, self._rows, self._plan = connection, ids, rows, plan

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._ids)} files>"

    def __call__(self) -> Iterator[pa.Table]:
        """Tables of the schema, one at least."""
        outcomes = iter(ManyResults(self._connection, self._ids, self._plan, progress=False))
        schema, found = SCHEMAS[self._rows], False
        while some := list(islice(outcomes, DOCUMENTS_A_BLOCK)):
            found = True
            yield pa.Table.from_pylist(list(self._rows_of(some)), schema)
        if not found:
            yield schema.empty_table()

    def _rows_of(self, some: Iterable[Extracted]) -> Iterator[dict[str, Any]]:
        for outcome in some:
            yield from rows_of(outcome, self._rows)
