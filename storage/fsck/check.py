"""Compares rows, bytes and counters, and changes nothing. The service may run meanwhile.

Memory holds a page of rows or a batch of a folder, whatever there is of them.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from storage.database import Database
from storage.errors import MunimentError
from storage.files_on_disk import INCOMING, TRASH, FilesOnDisk
from storage.fsck import rows
from storage.fsck.findings import Checked, Finding
from storage.fsck.looks import Looks, is_month
from storage.fsck.rows import TenantRow


class NotAVolume(MunimentError):
    """The base path is not where a service has stored files."""

    title = "Not a volume of Muniment"

    def __init__(self, base: str) -> None:
        super().__init__(base)
        self.base = base

    def __str__(self) -> str:
        return f"No Muniment has stored files in {self.base}; is the volume mounted?"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is checked: all tenants or one, bytes by their sizes or also by their hashes, and nothing that is young."""

    grace: timedelta
    hashes: bool = False
    tenant: str | None = None


class Check:
    """One check of everything in its scope."""

    def __init__(self, database: Database, disk: FilesOnDisk, scope: Scope) -> None:
        self._database = database
        self._base = disk.base
        self._looks = Looks(database, disk, scope.grace)
        self._scope = scope

    @property
    def checked(self) -> Checked:
        """How much it was so far."""
        return self._looks.checked

    async def findings(self) -> AsyncIterator[Finding]:
        """Everything that is wrong. Raises `NotAVolume`, and `Unavailable` while the database is away."""
        if not await self._looks.volume.is_prepared():
            raise NotAVolume(str(self._base))
        async for batch in self._batches():
            for finding in batch:
                yield finding

    async def _batches(self) -> AsyncIterator[list[Finding]]:
        async for tenant in rows.tenants(self._database, self._scope.tenant):
            self.checked.tenants += 1
            async for found in self._of_tenant(tenant):
                yield found
        async for found in self._pending():
            yield found
        if self._scope.tenant is None:
            async for found in self._of_nobody():
                yield found

    async def _of_tenant(self, tenant: TenantRow) -> AsyncIterator[list[Finding]]:
        looks = self._looks
        yield await looks.folders_of(tenant)
        async for page in rows.active_files(self._database, tenant.id):
            yield await looks.files(tenant, page, hashes=self._scope.hashes)
        async for batch in looks.volume.entries(tenant.code):
            yield await looks.stored(tenant, batch)
            for month in filter(is_month, batch):
                async for files in looks.volume.entries(month.path):
                    yield await looks.stored(tenant, files)
        async for batch in looks.volume.entries(f"{INCOMING}/{tenant.code}"):
            yield await looks.incoming(tenant, batch)
        yield await looks.counters(tenant)

    async def _pending(self) -> AsyncIterator[list[Finding]]:
        """What the sweeper should have ended."""
        scope = (self._database, self._looks.since(), self._scope.tenant)
        async for uploads in rows.pending_files(*scope):
            yield await self._looks.uploads(uploads)
        async for paths in rows.removals(*scope):
            yield [Finding("removal-pending", path.partition("/")[0], path) for path in paths]
        async for deletions in rows.old_deletions(*scope):
            yield [Finding("deletion-unfinished", code, id=operation) for operation, code in deletions]

    async def _of_nobody(self) -> AsyncIterator[list[Finding]]:
        for parent in ("", INCOMING):
            async for batch in self._looks.volume.entries(parent):
                yield await self._looks.folders(batch)
        async for batch in self._looks.volume.entries(TRASH):
            yield await self._looks.trash(batch)
