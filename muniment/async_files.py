"""A tenant's files, as `AsyncClient.files`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from muniment import file_calls
from muniment.documented import documented_by
from muniment.download import Download, destination
from muniment.file_calls import FileChange
from muniment.files import Files
from muniment.models import BatchItem, FileFilters, Page, StoredFile
from muniment.part_file import PartFile
from muniment.sending import AsyncSender
from muniment.upload_source import Progress, Uploadable


@documented_by(Files)
class AsyncFiles:
    """A tenant's files: `Files`, to be awaited. Reading and writing local files happens in threads."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    async def upload(
        self,
        source: Uploadable,
        *,
        name: str | None = None,
        media_type: str | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        digest: bool | str = False,
        idempotency_key: str | None = None,
        progress: Progress | None = None,
        tenant: str | None = None,
    ) -> StoredFile:
        flow = await asyncio.to_thread(
            file_calls.upload,
            self._sender.connection,
            self._tenant(tenant),
            source,
            name=name,
            media_type=media_type,
            tags=tags,
            metadata=metadata,
            digest=digest,
            idempotency_key=idempotency_key,
            progress=progress,
        )
        return await self._sender.run(flow)

    async def get(self, file: StoredFile | str, *, tenant: str | None = None) -> StoredFile:
        return await self._sender.send(file_calls.get_file(self._tenant(tenant), file))

    def list(
        self, *, page_size: int = 50, tenant: str | None = None, **filters: Unpack[FileFilters]
    ) -> AsyncIterator[StoredFile]:
        code = self._tenant(tenant)
        return self._sender.iterate(lambda cursor: file_calls.list_files(code, filters, page_size, cursor))

    async def page(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        tenant: str | None = None,
        **filters: Unpack[FileFilters],
    ) -> Page[StoredFile]:
        code = self._tenant(tenant)
        return await self._sender.send(file_calls.list_files(code, filters, limit, cursor))

    async def download(
        self,
        file: StoredFile | str,
        to: str | Path = ".",
        *,
        progress: Progress | None = None,
        tenant: str | None = None,
    ) -> Path:
        stored = file if isinstance(file, StoredFile) else await self.get(file, tenant=tenant)
        path = destination(to, stored.file_name)
        with PartFile(path) as part:
            async for chunk in self.iter_bytes(stored, progress=progress, tenant=tenant):
                await asyncio.to_thread(part.write, chunk)
            await asyncio.to_thread(part.keep)
        return path

    def iter_bytes(
        self, file: StoredFile | str, *, progress: Progress | None = None, tenant: str | None = None
    ) -> AsyncIterator[bytes]:
        call = file_calls.file_content(self._tenant(tenant), file)
        return self._sender.stream(call, Download(file, self._sender.connection.retries, progress))

    async def read(self, file: StoredFile | str, *, tenant: str | None = None) -> bytes:
        return b"".join([chunk async for chunk in self.iter_bytes(file, tenant=tenant)])

    async def update(
        self,
        file: StoredFile | str,
        change: FileChange,
        *,
        version: int | None = None,
        tenant: str | None = None,
    ) -> StoredFile:
        code = self._tenant(tenant)
        return await self._sender.send(file_calls.update_file(code, file, change, version))

    async def edit(
        self,
        file: StoredFile | str,
        change: Callable[[StoredFile], FileChange],
        *,
        attempts: int = 5,
        tenant: str | None = None,
    ) -> StoredFile:
        code = self._tenant(tenant)
        return await self._sender.run(file_calls.edit_file(code, file, change, attempts))

    async def delete(self, file: StoredFile | str, *, tenant: str | None = None) -> None:
        return await self._sender.send(file_calls.delete_file(self._tenant(tenant), file))

    async def batch_get(self, files: Sequence[StoredFile | str], *, tenant: str | None = None) -> tuple[BatchItem, ...]:
        return await self._sender.send(file_calls.batch_get(self._tenant(tenant), files))

    async def batch_delete(
        self, files: Sequence[StoredFile | str], *, tenant: str | None = None
    ) -> tuple[BatchItem, ...]:
        return await self._sender.send(file_calls.batch_delete(self._tenant(tenant), files))
