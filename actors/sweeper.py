"""Finishes what a crash left half done. One sweeper in the cluster works at a time; each round can be repeated."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, select, text

from actors.tenant_hosting import TenantHosting
from actors.upload_changes import STORE_SECONDS, AbandonFile
from storage import resumable_uploads, webhook_deliveries
from storage.abandoned_folders import AbandonedFolders
from storage.cache import Cache
from storage.database import Database
from storage.errors import MunimentError
from storage.files_on_disk import FilesOnDisk
from storage.incoming_names import Incoming
from storage.models import File, IdempotencyKey, Removal, Tenant, TenantCall
from storage.tenant_purge import TenantPurge, running_operations

log = logging.getLogger(__name__)

SWEEP_LOCK = 6_865_202
"""Key of the advisory lock that sweepers queue at; any number that nothing else here uses."""

ROUND_SECONDS = 5.0
INCOMING_SECONDS = 60.0
BATCH = 500
REMOVAL_AGE = timedelta(seconds=2 * STORE_SECONDS)
"""Whoever removed the row unlinks the bytes at once; the sweeper looks at what was left. Until then a change that comes
late is refused: see `StoreFile`."""
FOLDERS_SECONDS = 3600.0
"""Between two looks at the folders of all tenants, which may be many."""
CALL_AGE = timedelta(hours=1)
IDEMPOTENCY_AGE = timedelta(hours=24)


@contextlib.contextmanager
def _postponed(what: str, name: str) -> Iterator[None]:
    """An expected failure is for the next round."""
    try:
        yield
    except MunimentError as error:
        log.warning("sweep postponed", extra={what: name, "reason": str(error)})


class Sweeper:
    def __init__(
        self, database: Database, cache: Cache, disk: FilesOnDisk, hosting: TenantHosting, upload_grace: timedelta
    ) -> None:
        self._database = database
        self._disk = disk
        self._hosting = hosting
        self._purge = TenantPurge(database, cache, disk)
        self._upload_grace = upload_grace
        self._look_at_incoming = 0.0
        self._folders = AbandonedFolders(database, disk, upload_grace)
        self._folders_looked_at = -FOLDERS_SECONDS

    async def run(self) -> None:
        """Sweep again and again until cancelled; a round that fails is tried again."""
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            try:
                await self.sweep()
            except MunimentError as error:
                log.warning("sweep postponed", extra={"reason": str(error)})
            except Exception:
                log.exception("sweep failed")

    async def sweep(self) -> None:
        """One round, unless another process is at it."""
        async with self._database.transaction_across_tenants() as session:
            if not await session.scalar(text(f"SELECT pg_try_advisory_xact_lock({SWEEP_LOCK})")):
                return
            for work in (
                self._finish_operations,
                self._finish_removals,
                self._abandon_dead_uploads,
                self._end_expired_uploads,
                self._finish_incoming,
                self._forget_old_answers,
                self._give_up_webhooks,
                self._remove_abandoned_folders,
            ):
                with _postponed("work", work.__name__):
                    await work()

    async def _finish_operations(self) -> None:
        async with self._database.reading_across_tenants() as session:
            operations = await running_operations(session)
        for operation in operations:
            # One that cannot end now, because a server is away, must not hold up the others.
            with _postponed("purge", operation):
                await self._purge.run(operation)

    async def _finish_removals(self) -> None:
        while await self._remove_some() == BATCH:
            pass

    async def _remove_some(self) -> int:
        """One batch of removals whose time has come; how many were done."""
        async with self._database.transaction_across_tenants() as session:
            old = select(Removal.storage_path).where(Removal.time_created < datetime.now(UTC) - REMOVAL_AGE)
            removed = []
            for path in await session.scalars(old.limit(BATCH)):
                # One that the disk refuses must not hold up the others.
                with _postponed("removal", path):
                    await self._disk.remove(path)
                    removed.append(path)
            await session.execute(delete(Removal).where(Removal.storage_path.in_(removed)))
        return len(removed)

    async def _abandon_dead_uploads(self) -> None:
        """An upload is dead when its row is old, no byte of it came for as long, and none is awaited."""
        grace = self._upload_grace.total_seconds()
        async with self._database.reading_across_tenants() as session:
            query = (
                select(Tenant.code, File.id, File.storage_path)
                .join(Tenant, Tenant.id == File.tenant_id)
                .where(File.state == "pending", File.time_created < datetime.now(UTC) - self._upload_grace)
                .where(Tenant.status != "deleting", ~resumable_uploads.is_awaited())
                .order_by(File.time_created)
                .limit(BATCH)
            )
            pending = (await session.execute(query)).all()
        for code, file_id, path in pending:
            with _postponed("upload", file_id):
                age = await self._disk.seconds_since_written(path, time.time())
                if age is None or age >= grace:
                    await self._hosting.call(code, AbandonFile(uuid4(), file_id))
                    log.info("dead upload swept", extra={"tenant": code, "file": file_id})

    async def _end_expired_uploads(self) -> None:
        """Those that come in pieces say themselves until when they live."""
        async with self._database.transaction_across_tenants() as session:
            await resumable_uploads.forget_finished(session)
            expired = await resumable_uploads.expired(session, BATCH)
        for code, file_id in expired:
            with _postponed("upload", file_id):
                await self._hosting.call(code, AbandonFile(uuid4(), file_id))
                log.info("expired upload swept", extra={"tenant": code, "file": file_id})

    async def _finish_incoming(self) -> None:
        """Names of bytes on their way whose process died, but those of pending rows, which are swept by their row."""
        if time.monotonic() < self._look_at_incoming:
            return
        grace = self._upload_grace.total_seconds()
        # It looks into a folder of every tenant.
        self._look_at_incoming = time.monotonic() + min(grace / 4, INCOMING_SECONDS)
        found = await self._disk.old_incoming(grace)
        for small in (incoming for incoming in found if incoming.place):
            with _postponed("upload", small.file_id):
                await self._finish_small(small)
        await self._unlink_strays([incoming for incoming in found if not incoming.place])

    async def _finish_small(self, small: Incoming) -> None:
        change = AbandonFile(uuid4(), small.file_id, small.place)
        if await self._hosting.call(small.tenant_code, change):
            await self._disk.unlink(small.path)
        log.info("small upload swept", extra={"tenant": small.tenant_code, "file": small.file_id})

    async def _unlink_strays(self, large: Sequence[Incoming]) -> None:
        """Bytes whose row was swept while their process stood still, and that it wrote when it went on."""
        ids = [incoming.file_id for incoming in large]
        async with self._database.reading_across_tenants() as session:
            known = set(await session.scalars(select(File.id).where(File.id.in_(ids))))
        for incoming in large:
            if incoming.file_id not in known:
                await self._disk.unlink(incoming.path)
                log.info("stray bytes swept", extra={"tenant": incoming.tenant_code, "file": incoming.file_id})

    async def _forget_old_answers(self) -> None:
        now = datetime.now(UTC)
        async with self._database.transaction_across_tenants() as session:
            await session.execute(delete(TenantCall).where(TenantCall.time_created < now - CALL_AGE))
            await session.execute(delete(IdempotencyKey).where(IdempotencyKey.time_created < now - IDEMPOTENCY_AGE))

    async def _give_up_webhooks(self) -> None:
        for work in (webhook_deliveries.give_up_expired, webhook_deliveries.forget_failed):
            done = webhook_deliveries.BATCH
            while done == webhook_deliveries.BATCH:
                async with self._database.transaction_across_tenants() as session:
                    done = await work(session)

    async def _remove_abandoned_folders(self) -> None:
        if time.monotonic() - self._folders_looked_at >= FOLDERS_SECONDS:
            await self._folders.remove()
            self._folders_looked_at = time.monotonic()
