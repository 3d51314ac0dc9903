"""`muniment fsck`: a check of the file service of this home, or a repair by a check's report."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from muniment.local.child_process import ServerFailed
from muniment.local.database import database_of
from muniment.local.home import AlreadyRunning
from storage.database import Database
from storage.errors import MunimentError
from storage.files_on_disk import FilesOnDisk
from storage.fsck.check import Check, Scope
from storage.fsck.findings import Checked
from storage.fsck.repair import Outcome, Repair
from storage.fsck.report import Report, ReportWriter
from storage.settings import Settings

CLEAN, FOUND, FAILED = 0, 1, 2


def check(settings: Settings, grace: float, tenant: str | None, *, hashes: bool, as_json: bool) -> int:
    """Print what is wrong; answer the exit status. `grace` is in seconds."""
    scope = Scope(timedelta(seconds=grace), hashes, tenant)
    return _status_of(_check(settings, scope, as_json=as_json))


def repair(settings: Settings, report: Path, grace: float, accepted: int | None, *, as_json: bool) -> int:
    """Repair what the report lists, printing what becomes of each finding; answer the exit status."""
    return _status_of(_repair(settings, report, timedelta(seconds=grace), accepted, as_json=as_json))


def _status_of(work: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(work)
    except (MunimentError, ServerFailed, AlreadyRunning, OSError) as error:
        print(f"muniment: {error}", file=sys.stderr)  # noqa: T201
        return FAILED


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[tuple[Database, FilesOnDisk]]:
    async with database_of(settings) as url:
        database, disk = Database(url, pool_size=2), FilesOnDisk(settings.base_path)
        try:
            yield database, disk
        finally:
            await disk.close()
            await database.close()


async def _check(settings: Settings, scope: Scope, *, as_json: bool) -> int:
    async with _stores(settings) as stores:
        check = Check(*stores, scope)
        writer = ReportWriter(sys.stdout, scope) if as_json else None
        counts: Counter[str] = Counter()
        async for finding in check.findings():
            counts[finding.kind] += 1
            if writer is None:
                tell(str(finding))
            else:
                writer.add(finding)
    if writer is None:
        tell(_summary(check.checked, counts))
    else:
        writer.end(counts, check.checked)
    return FOUND if counts else CLEAN


def _summary(checked: Checked, counts: Counter[str]) -> str:
    found = ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "nothing wrong"
    hashed = f", {checked.hashed_bytes} bytes by their hashes" if checked.hashed_bytes else ""
    return f"{checked.tenants} tenants, {checked.rows} rows, {checked.files} files on the volume{hashed}: {found}."


async def _repair(settings: Settings, path: Path, grace: timedelta, accepted: int | None, *, as_json: bool) -> int:
    report = Report.read(path)
    left = 0
    async with _stores(settings) as stores:
        async for outcome in Repair(*stores, grace).run(report, accepted):
            left += outcome.state == "left"
            tell(json.dumps(asdict(outcome)) if as_json else _told(outcome))
    return FOUND if left else CLEAN


def _told(outcome: Outcome) -> str:
    said = {
        "repaired": f"now {outcome.aside}" if outcome.aside else "repaired",
        "not-true": "no longer so",
        "left": "not repaired",
    }
    return f"{said[outcome.state]}: {outcome.finding}"


def tell(text: str) -> None:
    print(text)  # noqa: T201
