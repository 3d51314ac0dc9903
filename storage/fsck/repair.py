"""Does something about what a report lists, as far as it is still true. Bytes are put aside, never deleted.

Each finding is looked at again while its tenant's row is locked, so that no change of the tenant is on its way.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import Database
from storage.errors import MunimentError
from storage.files_on_disk import TRASH, FilesOnDisk
from storage.fsck import rows
from storage.fsck.findings import REPAIRED, Finding
from storage.fsck.looks import Looks, tenant_folders
from storage.fsck.report import Report
from storage.fsck.rows import TenantRow
from storage.fsck.volume import Entry
from storage.models import Tenant
from storage.tenant_crud import hold_code

MAX_ITEMS = 1000
MAX_SHARE = 0.01
"""Of all items. More of either is rather a wrong volume or a wrong database than files to put aside."""


class TooMuchToRepair(MunimentError):
    title = "Too much to repair"

    def __init__(self, affected: int, items: int) -> None:
        super().__init__(affected, items)
        self.affected, self.items = affected, items

    def __str__(self) -> str:
        return (
            f"The repair would concern {self.affected} items of {self.items}, more than {MAX_SHARE:.0%} or {MAX_ITEMS}."
            f" Make sure that this is the right volume and database, and then accept {self.affected} items explicitly."
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """`left`: no repair of this kind exists, or its time has not come."""

    finding: Finding
    state: Literal["repaired", "not-true", "left"]
    aside: str = ""
    """Where the bytes are now, relative to the base."""


def affected_items(report: Report) -> int:
    return sum(finding.items for finding in report.findings if finding.kind in REPAIRED)


def refuse_too_much(report: Report, accepted: int | None) -> None:
    """Raises `TooMuchToRepair`; `accepted` is how many items the operator allows instead."""
    affected = affected_items(report)
    allowed = min(MAX_ITEMS, MAX_SHARE * report.checked.items) if accepted is None else accepted
    if affected > allowed:
        raise TooMuchToRepair(affected, report.checked.items)


class Repair:
    def __init__(self, database: Database, disk: FilesOnDisk, grace: timedelta) -> None:
        self._database = database
        self._disk = disk
        self._looks = Looks(database, disk, grace)
        self._drawer = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"

    async def run(self, report: Report, accepted: int | None = None) -> AsyncIterator[Outcome]:
        """One outcome a finding. Raises `TooMuchToRepair` before anything is done."""
        refuse_too_much(report, accepted)
        for finding in report.findings:
            yield await self._repair(finding)

    async def _repair(self, finding: Finding) -> Outcome:
        match finding.kind:
            case "bytes-without-row" | "incoming-left":
                return await self._put_bytes_aside(finding)
            case "folder-without-tenant":
                return await self._put_folder_aside(finding)
            case "trash-left":
                return await self._put_trash_aside(finding)
            case "tenant-without-folder":
                return await self._make_folders(finding)
            case "counters-differ":
                return await self._count_again(finding)
            case _:
                return Outcome(finding, "left")

    @contextlib.asynccontextmanager
    async def _locked(self, code: str) -> AsyncIterator[tuple[AsyncSession, TenantRow | None]]:
        """The tenant, whose changes wait until the block ends; None when it is gone."""
        async with self._database.transaction_across_tenants() as session:
            query = select(Tenant.id, Tenant.code).where(Tenant.code == code, Tenant.status != "deleting")
            row = (await session.execute(query.with_for_update(key_share=True))).one_or_none()
            yield session, None if row is None else TenantRow(*row)

    async def _put_bytes_aside(self, finding: Finding) -> Outcome:
        stored, incoming = tenant_folders(finding.tenant)
        async with self._locked(finding.tenant) as (_, tenant):
            if tenant is None:
                return Outcome(finding, "not-true")
            if finding.kind == "incoming-left":
                still = await self._looks.incoming(tenant, await self._entries_in(incoming, finding.path))
            else:
                still = await self._looks.stored(tenant, await self._entries_in(stored, finding.path))
            return await self._put_aside(finding, still)

    async def _put_folder_aside(self, finding: Finding) -> Outcome:
        async with self._database.reading_across_tenants() as session:
            if finding.path not in tenant_folders(finding.tenant) or not await hold_code(session, finding.tenant):
                return Outcome(finding, "not-true")
            still = await self._looks.folders(await self._entries_in("", finding.path))
            return await self._put_aside(finding, still)

    async def _put_trash_aside(self, finding: Finding) -> Outcome:
        return await self._put_aside(finding, await self._looks.trash(await self._entries_in(TRASH, finding.path)))

    async def _entries_in(self, folder: str, path: str) -> list[Entry]:
        """What is at the path now; nothing for a path that does not lie in the folder. A report is a file of text."""
        parts = path.split("/")
        above = folder.split("/") if folder else []
        if parts[: len(above)] != above or len(parts) == len(above) or not {"", ".", ".."}.isdisjoint(parts):
            return []
        return [entry for entry in await self._looks.volume.look([path]) if entry is not None]

    async def _put_aside(self, finding: Finding, still: Sequence[Finding]) -> Outcome:
        if not still:
            return Outcome(finding, "not-true")
        return Outcome(finding, "repaired", await self._looks.volume.put_aside(finding.path, self._drawer))

    async def _make_folders(self, finding: Finding) -> Outcome:
        async with self._locked(finding.tenant) as (_, tenant):
            if tenant is None or not await self._looks.folders_of(tenant):
                return Outcome(finding, "not-true")
            await self._disk.prepare_tenant(tenant.code)
            return Outcome(finding, "repaired")

    async def _count_again(self, finding: Finding) -> Outcome:
        async with self._locked(finding.tenant) as (session, tenant):
            counters = None if tenant is None else await rows.counters(session, tenant.id)
            if counters is None or counters[0] == counters[1]:
                return Outcome(finding, "not-true")
            # A new epoch: an actor that is active reads the row again before its next change.
            values = counters[1].to_fields() | {"actor_epoch": Tenant.actor_epoch + 1}
            await session.execute(update(Tenant).where(Tenant.code == finding.tenant).values(values))
            return Outcome(finding, "repaired")
