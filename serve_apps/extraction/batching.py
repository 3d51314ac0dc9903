"""From a request for a batch to its jobs in the queue, all in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from actors.extractors.kinds import KINDS, kind_of
from serve_apps.extraction.batch_schemas import batch_out
from serve_apps.extraction.enqueuing import how_for
from serve_apps.extraction.schemas import Json
from serve_apps.idempotent_requests import done_once, request_fingerprint
from storage import extraction_batches, extraction_crud, file_lists, tenant_crud
from storage.database import Database
from storage.errors import InvalidFields
from storage.extraction_records import HowToRead
from storage.file_filters import FileFilter
from storage.file_lists import FileOrder
from storage.records import FileRecord, TenantRecord

AT_A_TIME = 1000
"""Files looked at and jobs written by one statement: the event loop has its turn in between."""
MAX_FOUND = 100_000
"""Files that a filter may find: their ids are held in memory."""
MAX_TOLD = 100
"""Wrong ids that a refusal names."""


@dataclass(frozen=True, slots=True)
class AskedBatch:
    """`files` are ids, each once and in order, or what a filter finds."""

    tenant: TenantRecord
    name: str
    files: Sequence[str] | FileFilter
    how: HowToRead
    fingerprint_parts: Json
    idempotency_key: str | None

    @property
    def fingerprint(self) -> str:
        return request_fingerprint("extraction-batches", self.fingerprint_parts, self.how.options_hash)


async def enqueue_batch_once(database: Database, asked: AskedBatch, max_queued: int) -> tuple[Json, dict[str, str]]:
    """The batch as JSON, and the headers that say so when an earlier request with the same key made it.

    Raises `InvalidFields` for ids of no file and of files that cannot be extracted, `TenantSuspended`,
    `TooManyQueued` and `IdempotencyKeyReused`.
    """

    async def enqueue(session: AsyncSession) -> Json:
        return await _enqueue(session, asked, max_queued)

    return await done_once(database, asked.tenant.id, asked.idempotency_key, asked.fingerprint, enqueue)


async def _enqueue(session: AsyncSession, asked: AskedBatch, max_queued: int) -> Json:
    tenant_id, chosen = asked.tenant.id, asked.files
    await tenant_crud.hold_active(session, tenant_id)
    wanted = await _found(session, asked, chosen) if isinstance(chosen, FileFilter) else chosen
    places = {file_id: place for place, file_id in enumerate(wanted)}
    batch_id = await extraction_batches.create(session, tenant_id, asked.name, asked.how.options)
    # By id, the order in which files are locked.
    in_order = sorted(wanted)
    for start in range(0, len(in_order), AT_A_TIME):
        some = in_order[start : start + AT_A_TIME]
        files = await extraction_crud.lock_files(session, tenant_id, some)
        if not isinstance(chosen, FileFilter):
            _refuse_others(places, some, files)
        for kind in KINDS:
            jobs = [(places[file.id], file.id) for file in files if kind_of(file.media_type, file.extension) is kind]
            if jobs:
                how = how_for(kind, asked.how)
                await extraction_batches.add_jobs(session, tenant_id, batch_id, how, jobs, max_queued)
    return batch_out(await extraction_batches.get(session, tenant_id, batch_id))


async def _found(session: AsyncSession, asked: AskedBatch, chosen: FileFilter) -> list[str]:
    """Ids of the files that the filter finds and that can be extracted, oldest first."""
    order, found = FileOrder(), list[str]()
    after = None
    while files := await file_lists.page(session, asked.tenant.id, chosen, order, AT_A_TIME, after):
        found.extend(file.id for file in files if _can_be_read(file))
        if len(found) > MAX_FOUND:
            raise InvalidFields.one("/filter", f"It finds more than {MAX_FOUND} files. Narrow it.")
        after = (files[-1].time_created, files[-1].id)
    return found


def _can_be_read(file: FileRecord) -> bool:
    return kind_of(file.media_type, file.extension) is not None


def _refuse_others(places: dict[str, int], asked: Sequence[str], found: Sequence[FileRecord]) -> None:
    """Raises `InvalidFields` when an id names no file, or one that cannot be extracted."""
    kept = {file.id: file for file in found}
    wrong: dict[int, str] = {}
    for file_id in asked:
        if file_id not in kept:
            wrong[places[file_id]] = "There is no such file."
        elif not _can_be_read(kept[file_id]):
            wrong[places[file_id]] = f"Files of the type '{kept[file_id].media_type}' cannot be extracted."
    if wrong:
        raise InvalidFields(tuple((f"/file_ids/{place}", wrong[place]) for place in sorted(wrong)[:MAX_TOLD]))
