"""Jobs and operations that take a while."""

import asyncio

import pytest

import muniment
from muniment import AsyncClient, Job
from tests.unit.client.fake_muniment import FakeMuniment, Fault


async def test_waiting_ends_when_the_job_does(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.hold_jobs = True
    file = await client.files.upload(b"text", name="x.txt")
    job = await client.extractions.submit(file)
    seen: list[Job] = []
    waiting = asyncio.create_task(client.extractions.wait(job, on_progress=seen.append))
    await fake.waited_for.wait()
    await fake.finish(job.id)
    assert (await waiting).state == "succeeded"
    assert [job.state for job in seen] == ["succeeded"]


async def test_waiting_gives_up_in_time_and_the_job_goes_on(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.hold_jobs = True
    job = await client.extractions.submit(await client.files.upload(b"text", name="x.txt"))
    with pytest.raises(muniment.WaitTimedOut) as timeout:
        await client.extractions.wait(job.id, timeout=0.05)
    assert timeout.value.id == job.id
    assert (await client.extractions.get(job)).state == "queued"
    with pytest.raises(TimeoutError):
        await client.extract(b"text", name="x.txt", timeout=0.05)


async def test_a_failed_extraction_says_why(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.job_error = {"code": "password-required", "phase": "open", "retryable": False, "message": "It is encrypted."}
    with pytest.raises(muniment.JobFailed, match="It is encrypted") as failure:
        await client.extract(b"%PDF", name="locked.pdf", password="wrong")
    assert failure.value.code == "password-required"
    job = await client.extractions.get(failure.value.job_id)
    assert job.error is not None
    assert job.error.phase == "open"
    with pytest.raises(muniment.NotFinished):
        await client.extractions.result(job)


async def test_a_cancelled_job_has_no_result(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.hold_jobs = True
    job = await client.extractions.submit(await client.files.upload(b"text", name="x.txt"))
    await client.extractions.cancel(job)
    finished = await client.extractions.wait(job)
    with pytest.raises(muniment.JobFailed, match="cancelled"):
        finished.raise_for_failure()


async def test_a_cancellation_whose_answer_was_lost_is_done(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.hold_jobs = True
    job = await client.extractions.submit(await client.files.upload(b"text", name="x.txt"))
    fake.faults = [Fault("POST", ":cancel", late=True)]
    await client.extractions.cancel(job)
    assert (await client.extractions.get(job)).state == "cancelled"


async def test_extracting_a_stored_file_sends_no_bytes(client: AsyncClient, fake: FakeMuniment) -> None:
    file = await client.files.upload(b"text", name="x.txt")
    document = await client.extract(file, pages="1", languages=("en",))
    assert document.tables[0].grid() == [["", "text"]]
    assert repr(document) == "<Document 'x.txt' succeeded: 1 pages, 1 tables, 4 characters>"
    assert sum(request.method == "POST" and request.url.path.endswith("/files") for request in fake.requests) == 1
    assert next(iter(fake.tenants["acme"].jobs.values()))["options"] == {"pages": "1", "languages": ["en"]}


async def test_a_slow_deletion_is_followed_to_its_end(operator: AsyncClient, fake: FakeMuniment) -> None:
    fake.slow_deletion = True
    await operator.tenants.create("slow")
    assert (await operator.tenants.delete("slow")).result == {"rows_left": 0, "bytes_left": 0}


async def test_a_deletion_that_takes_too_long_goes_on_alone(operator: AsyncClient, fake: FakeMuniment) -> None:
    fake.slow_deletion = True
    await operator.tenants.create("slow")
    with pytest.raises(muniment.WaitTimedOut, match="op-slow is still running after 0 s"):
        await operator.tenants.delete("slow", wait=0)


def test_a_failed_operation_is_an_exception() -> None:
    failed = muniment.Operation("op_1", "delete-tenant", "failed", result={"rows_left": 3})
    with pytest.raises(muniment.OperationFailed, match="rows_left"):
        failed.raise_for_failure()


async def test_a_deletion_need_not_be_waited_for(operator: AsyncClient, fake: FakeMuniment) -> None:
    fake.slow_deletion = True
    await operator.tenants.create("slow")
    operation = await operator.tenants.delete("slow", wait=None)
    assert not operation.finished
    assert (await operator.tenants.operation(operation.id)).finished
