"""A tenant's batches of extractions, as `AsyncClient.batches`."""

from collections.abc import AsyncIterator, Sequence
from typing import Unpack

from muniment import batch_calls
from muniment.batch_calls import OnBatchProgress
from muniment.batches import Batches
from muniment.documented import documented_by
from muniment.models import Batch, ExtractionOptions, FileFilters, Job, JobState, Page, StoredFile
from muniment.sending import AsyncSender


@documented_by(Batches)
class AsyncBatches:
    """`Batches`, to be awaited."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    async def submit(
        self,
        files: Sequence[StoredFile | str] | None = None,
        *,
        filters: FileFilters | None = None,
        name: str = "",
        idempotency_key: str | None = None,
        tenant: str | None = None,
        **options: Unpack[ExtractionOptions],
    ) -> Batch:
        call = batch_calls.submit_batch(self._tenant(tenant), files, filters, name, options, idempotency_key)
        return await self._sender.send(call)

    async def get(self, batch: Batch | str, *, tenant: str | None = None) -> Batch:
        return await self._sender.send(batch_calls.get_batch(self._tenant(tenant), batch))

    async def wait(
        self,
        batch: Batch | str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in the blocking client
        on_progress: OnBatchProgress | None = None,
        tenant: str | None = None,
    ) -> Batch:
        code = self._tenant(tenant)
        return await self._sender.run(batch_calls.wait_for_batch(code, batch, timeout, on_progress))

    def list(self, *, page_size: int = 50, tenant: str | None = None) -> AsyncIterator[Batch]:
        code = self._tenant(tenant)
        return self._sender.iterate(lambda cursor: batch_calls.list_batches(code, page_size, cursor))

    async def jobs(
        self,
        batch: Batch | str,
        *,
        state: JobState | None = None,
        limit: int = 200,
        cursor: str | None = None,
        tenant: str | None = None,
    ) -> Page[Job]:
        code = self._tenant(tenant)
        return await self._sender.send(batch_calls.list_batch_jobs(code, batch, state, limit, cursor))

    async def cancel(self, batch: Batch | str, *, tenant: str | None = None) -> Batch:
        return await self._sender.send(batch_calls.cancel_batch(self._tenant(tenant), batch))

    async def retry_failed(self, batch: Batch | str, *, tenant: str | None = None) -> Batch:
        return await self._sender.send(batch_calls.retry_failed(self._tenant(tenant), batch))
