"""Many documents at once: uploaded, extracted and read back, each as soon as it is there.

Uploads, extraction and reading run beside each other. What was uploaded is written down in a journal where one is
given, so that a run that was interrupted goes on where it stopped; what was extracted before is in the service's cache.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muniment.batch_calls import FIRST_LOOK, LONGEST_LOOK
from muniment.document import Document
from muniment.errors import MunimentError, NotFound, Problem, Unprocessable
from muniment.models import Batch, ExtractionOptions, FileFilters, Job, JobError, JobState, StoredFile

if TYPE_CHECKING:
    from muniment.async_client import AsyncClient

Source = str | Path | StoredFile
Sources = Iterable[Source] | FileFilters

UPLOADS_AT_A_TIME = 8
READS_AT_A_TIME = 4
FILES_A_BATCH = 100
"""A page of jobs shows them all; the first results come before the last upload."""
SECONDS_A_BATCH = 1.0
"""How long files are gathered for a batch, once there is one."""
BATCHES_LOOKED_AT = 4
"""At a time; jobs are done in the order of their batches."""
OUTCOMES_WAITING = 50
FILE_IDS = "/file_ids/"


@dataclass(frozen=True)
class Extracted:
    """What became of one source: a document, or why there is none."""

    source: str
    """The path or the file's id."""
    state: JobState
    file: StoredFile | None = None
    job: Job | None = None
    document: Document | None = field(default=None, repr=False)
    error: JobError | None = None


@dataclass(frozen=True)
class Plan:
    """How a run is done.

    `retries` counts further tries of jobs whose failure another try may mend; with `chunk_characters`, documents come
    with their text in pieces of at most so many.
    """

    name: str = ""
    options: ExtractionOptions = field(default_factory=ExtractionOptions)
    journal: Path | None = None
    retries: int = 1
    chunk_characters: int | None = None


def sources_of(given: Iterable[Source]) -> Iterator[Source]:
    """The sources, with every file below a folder in its place."""
    for source in given:
        path = Path(source) if isinstance(source, str) else source
        if isinstance(path, Path) and path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.is_file())
        else:
            yield source


def _is_file_id(source: str) -> bool:
    return source.startswith("fs_") and not Path(source).exists()


