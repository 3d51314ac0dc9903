"""What one request does with an upload that comes in pieces, while it holds it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from actors.upload_changes import ExtendReservation
from serve_apps.files.committing import give_up, keep_and_commit
from serve_apps.files.resumable_headers import Checksum, Description
from serve_apps.files.resumable_piece import Piece
from serve_apps.request_errors import BadRequest
from serve_apps.services import Services
from storage import resumable_uploads, upload_errors
from storage.errors import DuplicateFile, MunimentError, NotFound, QuotaExceeded, TenantSuspended
from storage.records import TenantRecord
from storage.resumable_errors import LengthExceeded
from storage.resumable_file import ResumableFile
from storage.resumable_uploads import UploadRecord

log = logging.getLogger(__name__)

REFUSALS = (
    DuplicateFile,
    QuotaExceeded,
    upload_errors.ArchiveUnsafe,
    upload_errors.FileTooLarge,
    upload_errors.MediaTypeMismatch,
    upload_errors.MediaTypeNotAllowed,
)
"""The file is not kept, whatever else comes: its upload is given up."""


class HeldUpload:
    def __init__(
        self,
        services: Services,
        tenant: TenantRecord,
        lifetime: timedelta,
        record: UploadRecord,
        file: ResumableFile,
    ) -> None:
        self._services = services
        self._tenant = tenant
        self._lifetime = lifetime
        self._file = file
        self.record = record
        """As it is in the database."""

    async def set_length(self, length: int) -> None:
        """The length that was deferred. Raises `BadRequest` for another than is known already."""
        if self.record.length is not None:
            if length != self.record.length:
                raise BadRequest("The length of an upload is said once.")
            return
        if length < self.record.offset:
            raise LengthExceeded(length)
        async with self._given_up_when_refused():
            self._refuse_too_large(length)
            await self._reserve(length)
        async with self._services.database.transaction(self._tenant.id) as session:
            self.record = await resumable_uploads.set_length(session, self.record, length, self._lifetime)

    def refuse_beyond(self, end: int) -> None:
        """Raises `LengthExceeded` where the upload ends before, `FileTooLarge` while its length is not known."""
        if self.record.length is None:
            self._refuse_too_large(end)
        elif end > self.record.length:
            raise LengthExceeded(self.record.length)

    def _refuse_too_large(self, size: int) -> None:
        limit = self._tenant.rules.max_file_size_bytes
        if size > limit:
            raise upload_errors.FileTooLarge(size, limit)

    async def append(self, chunks: AsyncIterator[bytes], checksum: Checksum | None) -> None:
        """Add bytes, and acknowledge them. Under a checksum all or none are kept, else what came before an error."""
        piece = Piece(self._file, self.record.offset, checksum)
        async with self._given_up_when_refused():
            try:
                await self._receive(chunks, piece)
            except BaseException as error:
                await asyncio.shield(self._settle(piece, error))
                raise

    async def _receive(self, chunks: AsyncIterator[bytes], piece: Piece) -> None:
        async for chunk in chunks:
            self.refuse_beyond(piece.end + len(chunk))
            await piece.add(chunk)
            if piece.is_due and piece.end != self.record.length:
                # The last byte not before the body has ended, since more may come than should.
                await self._acknowledge(piece)
        await piece.flush()
        piece.verify()
        await self._acknowledge(piece)

    async def _settle(self, piece: Piece, error: BaseException) -> None:
        """Keep what came before the error, or drop it where it cannot be believed."""
        try:
            if piece.is_whole_or_nothing or isinstance(error, LengthExceeded):
                await self._file.cut(self.record.offset)
            else:
                await self._acknowledge(piece)
        except MunimentError as failure:
            log.warning("part of a piece lost", extra={"upload": self.record.id, "reason": str(failure)})

    async def _acknowledge(self, piece: Piece) -> None:
        await piece.flush()
        await self._file.sync()
        if self.record.length is None:
            await self._reserve(piece.end)
        async with self._services.database.transaction(self._tenant.id) as session:
            self.record = await resumable_uploads.acknowledge(session, self.record, piece.end, self._lifetime)
        piece.acknowledged()

    async def _reserve(self, size: int) -> None:
        await self._services.tenants.call(self._tenant, ExtendReservation(uuid4(), self.record.file_id, size))

    async def finish(self) -> None:
        """Check the whole, give it its place and show it. Raises why it is not kept, and then the upload is gone."""
        if self._tenant.status == "suspended":
            raise TenantSuspended
        received = await self._file.received()
        description = Description.parse(self.record.description)
        async with self._given_up_when_refused():
            await keep_and_commit(
                self._services, self._tenant, self.record.file_id, self.record.storage_path, description, received
            )
        self.record = replace(self.record, is_finished=True)

    @asynccontextmanager
    async def _given_up_when_refused(self) -> AsyncIterator[None]:
        try:
            yield
        except REFUSALS:
            await self._give_up(row_is_gone=False)
            raise
        except NotFound as error:
            # Said by the tenant's actor of the file's row, or by the disk of the tenant's folders.
            if error.what == "file":
                await self._give_up(row_is_gone=True)
            raise

    async def _give_up(self, *, row_is_gone: bool) -> None:
        record = self.record
        await asyncio.shield(
            give_up(self._services, self._tenant, record.file_id, record.storage_path, row_is_gone=row_is_gone)
        )
