"""A tenant's extraction jobs and their results, as `AsyncClient.extractions`."""

from collections.abc import AsyncIterator
from typing import Any, Unpack

from muniment import extraction_calls
from muniment.document import Document
from muniment.documented import documented_by
from muniment.extraction_calls import OnProgress
from muniment.extractions import Extractions
from muniment.models import ExtractionOptions, Job, JobState, Page, StoredFile
from muniment.sending import AsyncSender


@documented_by(Extractions)
class AsyncExtractions:
    """`Extractions`, to be awaited."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    async def submit(
        self,
        file: StoredFile | str,
        *,
        wait: float = 0.0,
        idempotency_key: str | None = None,
        tenant: str | None = None,
        **options: Unpack[ExtractionOptions],
    ) -> Job:
        code = self._tenant(tenant)
        call = extraction_calls.submit(code, file, options, prefer_wait=wait, idempotency_key=idempotency_key)
        return await self._sender.send(call)

    async def get(self, job: Job | str, *, wait: float = 0.0, tenant: str | None = None) -> Job:
        code = self._tenant(tenant)
        return await self._sender.send(extraction_calls.get_job(code, job, wait))

    async def wait(
        self,
        job: Job | str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in the blocking client
        on_progress: OnProgress | None = None,
        tenant: str | None = None,
    ) -> Job:
        code = self._tenant(tenant)
        return await self._sender.run(extraction_calls.wait_for_job(code, job, timeout, on_progress))

    def list(
        self,
        *,
        state: JobState | None = None,
        file: StoredFile | str | None = None,
        page_size: int = 50,
        tenant: str | None = None,
    ) -> AsyncIterator[Job]:
        code = self._tenant(tenant)
        return self._sender.iterate(lambda cursor: extraction_calls.list_jobs(code, state, file, page_size, cursor))

    async def page(
        self,
        *,
        state: JobState | None = None,
        file: StoredFile | str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        tenant: str | None = None,
    ) -> Page[Job]:
        code = self._tenant(tenant)
        return await self._sender.send(extraction_calls.list_jobs(code, state, file, limit, cursor))

    async def cancel(self, job: Job | str, *, tenant: str | None = None) -> None:
        return await self._sender.send(extraction_calls.cancel(self._tenant(tenant), job))

    async def result(
        self,
        job: Job | str,
        *,
        pages: str | None = None,
        words: bool = False,
        chunk_characters: int | None = None,
        tenant: str | None = None,
    ) -> Document:
        code = self._tenant(tenant)
        call = extraction_calls.get_document(code, job, pages, words=words, chunk_characters=chunk_characters)
        return await self._sender.send(call)

    async def result_json(
        self, job: Job | str, *, pages: str | None = None, words: bool = False, tenant: str | None = None
    ) -> dict[str, Any]:
        code = self._tenant(tenant)
        return await self._sender.send(extraction_calls.get_json(code, job, pages, words=words))

    async def text(self, job: Job | str, *, pages: str | None = None, tenant: str | None = None) -> str:
        code = self._tenant(tenant)
        return await self._sender.send(extraction_calls.get_text(code, job, "text", pages))

    async def markdown(self, job: Job | str, *, pages: str | None = None, tenant: str | None = None) -> str:
        code = self._tenant(tenant)
        return await self._sender.send(extraction_calls.get_text(code, job, "markdown", pages))

    async def html(self, job: Job | str, *, pages: str | None = None, tenant: str | None = None) -> str:
        code = self._tenant(tenant)
        return await self._sender.send(extraction_calls.get_text(code, job, "html", pages))

    async def delete(self, job: Job | str, *, tenant: str | None = None) -> None:
        return await self._sender.send(extraction_calls.delete_job(self._tenant(tenant), job))
