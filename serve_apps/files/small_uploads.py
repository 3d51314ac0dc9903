"""Small files: whole in memory, in their place with others of the moment, and then one change that stores them."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

from actors.tenant_changes import IdempotentRequest
from actors.upload_changes import STORE_SECONDS, AbandonFile, StoreFile
from serve_apps.files.committing import Described
from serve_apps.services import Services
from storage.errors import DigestMismatch, MunimentError, Unavailable
from storage.files_on_disk import storage_path
from storage.identifiers import new_id
from storage.records import FileRecord, TenantRecord
from storage.tenant_configuration import TenantConfiguration
from storage.upload_checks.file_names import display_name, extension_of
from storage.upload_checks.verdict import Verdict, check_in_memory

log = logging.getLogger(__name__)


class LooksLikeArchive(Exception):
    """Another process must look through it, which needs it on the disk before it is kept."""


@dataclass(frozen=True, slots=True)
class Judgement:
    sha256: str
    verdict: Verdict


def judge(
    name: str, described: Described, rules: TenantConfiguration, expected_sha256: str | None, content: bytes
) -> Judgement:
    """Raises why the content is not kept, and `LooksLikeArchive`. Blocks."""
    sha256 = hashlib.sha256(content).hexdigest()
    if expected_sha256 not in {None, sha256}:
        raise DigestMismatch
    verdict = check_in_memory(content, name, described.declared_media_type, rules)
    if verdict is None:
        raise LooksLikeArchive
    return Judgement(sha256, verdict)


@dataclass(frozen=True, slots=True)
class SmallUpload:
    """One small file of one tenant."""

    services: Services
    tenant: TenantRecord
    described: Described

    async def store(
        self, content: bytes, expected_sha256: str | None, request_of: Callable[[str], IdempotentRequest | None]
    ) -> FileRecord:
        """The file's record when it is durable and visible. Raises why it is not kept, and `LooksLikeArchive`.

        `request_of` tells the request that the answer is kept for, once the hash is known. Not to be cancelled half
        way: then it is the sweeper who finds out what became of it.
        """
        name = display_name(self.described.file_name)
        now, file_id = datetime.now(UTC), new_id("fs")
        place = storage_path(self.tenant.code, now, file_id, extension_of(name))
        judged = await self.services.small_files.place(
            place, content, partial(judge, name, self.described, self.tenant.rules, expected_sha256)
        )
        change = StoreFile(
            call_id=uuid4(),
            id=file_id,
            file_name=name,
            declared_media_type=self.described.declared_media_type,
            extension=extension_of(name),
            storage_path=place,
            time_created=now,
            valid_until=now + timedelta(seconds=STORE_SECONDS),
            file_size_bytes=len(content),
            media_type=judged.verdict.media_type,
            sha256=judged.sha256,
            tags=self.described.tags,
            metadata=self.described.metadata,
            request=request_of(judged.sha256),
        )
        return await self._commit(change)

    async def _commit(self, change: StoreFile) -> FileRecord:
        try:
            record = await self.services.tenants.call(self.tenant, change)
        except Exception as error:
            await self._take_back(
                change, is_refused=isinstance(error, MunimentError) and not isinstance(error, Unavailable)
            )
            raise
        self.services.small_files.settle(change.storage_path)
        return record

    async def _take_back(self, change: StoreFile, *, is_refused: bool) -> None:
        """Leave nothing. Whatever fails here the sweeper does later."""
        try:
            if is_refused:
                await self.services.disk.remove(change.storage_path)
            elif await self.services.tenants.call(self.tenant, AbandonFile(uuid4(), change.id, change.storage_path)):
                # It is stored: only the answer was lost.
                self.services.small_files.settle(change.storage_path)
        except MunimentError as failure:
            log.warning("upload left to the sweeper", extra={"file": change.id, "reason": str(failure)})
