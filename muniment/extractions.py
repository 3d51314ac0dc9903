"""A tenant's extraction jobs and their results, as `Client.extractions`."""

from collections.abc import Iterator
from typing import Any, Unpack

from muniment import extraction_calls
from muniment.document import Document
from muniment.extraction_calls import OnProgress
from muniment.models import ExtractionOptions, Job, JobState, Page, StoredFile
from muniment.sending import Sender


class Extractions:
    """A tenant's extraction jobs and their results. `Client.extract` does all of it in one call."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._tenant = sender.connection.tenant_code

    def submit(
        self,
        file: StoredFile | str,
        *,
        wait: float = 0.0,
        idempotency_key: str | None = None,
        tenant: str | None = None,
        **options: Unpack[ExtractionOptions],
    ) -> Job:
        """Queue an extraction; with `wait`, the answer comes when it has finished, or after so many seconds.

        job = client.extractions.submit(file, ocr="force", languages=["de"])
        """
        code = self._tenant(tenant)
        call = extraction_calls.submit(code, file, options, prefer_wait=wait, idempotency_key=idempotency_key)
        return self._sender.send(call)

    def get(self, job: Job | str, *, wait: float = 0.0, tenant: str | None = None) -> Job:
        """The job as it is now; with `wait`, when its state changes, or after so many seconds."""
        code = self._tenant(tenant)
        return self._sender.send(extraction_calls.get_job(code, job, wait))

    def wait(
        self,
        job: Job | str,
        *,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
        tenant: str | None = None,
    ) -> Job:
        """The job when it has finished, whatever way: `job.raise_for_failure()` where that matters.

        Raises WaitTimedOut after `timeout` seconds (None: never). `on_progress` gets the job at every change seen.
        """
        code = self._tenant(tenant)
        return self._sender.run(extraction_calls.wait_for_job(code, job, timeout, on_progress))

    def list(
        self,
        *,
        state: JobState | None = None,
        file: StoredFile | str | None = None,
        page_size: int = 50,
        tenant: str | None = None,
    ) -> Iterator[Job]:
        code = self._tenant(tenant)
        return self._sender.iterate(lambda cursor: extraction_calls.list_jobs(code, state, file, page_size, cursor))

    def page(
        self,
        *,
        state: JobState | None = None,
        file: StoredFile | str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        tenant: str | None = None,
    ) -> Page[Job]:
        code = self._tenant(tenant)
        return self._sender.send(extraction_calls.list_jobs(code, state, file, limit, cursor))

    def cancel(self, job: Job | str, *, tenant: str | None = None) -> None:
        """Ask for the end; a running parse stops within seconds. Raises Conflict when it has finished already."""
        return self._sender.send(extraction_calls.cancel(self._tenant(tenant), job))

    def result(
        self,
        job: Job | str,
        *,
        pages: str | None = None,
        words: bool = False,
        chunk_characters: int | None = None,
        tenant: str | None = None,
    ) -> Document:
        """The document; `pages="1-3,7"` for some, `words=True` with each word's box, and
        `chunk_characters=1200` with the text in pieces of at most so many characters for retrieval.

        Raises NotFinished while there is none yet.
        """
        code = self._tenant(tenant)
        call = extraction_calls.get_document(code, job, pages, words=words, chunk_characters=chunk_characters)
        return self._sender.send(call)

    def result_json(
        self, job: Job | str, *, pages: str | None = None, words: bool = False, tenant: str | None = None
    ) -> dict[str, Any]:
        """The document as the service wrote it."""
        code = self._tenant(tenant)
        return self._sender.send(extraction_calls.get_json(code, job, pages, words=words))

    def text(self, job: Job | str, *, pages: str | None = None, tenant: str | None = None) -> str:
        code = self._tenant(tenant)
        return self._sender.send(extraction_calls.get_text(code, job, "text", pages))

    def markdown(self, job: Job | str, *, pages: str | None = None, tenant: str | None = None) -> str:
        code = self._tenant(tenant)
        return self._sender.send(extraction_calls.get_text(code, job, "markdown", pages))

    def html(self, job: Job | str, *, pages: str | None = None, tenant: str | None = None) -> str:
        code = self._tenant(tenant)
        return self._sender.send(extraction_calls.get_text(code, job, "html", pages))

    def delete(self, job: Job | str, *, tenant: str | None = None) -> None:
        """The job and its result."""
        return self._sender.send(extraction_calls.delete_job(self._tenant(tenant), job))
