"""One attempt at a job: a queue in memory, and a parse that does what the test says."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from actors import extraction_jobs
from actors.extraction_jobs import ExtractionJobs
from actors.extractors.document import ExtractionFailed, RecognisedPage
from actors.parse_process import OnProgress, ParsedDocument, ParseRequest, Recognise
from storage.extraction_records import ClaimedJob, WaitingTenant
from storage.job_passwords import JobPasswords
from tests.fake_job_queue import FakeJob, FakeJobQueue

PASSWORDS = JobPasswords(b"pepper")


def document(status: str = "succeeded") -> ParsedDocument:
    return ParsedDocument(status, 3, b'{"content":"text"}')


class Parser:
    """Answers with `outcome` as soon as it is released; notes what it was asked and whether it was killed."""

    def __init__(self, outcome: ParsedDocument | Exception = document(), *, released: bool = True) -> None:  # noqa: B008
        self.outcome = outcome
        self.requests: list[ParseRequest] = []
        self.killed = False
        self.begun, self.release = asyncio.Event(), asyncio.Event()
        if released:
            self.release.set()

    async def __call__(
        self,
        request: ParseRequest,
        recognise: Recognise,  # noqa: ARG002 - the protocol's
        on_progress: OnProgress,
    ) -> ParsedDocument:
        self.requests.append(request)
        await on_progress(1, 3)
        self.begun.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.killed = True
            raise
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def _no_ocr(_: Path) -> RecognisedPage:
    raise AssertionError("nothing is recognised here")


@pytest.fixture
def queue() -> FakeJobQueue:
    return FakeJobQueue()


async def claimed(queue: FakeJobQueue, job: FakeJob) -> ClaimedJob:
    claim = await queue.claim(WaitingTenant(job.tenant_id, 1, 10, 0))
    assert claim is not None
    return claim


def jobs(queue: FakeJobQueue, parser: Parser) -> ExtractionJobs:
    return ExtractionJobs(
        queue=queue,
        parse=parser,
        recognise=_no_ocr,
        base_path=Path("/base"),
        passwords=PASSWORDS,
        engine_version="v1",
        max_seconds=100.0,
        beat=0.01,
    )


async def test_a_parsed_document_is_stored_with_its_status_and_page_count(queue: FakeJobQueue) -> None:
    job = queue.add()
    await jobs(queue, Parser(document("partial"))).run(await claimed(queue, job))
    assert job.state == "partial"
    assert job.result is not None
    assert (job.result.engine_version, job.result.page_count, job.result.document) == ("v1", 3, document().json)


async def test_the_parser_gets_the_path_the_options_and_the_decrypted_password(queue: FakeJobQueue) -> None:
    tenant = uuid4()
    options = {"ocr": "never", "languages": ["de"], "pages": "1-2", "tables": False, "timeout_seconds": 50.0}
    job = queue.add(tenant, options=options, password=PASSWORDS.encrypt(tenant, "geheim"))
    parser = Parser()
    await jobs(queue, parser).run(await claimed(queue, job))
    request = parser.requests[0]
    assert request.path == Path("/base/t/2025-01/fs_x.txt")
    assert (request.media_type, request.extension) == ("text/plain", ".txt")
    assert (request.options.password, request.options.languages, request.options.timeout_seconds) == (
        "geheim",
        ("de",),
        50.0,
    )


async def test_the_time_limit_is_bounded(queue: FakeJobQueue) -> None:
    parser = Parser()
    for options in ({"timeout_seconds": 5000.0}, {}):
        job = queue.add(options=options)
        await jobs(queue, parser).run(await claimed(queue, job))
    assert [request.options.timeout_seconds for request in parser.requests] == [100.0, 100.0]


async def test_a_client_that_gives_a_job_less_than_the_most_gets_its_end_by_then(queue: FakeJobQueue) -> None:
    """Also where it only waits for OCR, which is not the parse's own work."""
    job = queue.add(options={"timeout_seconds": 0.05})
    parser = Parser(released=False)
    await jobs(queue, parser).run(await claimed(queue, job))
    assert job.error == {
        "code": "timeout",
        "phase": "parse",
        "retryable": False,
        "message": "The extraction took longer than 0.05 seconds.",
    }
    assert parser.killed


async def test_progress_is_written_while_it_works(queue: FakeJobQueue) -> None:
    job = queue.add()
    parser = Parser(released=False)
    running = asyncio.create_task(jobs(queue, parser).run(await claimed(queue, job)))
    await queue.until(lambda: job.progress == (1, 3))
    parser.release.set()
    await running
    assert job.state == "succeeded"


async def test_a_file_that_cannot_be_read_fails_the_job(queue: FakeJobQueue) -> None:
    job = queue.add()
    failure = ExtractionFailed("corrupt-file", "parse", "It is broken.")
    await jobs(queue, Parser(failure)).run(await claimed(queue, job))
    assert (job.state, job.error) == ("failed", failure.as_dict())


async def test_a_fault_of_ours_fails_the_job_without_telling_what_it_was(queue: FakeJobQueue) -> None:
    job = queue.add()
    await jobs(queue, Parser(ZeroDivisionError())).run(await claimed(queue, job))
    assert job.error is not None
    assert job.error["code"] == "internal"


async def test_a_cancelled_job_kills_its_parse(queue: FakeJobQueue) -> None:
    job = queue.add()
    parser = Parser(released=False)
    running = asyncio.create_task(jobs(queue, parser).run(await claimed(queue, job)))
    await parser.begun.wait()
    job.cancel_requested = True
    await running
    assert (job.state, parser.killed) == ("cancelled", True)


async def test_a_lost_claim_kills_the_parse_and_writes_nothing(queue: FakeJobQueue) -> None:
    job = queue.add()
    parser = Parser(released=False)
    running = asyncio.create_task(jobs(queue, parser).run(await claimed(queue, job)))
    await parser.begun.wait()
    job.attempt += 1
    await running
    assert (job.state, job.result, parser.killed) == ("running", None, True)


@pytest.mark.parametrize("outcome", [document(), ExtractionFailed("timeout", "parse", "Too long.")])
async def test_a_deleted_job_whose_parse_ends_leaves_nothing(
    queue: FakeJobQueue, outcome: ParsedDocument | Exception
) -> None:
    """Race: the job goes after the last beat and before its end is written."""
    job = queue.add()
    claim = await claimed(queue, job)
    del queue.jobs[job.id]
    await jobs(queue, Parser(outcome)).run(claim)
    assert queue.jobs == {}
    assert (job.result, job.error) == (None, None)


async def test_cancelling_the_call_kills_the_parse_and_leaves_the_end_to_the_caller(queue: FakeJobQueue) -> None:
    job = queue.add()
    parser = Parser(released=False)
    running = asyncio.create_task(jobs(queue, parser).run(await claimed(queue, job)))
    await parser.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (job.state, parser.killed) == ("running", True)


async def test_an_outage_of_the_database_does_not_lose_the_document(
    queue: FakeJobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction_jobs, "RETRY_SECONDS", 0.01)
    job = queue.add()
    parser = Parser(released=False)
    running = asyncio.create_task(jobs(queue, parser).run(await claimed(queue, job)))
    await parser.begun.wait()
    queue.away = True
    await asyncio.sleep(0.03)
    parser.release.set()
    await asyncio.sleep(0.03)
    assert job.state == "running"
    queue.away = False
    await running
    assert job.state == "succeeded"
