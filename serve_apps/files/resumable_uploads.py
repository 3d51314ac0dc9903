"""Uploads that come in pieces: begun, gone on with by one request at a time, finished once.

The row says how many bytes are acknowledged, and the generation of the request that holds the upload; the file is
locked by who writes it (`ResumableFile`). Whatever process dies at whatever point, the next request finds the
acknowledged bytes, drops what lies beyond them, and goes on, up to checking and placing the whole.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

from actors.upload_changes import AbandonFile
from serve_apps.files.committing import give_up, reserve_file
from serve_apps.files.resumable_headers import Description
from serve_apps.files.resumable_hold import HeldUpload
from serve_apps.services import Services
from storage import resumable_uploads
from storage.identifiers import new_id
from storage.records import TenantRecord
from storage.resumable_errors import UploadBusy
from storage.resumable_file import ResumableFile
from storage.resumable_uploads import UploadRecord
from storage.upload_checks.file_names import display_name
from storage.upload_checks.verdict import check_headers

ASK_AGAIN_SECONDS = 0.1
"""How often a request that waits for an upload says so to the one that holds it."""
PATIENCE_SECONDS = 3.0
"""A request that has not let go by then is stuck, and the upload is taken from it."""
FINISH_SECONDS = 30.0
"""How long a request waits for another that checks and places the whole: from that it is not taken."""


class ResumableUploads:
    """The uploads of one tenant."""

    def __init__(self, services: Services, tenant: TenantRecord) -> None:
        self._services = services
        self._tenant = tenant
        self._lifetime = timedelta(seconds=services.settings.resumable_upload_seconds)

    async def begin(self, header: str, length: int | None) -> UploadRecord:
        """A new upload that `Upload-Metadata` describes. Raises why it is not kept, as far as that can be told now."""
        description = Description.parse(header)
        name = display_name(description.file_name)
        least_size = length or 0
        check_headers(self._tenant.rules, name, description.declared_media_type, least_size)
        file_id = new_id("fs")
        path = await reserve_file(self._services, self._tenant, file_id, description, least_size)
        new = UploadRecord.new(self._tenant.id, file_id, path, header, length, self._lifetime)
        try:
            async with self._services.database.transaction(self._tenant.id) as session:
                await resumable_uploads.add(session, new)
        except BaseException:
            await asyncio.shield(self.give_up(new))
            raise
        return new

    async def find(self, upload_id: str) -> UploadRecord:
        """Raises `NotFound` and `UploadExpired`."""
        async with self._services.database.reading(self._tenant.id) as session:
            return await resumable_uploads.find(session, self._tenant.id, upload_id)

    async def give_up(self, upload: UploadRecord) -> None:
        """Leave nothing of an upload that is not finished."""
        await give_up(self._services, self._tenant, upload.file_id, upload.storage_path)

    async def end(self, upload_id: str) -> None:
        """Leave nothing of an upload; of one that is finished, its file. Raises `NotFound` and `UploadExpired`."""
        async with self._services.database.transaction(self._tenant.id) as session:
            found = await resumable_uploads.find(session, self._tenant.id, upload_id)
            await resumable_uploads.ask_to_let_go(session, upload_id)
        await self._services.tenants.call(self._tenant, AbandonFile(uuid4(), found.file_id))
        async with self._services.database.transaction(self._tenant.id) as session:
            await resumable_uploads.forget(session, self._tenant.id, upload_id)

    @asynccontextmanager
    async def held(self, found: UploadRecord) -> AsyncIterator[HeldUpload]:
        """The upload is this request's inside the block; another that holds it is told to let go.

        Raises `UploadBusy` while another checks and places the whole, `NotFound` and `UploadExpired`.
        """
        file = ResumableFile(self._services.disk, found.storage_path)
        try:
            record = await self._hold(found.id, file)
            yield HeldUpload(self._services, self._tenant, self._lifetime, record, file)
        finally:
            await asyncio.shield(file.let_go())

    async def _hold(self, upload_id: str, file: ResumableFile) -> UploadRecord:
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            record = await self._try_to_hold(upload_id, file, clock() - began)
            if record is not None:
                return record
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def _try_to_hold(self, upload_id: str, file: ResumableFile, waited: float) -> UploadRecord | None:
        """None while another request holds the upload, and may still let go of it."""
        async with self._services.database.transaction(self._tenant.id) as session:
            found = await resumable_uploads.find(session, self._tenant.id, upload_id, lock=True)
            if found.is_finished:
                return found
            if await file.hold():
                # Read again: whoever held the file until now may have finished.
                found = await resumable_uploads.find(session, self._tenant.id, upload_id)
            elif waited < (FINISH_SECONDS if found.is_complete else PATIENCE_SECONDS):
                await resumable_uploads.ask_to_let_go(session, upload_id)
                return None
            elif found.is_complete:
                raise UploadBusy
            else:
                await file.take()
            if found.is_finished:
                return found
            offset = await file.cut(found.offset)
            return await resumable_uploads.claim(session, found, offset, self._lifetime)