class Journal:
    """Which file was uploaded under which id: a line of JSON each. Without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, str] = {}
        if path is not None and path.exists():
            # The last line may have been cut off with the run that wrote it.
            for line in path.read_text("utf-8").splitlines():
                with suppress(ValueError):
                    entry = json.loads(line)
                    self._known[entry["key"]] = entry["file_id"]

    def find(self, path: Path) -> str | None:
        """The id, unless the file was changed since."""
        return self._known.get(_key(path)) if self._path else None

    def add(self, path: Path, file_id: str) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as journal:
                journal.write(json.dumps({"key": _key(path), "file_id": file_id}) + "\n")


def _key(path: Path) -> str:
    stat = path.stat()
    return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"


class ManyRun:
    """One run over many sources."""

    def __init__(self, client: "AsyncClient", sources: Sources, plan: Plan) -> None:
        self._client = client
        self._sources = sources
        self._plan = plan
        self._journal = Journal(plan.journal)
        # Bounded: whoever reads slowly holds the run up, and not all documents are in memory.
        self._outcomes: asyncio.Queue[Extracted | None] = asyncio.Queue(OUTCOMES_WAITING)
        self._stored: asyncio.Queue[tuple[str, StoredFile] | None] = asyncio.Queue(FILES_A_BATCH)
        self._all_stored = False
        self._reads = asyncio.Semaphore(READS_AT_A_TIME)
        self._looks = asyncio.Semaphore(BATCHES_LOOKED_AT)

    async def results(self) -> AsyncGenerator[Extracted, None]:
        """Outcomes in the order in which they come. Raises what ended the run as a whole."""
        working = asyncio.create_task(self._work())
        try:
            while (outcome := await self._next(working)) is not None:
                yield outcome
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _next(self, working: "asyncio.Task[None]") -> Extracted | None:
        getting = asyncio.ensure_future(self._outcomes.get())
        await asyncio.wait({getting, working}, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done() and working.exception() is not None:
            getting.cancel()
            await working
        return await getting

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._store_all())
                group.create_task(self._extract_all())
        except* MunimentError as errors:
            raise _first(errors) from None
        await self._outcomes.put(None)

    # Storing

    async def _store_all(self) -> None:
        waiting = asyncio.Semaphore(UPLOADS_AT_A_TIME)
        async with asyncio.TaskGroup() as group, aclosing(self._wanted()) as wanted:
            async for source in wanted:
                await waiting.acquire()
                group.create_task(self._store(source)).add_done_callback(lambda _: waiting.release())
        await self._stored.put(None)

    async def _wanted(self) -> AsyncGenerator[Source, None]:
        if isinstance(self._sources, Mapping):
            async for file in self._client.files.list(page_size=200, **self._sources):
                yield file
            return
        for source in sources_of(self._sources):
            yield source

    async def _store(self, source: Source) -> None:
        name = source.id if isinstance(source, StoredFile) else str(source)
        try:
            file = await self._file(source)
        except (Problem, OSError) as error:
            # A refusal is that file's; a service that does not answer is everybody's.
            code = error.code if isinstance(error, Problem) else "not-readable"
            await self._give(Extracted(name, "failed", error=JobError(code, str(error), "upload")))
        else:
            await self._stored.put((name, file))

    async def _file(self, source: Source) -> StoredFile:
        if isinstance(source, StoredFile):
            return source
        path = Path(source)
        if isinstance(source, str) and await asyncio.to_thread(_is_file_id, source):
            return await self._client.files.get(source)
        known = await asyncio.to_thread(self._journal.find, path)
        if known is not None:
            # Deleted since, or another tenant's: then it is sent again.
            with suppress(NotFound):
                return await self._client.files.get(known)
        file = await self._client.files.upload(path)
        await asyncio.to_thread(self._journal.add, path, file.id)
        return file

    async def _give(self, outcome: Extracted) -> None:
        await self._outcomes.put(outcome)

    # Extracting

    async def _extract_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            while (some := await self._next_batch()) is not None:
                group.create_task(self._extract(some))

    async def _next_batch(self) -> list[tuple[str, StoredFile]] | None:
        """What is stored within a moment, up to a batch; None at the end."""
        if self._all_stored or (first := await self._stored.get()) is None:
            return None
        some = [first]
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_A_BATCH):
                while len(some) < FILES_A_BATCH and not self._all_stored:
                    following = await self._stored.get()
                    if following is None:
                        self._all_stored = True
                    else:
                        some.append(following)
        return some

    async def _extract(self, some: Sequence[tuple[str, StoredFile]]) -> None:
        # Two sources may be the same file.
        waiting: dict[str, list[tuple[str, StoredFile]]] = {}
        for source, file in some:
            waiting.setdefault(file.id, []).append((source, file))
        batch = await self._submit(waiting)
        if batch is not None:
            async with self._looks:
                await self._follow(batch, waiting)

    async def _submit(self, waiting: dict[str, list[tuple[str, StoredFile]]]) -> Batch | None:
        """The batch of the files that can be extracted; the others are given back and left out."""
        while waiting:
            ids = list(waiting)
            plan = self._plan
            key = hashlib.sha256(json.dumps([plan.name, ids, plan.options], default=str).encode()).hexdigest()
            try:
                return await self._client.batches.submit(ids, name=plan.name, idempotency_key=key, **plan.options)
            except Unprocessable as refusal:
                wrong = {error.pointer: error for error in refusal.errors if error.pointer.startswith(FILE_IDS)}
                if not wrong:
                    raise
                for pointer, error in wrong.items():
                    gone = waiting.pop(ids[int(pointer.removeprefix(FILE_IDS))])
                    failure = JobError("not-extractable", error.detail, "submit")
                    for source, file in gone:
                        await self._give(Extracted(source, "failed", file, error=failure))
        return None

    async def _follow(self, batch: Batch, waiting: dict[str, list[tuple[str, StoredFile]]]) -> None:
        """Give each file's outcome as soon as its job has finished."""
        pause, retries = FIRST_LOOK, self._plan.retries
        async with asyncio.TaskGroup() as group:
            while waiting:
                jobs = {job.file_id: job for job in (await self._client.batches.jobs(batch, limit=FILES_A_BATCH)).items}
                if retries and any(map(_may_mend, jobs.values())) and all(job.finished for job in jobs.values()):
                    retries -= 1
                    await self._client.batches.retry_failed(batch)
                    continue
                ended = [key for key in waiting if key not in jobs or _is_over(jobs[key], retries)]
                for file_id in ended:
                    group.create_task(self._conclude(jobs.get(file_id), waiting.pop(file_id)))
                pause = FIRST_LOOK if ended else min(pause * 2, LONGEST_LOOK)
                if waiting:
                    await asyncio.sleep(pause)

    async def _conclude(self, job: Job | None, sources: Sequence[tuple[str, StoredFile]]) -> None:
        for outcome in await self._outcome(job, sources):
            await self._give(outcome)

    async def _outcome(self, job: Job | None, sources: Sequence[tuple[str, StoredFile]]) -> list[Extracted]:
        document: Document | None = None
        if job is None:
            state: JobState = "failed"
            error: JobError | None = JobError("not-found", "The job or its file was deleted meanwhile.", "extract")
        else:
            state, error = job.state, job.error
        if job is not None and job.has_result:
            try:
                async with self._reads:
                    document = await self._client.extractions.result(job, chunk_characters=self._plan.chunk_characters)
            except Problem as problem:
                state, error = "failed", JobError(problem.code, str(problem), "read")
        return [Extracted(source, state, file, job, document, error) for source, file in sources]


def _first(errors: BaseExceptionGroup[MunimentError]) -> MunimentError:
    """Groups of tasks within groups: what went wrong first, with nothing around it."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _may_mend(job: Job) -> bool:
    return job.state == "failed" and job.error is not None and job.error.retryable


def _is_over(job: Job, retries: int) -> bool:
    return job.finished and not (retries and _may_mend(job))


def rows(outcomes: Iterable[Extracted]) -> Iterator[dict[str, Any]]:
    """A flat row for each outcome, the same columns always."""
    for outcome in outcomes:
        document, file, error = outcome.document, outcome.file, outcome.error
        yield {
            "source": outcome.source,
            "file_id": file.id if file else None,
            "file_name": file.file_name if file else None,
            "media_type": file.media_type if file else None,
            "sha256": file.sha256 if file else None,
            "state": outcome.state,
            "error": error.code if error else None,
            "message": error.message if error else None,
            "pages": len(document.pages) if document else None,
            "title": document.file.title if document else None,
            "language": document.file.language if document else None,
            "tables": len(document.tables) if document else None,
            "content": document.content if document else None,
        }
