"""What `extract_many` gives: outcomes as they come, all of them as a pandas data frame, or a Parquet file."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muniment.connection import Connection
from muniment.documented import documented_by
from muniment.many import Extracted, ManyRun, Plan, Source, Sources, rows, sources_of
from muniment.progress_bar import count_bar

if TYPE_CHECKING:
    import pandas as pd

    from muniment.async_client import AsyncClient

ROWS_A_GROUP = 200
"""Of a Parquet file: so many documents' texts are in memory at a time."""
WAITING = 10


class ManyResults:
    """Iterate over it once, or have all of it by `to_pandas` or `to_parquet`.

    The work is done by an event loop in a thread of its own: a notebook has a loop already.
    """

    def __init__(self, connection: Connection, sources: Sources, plan: Plan, progress: bool) -> None:
        self._connection, self._plan, self._progress = connection, plan, progress
        self._sources, self._total = _counted(sources)

    def __iter__(self) -> Iterator[Extracted]:
        with (
            count_bar("extracting", self._total, shown=self._progress) as bar,
            closing(_Thread(self._results)) as thread,
        ):
            for outcome in thread:
                bar.advance()
                yield outcome

    async def _results(self) -> AsyncGenerator[Extracted, None]:
        from muniment.async_client import client_over

        async with (
            client_over(self._connection) as client,
            aclosing(ManyRun(client, self._sources, self._plan).results()) as results,
        ):
            async for outcome in results:
                yield outcome

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each source: where it is from, what became of it, and the text."""
        return _frame(list(rows(self)))

    def to_parquet(self, path: str | Path) -> Path:
        """The rows of `to_pandas`, written as they come; the file has its name when it is whole."""
        with _parquet(Path(path)) as write:
            found = rows(self)
            while some := list(islice(found, ROWS_A_GROUP)):
                write(some)
        return Path(path)


@documented_by(ManyResults)
class AsyncManyResults:
    """`ManyResults`, to be awaited."""

    def __init__(self, client: "AsyncClient", sources: Sources, plan: Plan, progress: bool) -> None:
        self._client, self._plan, self._progress = client, plan, progress
        self._sources, self._total = _counted(sources)

    async def __aiter__(self) -> AsyncIterator[Extracted]:
        with count_bar("extracting", self._total, shown=self._progress) as bar:
            async with aclosing(ManyRun(self._client, self._sources, self._plan).results()) as results:
                async for outcome in results:
                    bar.advance()
                    yield outcome

    async def to_pandas(self) -> "pd.DataFrame":
        return _frame([row async for outcome in self for row in rows([outcome])])

    async def to_parquet(self, path: str | Path) -> Path:
        with _parquet(Path(path)) as write:
            some: list[Extracted] = []
            async for outcome in self:
                some.append(outcome)
                if len(some) == ROWS_A_GROUP:
                    await asyncio.to_thread(write, list(rows(some)))
                    some.clear()
            await asyncio.to_thread(write, list(rows(some)))
        return Path(path)


COLUMNS = tuple(next(rows([Extracted("", "failed")])))
NUMBERS = frozenset({"pages", "tables"})


def _counted(sources: Sources) -> tuple[Sources, int | None]:
    """The sources, and how many they are; nobody knows that of a filter beforehand."""
    if isinstance(sources, Mapping):
        return sources, None
    found: list[Source] = list(sources_of(sources))
    return found, len(found)


def _frame(found: list[dict[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(found, columns=list(COLUMNS)).astype(dict.fromkeys(NUMBERS, "Int64"))


@contextlib.contextmanager
def _parquet(target: Path) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """Takes rows, and gives the file its name at the end; what is not whole goes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from muniment.extraction_rows import SCHEMAS

    part = target.with_name(f".{target.name}.part")
    schema = SCHEMAS["documents"]
    try:
        with pq.ParquetWriter(part, schema) as writer:
            yield lambda some: writer.write_table(pa.Table.from_pylist(some, schema))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


class _Thread:
    """An asynchronous iterator, run in a thread and read from another."""

    def __init__(self, results: Any) -> None:
        self._results = results
        self._waiting: queue.Queue[Extracted | BaseException | None] = queue.Queue(WAITING)
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="extract_many", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner, contextlib.suppress(asyncio.CancelledError):
            runner.run(self._pump())

    async def _pump(self) -> None:
        self._task = asyncio.current_task()
        end: BaseException | None = None
        try:
            async with aclosing(self._results()) as results:
                async for outcome in results:
                    await asyncio.to_thread(self._waiting.put, outcome)
        except Exception as error:  # noqa: BLE001 - raised in the thread that reads
            end = error
        await asyncio.to_thread(self._waiting.put, end)

    def __iter__(self) -> Iterator[Extracted]:
        while (found := self._waiting.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found

    def close(self) -> None:
        """Stop what is still under way: whoever reads wants no more."""
        while self._thread.is_alive():
            self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())
            with contextlib.suppress(queue.Empty):
                self._waiting.get(timeout=0.05)
        self._thread.join()
