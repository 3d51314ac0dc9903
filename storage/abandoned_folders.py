"""Empty folders of tenants that never were: their creation died between making them and its commit."""

import logging
from datetime import timedelta

from storage.database import Database
from storage.files_on_disk import INCOMING, FilesOnDisk
from storage.fsck import rows
from storage.fsck.volume import Entry, Volume
from storage.tenant_crud import TENANT_CODE, hold_code

log = logging.getLogger(__name__)


class AbandonedFolders:
    def __init__(self, database: Database, disk: FilesOnDisk, grace: timedelta) -> None:
        self._database = database
        self._disk = disk
        self._volume = Volume(disk.base)
        self._grace = grace

    async def remove(self) -> None:
        """Remove those that are older than the grace time. One that is not empty stays: a check will report it."""
        for parent in ("", INCOMING):
            async for batch in self._volume.entries(parent):
                for code in await self._without_tenant(batch):
                    await self._remove(code)

    async def _without_tenant(self, batch: list[Entry]) -> set[str]:
        old = (entry for entry in batch if entry.is_folder and entry.age() >= self._grace.total_seconds())
        codes = {entry.name for entry in old if TENANT_CODE.fullmatch(entry.name)}
        async with self._database.reading_across_tenants() as session:
            return codes - await rows.codes_in_use(session, codes)

    async def _remove(self, code: str) -> None:
        async with self._database.reading_across_tenants() as session:
            if await hold_code(session, code):
                await self._disk.remove_empty_folders(code)
                log.info("abandoned folders removed", extra={"tenant": code})
