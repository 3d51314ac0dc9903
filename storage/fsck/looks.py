"""What is wrong with a few files, folders or a tenant, while the service may be running.

What looks wrong is looked at again, in the order in which it may have become right. A deletion removes the row before
the bytes: bytes that were missing are missed only if their row is there afterwards. Bytes are left over only if they
are there after the database did not know them, and were not touched for the grace time.
"""

import re
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from storage.database import Database
from storage.files_on_disk import INCOMING, FilesOnDisk
from storage.fsck import rows
from storage.fsck.findings import Checked, Facts, Finding, Kind
from storage.fsck.rows import FileRow, PendingRow, TenantRow
from storage.fsck.volume import Entry, Unreadable, Volume
from storage.tenant_crud import TENANT_CODE

MONTH = re.compile(r"[^/]+/\d{4}-\d{2}")


def tenant_folders(tenant_code: str) -> list[str]:
    return [tenant_code, f"{INCOMING}/{tenant_code}"]


def is_month(entry: Entry) -> bool:
    """Whether it is one of the folders that a tenant's files lie in."""
    return entry.is_folder and MONTH.fullmatch(entry.path) is not None


def id_in(entry: Entry) -> str:
    """The file's id, which its name begins with."""
    return entry.name.partition(".")[0]


class Looks:
    """Every look gets what was read a moment ago, at most a page or a batch of it, and answers what is wrong with it.

    `checked` counts along.
    """

    def __init__(self, database: Database, disk: FilesOnDisk, grace: timedelta) -> None:
        self.volume = Volume(disk.base)
        self.checked = Checked()
        self._database = database
        self._disk = disk
        self._grace = grace

    def since(self) -> datetime:
        """What began later is spared."""
        return datetime.now(UTC) - self._grace

    async def files(self, tenant: TenantRow, page: Sequence[FileRow], *, hashes: bool) -> list[Finding]:
        """Active rows against their bytes."""
        self.checked.rows += len(page)
        entries = await self.volume.look([row.storage_path for row in page])
        suspects = []
        for row, entry in zip(page, entries, strict=True):
            found = _size_wrong(tenant, row, entry) or (await self._hash_wrong(tenant, row) if hashes else None)
            if found is not None:
                suspects.append(found)
        if not suspects:
            return []
        async with self._database.reading_across_tenants() as session:
            active = await rows.still_active(session, [finding.id for finding in suspects])
        return [finding for finding in suspects if finding.id in active]

    async def _hash_wrong(self, tenant: TenantRow, row: FileRow) -> Finding | None:
        try:
            digest = await self.volume.sha256(row.storage_path)
        except Unreadable as error:
            return _about("unreadable-bytes", tenant, row, {}, {"error": str(error)})
        if digest is None:
            return _missing(tenant, row)
        self.checked.hashed_bytes += row.size
        if digest == row.sha256:
            return None
        return _about("hash-differs", tenant, row, {"sha256": row.sha256}, {"sha256": digest})

    async def stored(self, tenant: TenantRow, batch: Sequence[Entry]) -> list[Finding]:
        """Entries of a tenant's folder, or of one of its months, against its rows."""
        batch = [entry for entry in batch if not is_month(entry)]
        self.checked.files += len(batch)
        async with self._database.reading_across_tenants() as session:
            # In this order: a row that goes leaves a removal.
            known = await rows.paths_of(session, tenant.id, map(id_in, batch))
            known |= await rows.to_be_removed(session, [entry.path for entry in batch])
        left = [entry for entry in batch if entry.path not in known]
        return await self._left_over("bytes-without-row", tenant.code, left)

    async def incoming(self, tenant: TenantRow, batch: Sequence[Entry]) -> list[Finding]:
        """Incoming bytes against the tenant's pending rows."""
        self.checked.files += len(batch)
        async with self._database.reading_across_tenants() as session:
            pending = await rows.still_pending(session, map(id_in, batch))
        unknown = [entry for entry in batch if id_in(entry) not in pending]
        if not unknown:
            return []
        async with self._database.reading_across_tenants() as session:
            removed = await rows.ids_to_be_removed(session, map(id_in, unknown))
        return await self._left_over(
            "incoming-left", tenant.code, [entry for entry in unknown if id_in(entry) not in removed]
        )

    async def folders(self, batch: Sequence[Entry]) -> list[Finding]:
        """Entries of the base, or of the folder of incoming bytes, against the tenants."""
        # Whatever else lies there, such as a file system's own folders, is not Muniment's.
        folders = [entry for entry in batch if entry.is_folder and TENANT_CODE.fullmatch(entry.name)]
        async with self._database.reading_across_tenants() as session:
            used = await rows.codes_in_use(session, [entry.name for entry in folders])
        strange = [folder for folder in folders if folder.name not in used]
        found: list[Finding] = []
        for folder in strange:
            found += await self._left_over("folder-without-tenant", folder.name, [folder])
        self.checked.files += sum(finding.items for finding in found)
        return found

    async def trash(self, batch: Sequence[Entry]) -> list[Finding]:
        """Entries of the trash against the deletions that run."""
        async with self._database.reading_across_tenants() as session:
            running = await rows.running(session, [entry.name for entry in batch])
        found = await self._left_over("trash-left", "", [entry for entry in batch if entry.name not in running])
        self.checked.files += sum(finding.items for finding in found)
        return found

    async def _left_over(self, kind: Kind, tenant_code: str, left: Iterable[Entry]) -> list[Finding]:
        """What of it is there still, and old."""
        entries = await self.volume.look([entry.path for entry in left if self._is_old(entry)])
        return [
            await self._described(kind, tenant_code, entry)
            for entry in entries
            if entry is not None and self._is_old(entry)
        ]

    async def _described(self, kind: Kind, tenant_code: str, entry: Entry) -> Finding:
        files, size = await self.volume.count(entry)
        found = {"files": files, "size": size, "age": round(entry.age())}
        return Finding(kind, tenant_code, entry.path, "" if entry.is_folder else id_in(entry), files, found=found)

    def _is_old(self, entry: Entry) -> bool:
        return entry.age() >= self._grace.total_seconds()

    async def folders_of(self, tenant: TenantRow) -> list[Finding]:
        """Without them a tenant cannot store anything."""
        entries = zip(tenant_folders(tenant.code), await self.volume.look(tenant_folders(tenant.code)), strict=True)
        missing = [path for path, entry in entries if entry is None or not entry.is_folder]
        if not missing or not [1 async for _ in rows.tenants(self._database, tenant.code)]:
            return []
        return [Finding("tenant-without-folder", tenant.code, path) for path in missing]

    async def counters(self, tenant: TenantRow) -> list[Finding]:
        async with self._database.reading_across_tenants() as session:
            counters = await rows.counters(session, tenant.id)
        if counters is None or counters[0] == counters[1]:
            return []
        kept, counted = counters
        return [Finding("counters-differ", tenant.code, expected=counted.to_fields(), found=kept.to_fields())]

    async def uploads(self, page: Sequence[PendingRow]) -> list[Finding]:
        """Old pending rows: which of them nothing comes for any more."""
        dead = [upload for upload in page if await self._has_ended(upload.storage_path)]
        async with self._database.reading_across_tenants() as session:
            pending = await rows.still_pending(session, [upload.id for upload in dead])
        return [
            Finding("upload-expired", upload.tenant_code, upload.storage_path, upload.id)
            for upload in dead
            if upload.id in pending
        ]

    async def _has_ended(self, storage_path: str) -> bool:
        age = await self._disk.seconds_since_written(storage_path, time.time())
        return age is None or age >= self._grace.total_seconds()


def _about(kind: Kind, tenant: TenantRow, row: FileRow, expected: Facts, found: Facts) -> Finding:
    return Finding(kind, tenant.code, row.storage_path, row.id, expected=expected, found=found)


def _missing(tenant: TenantRow, row: FileRow) -> Finding:
    return _about("missing-bytes", tenant, row, {"size": row.size, "sha256": row.sha256}, {})


def _size_wrong(tenant: TenantRow, row: FileRow, entry: Entry | None) -> Finding | None:
    if entry is None or not entry.is_file:
        return _missing(tenant, row)
    if entry.size == row.size:
        return None
    return _about("size-differs", tenant, row, {"size": row.size}, {"size": entry.size})
