"""A tenant's batches of extractions, as `Client.batches`."""

from collections.abc import Iterator, Sequence
from typing import Unpack

from muniment import batch_calls
from muniment.batch_calls import OnBatchProgress
from muniment.models import Batch, ExtractionOptions, FileFilters, Job, JobState, Page, StoredFile
from muniment.sending import Sender


class Batches:
    """Extractions of many files, asked for together. `Client.extract_many` uploads, waits and reads as well."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    def submit(
        self,
        files: Sequence[StoredFile | str] | None = None,
        *,
        filters: FileFilters | None = None,
        name: str = "",
        idempotency_key: str | None = None,
        tenant: str | None = None,
        **options: Unpack[ExtractionOptions],
    ) -> Batch:
        """Up to 10,000 files, or all that `filters` find and that can be extracted.

        batch = client.batches.submit(filters={"tags": ["2026"], "extension": "pdf"}, ocr="never")
        """
        call = batch_calls.submit_batch(self._tenant(tenant), files, filters, name, options, idempotency_key)
        return self._sender.send(call)

    def get(self, batch: Batch | str, *, tenant: str | None = None) -> Batch:
        return self._sender.send(batch_calls.get_batch(self._tenant(tenant), batch))

    def wait(
        self,
        batch: Batch | str,
        *,
        timeout: float | None = None,
        on_progress: OnBatchProgress | None = None,
        tenant: str | None = None,
    ) -> Batch:
        """The batch when all of its jobs have finished, whatever way.

        Raises WaitTimedOut after `timeout` seconds (None: never). `on_progress` gets the batch at every look.
        """
        code = self._tenant(tenant)
        return self._sender.run(batch_calls.wait_for_batch(code, batch, timeout, on_progress))

    def list(self, *, page_size: int = 50, tenant: str | None = None) -> Iterator[Batch]:
        """Newest first."""
        code = self._tenant(tenant)
        return self._sender.iterate(lambda cursor: batch_calls.list_batches(code, page_size, cursor))

    def jobs(
        self,
        batch: Batch | str,
        *,
        state: JobState | None = None,
        limit: int = 200,
        cursor: str | None = None,
        tenant: str | None = None,
    ) -> Page[Job]:
        """A page of the batch's jobs, its last file first."""
        code = self._tenant(tenant)
        return self._sender.send(batch_calls.list_batch_jobs(code, batch, state, limit, cursor))

    def cancel(self, batch: Batch | str, *, tenant: str | None = None) -> Batch:
        """Stop all that has not finished. Raises Conflict when everything has."""
        return self._sender.send(batch_calls.cancel_batch(self._tenant(tenant), batch))

    def retry_failed(self, batch: Batch | str, *, tenant: str | None = None) -> Batch:
        """Queue the failed jobs again. A password is forgotten when its job ends: such files fail again."""
        return self._sender.send(batch_calls.retry_failed(self._tenant(tenant), batch))
