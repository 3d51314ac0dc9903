"""One attempt at an extraction job, from the file's bytes to the stored result. No Ray in here."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, Protocol

from actors.extractors.document import ExtractionFailed, ExtractionOptions
from actors.parse_process import OnProgress, ParsedDocument, ParseRequest, Recognise
from storage.errors import Unavailable
from storage.extraction_records import CancelRequested, ClaimedJob, LeaseLost
from storage.extraction_results import NewResult
from storage.job_passwords import JobPasswords
from storage.job_queue import JobQueue

log = logging.getLogger(__name__)

P = ParamSpec("P")

BEAT_SECONDS = 1.0
"""How often progress is written, the lease renewed, and whether the job is still wanted is asked."""
RETRY_SECONDS = 1.0

INTERNAL = {
    "code": "internal",
    "phase": "store",
    "retryable": False,
    "message": "The service failed on this file; its log says why.",
}


class Parse(Protocol):
    async def __call__(self, request: ParseRequest, recognise: Recognise, on_progress: OnProgress) -> ParsedDocument:
        """The document. Cancelling stops it at once. Raises `ExtractionFailed`."""
        ...


@dataclass(slots=True)
class _Progress:
    done: int = 0
    total: int | None = None

    async def note(self, done: int, total: int) -> None:
        self.done, self.total = done, total


@dataclass(frozen=True, slots=True)
class ExtractionJobs:
    """Works on any number of jobs at once."""

    queue: JobQueue
    parse: Parse
    recognise: Recognise
    base_path: Path
    passwords: JobPasswords
    engine_version: str
    max_seconds: float
    """Upper bound of a job's `timeout_seconds`."""
    beat: float = field(default=BEAT_SECONDS)

    async def run(self, claim: ClaimedJob) -> None:
        """Parse, and write how it ended under the claim's attempt. Nothing is written when the claim is lost.

        An outage of the database is waited out: the work is worth more than the wait.
        """
        try:
            document = await self._parse_while_held(claim)
            made = await asyncio.to_thread(
                NewResult, self.engine_version, document.status, document.page_count, document.json
            )
            await _persist(self.queue.finish, claim, made)
        except ExtractionFailed as failure:
            log.info("extraction failed", extra={"job": claim.id, "code": failure.code})
            await self._write_failure(claim, failure.as_dict())
        except CancelRequested:
            await self._write_end(self.queue.cancelled, claim)
        except LeaseLost:
            log.info("claim lost", extra={"job": claim.id, "attempt": claim.attempt})
        except Exception:
            log.exception("attempt failed", extra={"job": claim.id})
            await self._write_failure(claim, INTERNAL)

    async def _parse_while_held(self, claim: ClaimedJob) -> ParsedDocument:
        progress = _Progress()
        parsing = asyncio.create_task(self.parse(self._request(claim), self.recognise, progress.note))
        beating = asyncio.create_task(self._beat(claim, progress))
        deadline = self._deadline(claim)
        try:
            await asyncio.wait({parsing, beating}, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
            if beating.done() and not parsing.done():
                await beating
            if not parsing.done():
                raise ExtractionFailed("timeout", "parse", f"The extraction took longer than {deadline:g} seconds.")
            return await parsing
        finally:
            parsing.cancel()
            beating.cancel()
            await asyncio.gather(parsing, beating, return_exceptions=True)

    def _request(self, claim: ClaimedJob) -> ParseRequest:
        options: dict[str, Any] = claim.options | {"languages": tuple(claim.options.get("languages", ()))}
        options["timeout_seconds"] = min(options.get("timeout_seconds", self.max_seconds), self.max_seconds)
        if claim.password is not None:
            options["password"] = self.passwords.decrypt(claim.tenant_id, claim.password)
        path = self.base_path / claim.storage_path
        return ParseRequest(path, claim.media_type, claim.extension, ExtractionOptions(**options))

    def _deadline(self, claim: ClaimedJob) -> float | None:
        """Seconds that the client gives an attempt, OCR included.

        None for a client without a wish: the bound then counts the parse's own work only, for OCR of a long scan takes
        hours, and is bounded page by page.
        """
        asked: float = claim.options.get("timeout_seconds", self.max_seconds)
        return asked if asked < self.max_seconds else None

    async def _beat(self, claim: ClaimedJob, progress: _Progress) -> None:
        """Ends only by raising `LeaseLost` or `CancelRequested`."""
        while True:
            await asyncio.sleep(self.beat)
            try:
                await self.queue.report_progress(claim, progress.done, progress.total)
            except Unavailable as error:
                log.warning("progress not written", extra={"job": claim.id, "reason": str(error)})

    async def _write_failure(self, claim: ClaimedJob, error: dict[str, Any]) -> None:
        async def fail(claim: ClaimedJob) -> None:
            await self.queue.fail(claim, error)

        await self._write_end(fail, claim)

    async def _write_end(self, end: Callable[[ClaimedJob], Awaitable[None]], claim: ClaimedJob) -> None:
        try:
            await _persist(end, claim)
        except LeaseLost:
            log.info("claim lost", extra={"job": claim.id, "attempt": claim.attempt})


async def _persist(write: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
    while True:
        try:
            await write(*args, **kwargs)
        except Unavailable:
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
