"""A tenant's files, as `Client.files`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from muniment import file_calls
from muniment.download import Download, destination
from muniment.file_calls import FileChange
from muniment.models import BatchItem, FileFilters, Page, StoredFile
from muniment.part_file import PartFile
from muniment.sending import Sender
from muniment.upload_source import Progress, Uploadable


class Files:
    """A tenant's files."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    def upload(
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
        """Store a path, bytes, an open binary file or an iterator of bytes; streamed, never whole in memory.

            client.files.upload("report.pdf", tags=["2026"], metadata={"customer": 7})
            client.files.upload(b"Hello", name="hello.txt")

        `media_type` is guessed from the name. `digest=True` has the service check the SHA-256 of what arrives (the
        source is read twice; a known one can be given in hexadecimal). Sources that can be read again are sent again,
        under one idempotency key, when the connection breaks. Those over 16 MiB are sent in pieces, unless a digest or
        a key is given, and go on where the connection broke. `progress(bytes_done, bytes_total)` is called per chunk.
        """
        flow = file_calls.upload(
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
        return self._sender.run(flow)

    def get(self, file: StoredFile | str, *, tenant: str | None = None) -> StoredFile:
        return self._sender.send(file_calls.get_file(self._tenant(tenant), file))

    def list(
        self, *, page_size: int = 50, tenant: str | None = None, **filters: Unpack[FileFilters]
    ) -> Iterator[StoredFile]:
        """Files that match all `filters`, page by page as they are consumed.

        for file in client.files.list(extension="pdf", tags=["2026"], sort="-file_size_bytes"): ...
        """
        code = self._tenant(tenant)
        return self._sender.iterate(lambda cursor: file_calls.list_files(code, filters, page_size, cursor))

    def page(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        tenant: str | None = None,
        **filters: Unpack[FileFilters],
    ) -> Page[StoredFile]:
        """One page of `list`; a cursor is good for the same filters only."""
        code = self._tenant(tenant)
        return self._sender.send(file_calls.list_files(code, filters, limit, cursor))

    def download(
        self,
        file: StoredFile | str,
        to: str | Path = ".",
        *,
        progress: Progress | None = None,
        tenant: str | None = None,
    ) -> Path:
        """Write the bytes to `to`, or under the file's own name into the folder `to`; gives the path.

        The path holds the complete, verified file or what it held before, never a part. A broken connection is
        continued where it broke. Raises DownloadDamaged when the bytes are not the stored ones.
        """
        stored = file if isinstance(file, StoredFile) else self.get(file, tenant=tenant)
        path = destination(to, stored.file_name)
        with PartFile(path) as part:
            for chunk in self.iter_bytes(stored, progress=progress, tenant=tenant):
                part.write(chunk)
            part.keep()
        return path

    def iter_bytes(
        self, file: StoredFile | str, *, progress: Progress | None = None, tenant: str | None = None
    ) -> Iterator[bytes]:
        """The bytes in chunks; a broken connection is continued, and the last chunk is followed by the check."""
        call = file_calls.file_content(self._tenant(tenant), file)
        return self._sender.stream(call, Download(file, self._sender.connection.retries, progress))

    def read(self, file: StoredFile | str, *, tenant: str | None = None) -> bytes:
        """All the bytes, in memory."""
        return b"".join(self.iter_bytes(file, tenant=tenant))

    def update(
        self,
        file: StoredFile | str,
        change: FileChange,
        *,
        version: int | None = None,
        tenant: str | None = None,
    ) -> StoredFile:
        """Merge-patch `file_name`, `tags` and `metadata`: what is left out stays, `None` removes.

            file = client.files.get("fs_…")
            client.files.update(file, {"tags": ["paid"], "metadata": {"checked": True, "draft": None}})

        The version is the file's as it was read, or given. Raises VersionConflict when it is not the present one.
        """
        code = self._tenant(tenant)
        return self._sender.send(file_calls.update_file(code, file, change, version))

    def edit(
        self,
        file: StoredFile | str,
        change: Callable[[StoredFile], FileChange],
        *,
        attempts: int = 5,
        tenant: str | None = None,
    ) -> StoredFile:
        """Read, change, update; and again when someone else changed the file in between.

        client.files.edit("fs_…", lambda file: {"tags": [*file.tags, "paid"]})
        """
        code = self._tenant(tenant)
        return self._sender.run(file_calls.edit_file(code, file, change, attempts))

    def delete(self, file: StoredFile | str, *, tenant: str | None = None) -> None:
        """Bytes, record and extractions are gone afterwards."""
        return self._sender.send(file_calls.delete_file(self._tenant(tenant), file))

    def batch_get(self, files: Sequence[StoredFile | str], *, tenant: str | None = None) -> tuple[BatchItem, ...]:
        """Up to 1,000 records in one call, in the order asked for."""
        return self._sender.send(file_calls.batch_get(self._tenant(tenant), files))

    def batch_delete(self, files: Sequence[StoredFile | str], *, tenant: str | None = None) -> tuple[BatchItem, ...]:
        """Delete up to 1,000 files in one call; each item says what became of it."""
        return self._sender.send(file_calls.batch_delete(self._tenant(tenant), files))
