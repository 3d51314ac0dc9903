"""Many documents in one call, on the fake service."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import muniment
from muniment import AsyncClient, Client, Extracted, many
from muniment.async_client import client_over
from muniment.many import Journal
from muniment.many_results import COLUMNS
from tests.unit.client.conftest import IMPATIENT, FakeServer
from tests.unit.client.fake_muniment import OPERATOR_KEY, FakeMuniment, Fault

RETRYABLE = {"code": "worker-crashed", "message": "It died.", "retryable": True}
FINAL = {"code": "corrupt-file", "message": "It is damaged.", "retryable": False}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "FIRST_LOOK", 0.001)
    monkeypatch.setattr(many, "LONGEST_LOOK", 0.01)
    monkeypatch.setattr(many, "SECONDS_A_BATCH", 0.2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    for number in range(5):
        (made / f"{number}.txt").write_text(f"Text {number}.")
    return made


async def outcomes(client: AsyncClient, sources: Any, **more: Any) -> list[Extracted]:
    return [outcome async for outcome in client.extract_many(sources, progress=False, **more)]


async def test_many_batches_are_followed_at_a_time(
    client: AsyncClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "FILES_A_BATCH", 2)
    found = await outcomes(client, folder)
    assert sorted(outcome.document.content for outcome in found if outcome.document) == [
        f"Text {number}." for number in range(5)
    ]
    assert len([batch async for batch in client.batches.list()]) >= 3


async def test_a_filter_names_stored_files(client: AsyncClient) -> None:
    kept = await client.files.upload(b"kept", name="k.txt", tags=["x"])
    await client.files.upload(b"other", name="o.txt")
    assert [outcome.source for outcome in await outcomes(client, {"tags": ["x"]})] == [kept.id]


async def test_nothing_is_nothing(client: AsyncClient, tmp_path: Path) -> None:
    assert await outcomes(client, tmp_path) == []


async def test_what_cannot_be_uploaded_holds_up_nothing(client: AsyncClient, fake: FakeMuniment, folder: Path) -> None:
    fake.faults.append(Fault("POST", "/files$", status=415, code="extension-not-allowed"))
    found = await outcomes(client, [folder / "0.txt", folder / "missing.txt", "fs_unknown", folder / "1.txt"])
    errors = sorted(outcome.error.code for outcome in found if outcome.error)
    assert errors == ["extension-not-allowed", "not-found", "not-readable"]
    assert len([outcome for outcome in found if outcome.document]) == 1


async def test_only_what_may_mend_is_tried_again(client: AsyncClient, fake: FakeMuniment, folder: Path) -> None:
    finish = fake.batches._finish

    def once(job: dict[str, Any]) -> None:
        fake.job_error = {0: RETRYABLE, 1: FINAL}.get(job["attempt"]) if job is not None else None
        finish(job)
        job["attempt"] += 1

    fake.batches._finish = once
    first = await outcomes(client, [folder / "0.txt"], retries=0)
    assert [(outcome.state, outcome.error and outcome.error.code) for outcome in first] == [
        ("failed", "worker-crashed")
    ]
    second = await outcomes(client, [folder / "1.txt"], name="again")
    assert [outcome.error and outcome.error.code for outcome in second] == ["corrupt-file"]


async def test_a_job_that_is_deleted_meanwhile_is_told(client: AsyncClient, fake: FakeMuniment, folder: Path) -> None:
    fake.batches.stopped = True
    look = fake.batches.look

    def forget_first(batch_id: str) -> list[dict[str, Any]]:
        for job in look(batch_id):
            fake.batches.forget(job["id"])
        return look(batch_id)

    fake.batches.look = forget_first  # type: ignore[method-assign]
    found = await outcomes(client, [folder / "0.txt"])
    assert [(outcome.state, outcome.error and outcome.error.code) for outcome in found] == [("failed", "not-found")]


async def test_a_result_that_cannot_be_read_is_told(client: AsyncClient, fake: FakeMuniment, folder: Path) -> None:
    fake.faults.append(Fault("GET", "/result$", status=404, code="not-found"))
    found = await outcomes(client, [folder / "0.txt"])
    assert [(outcome.state, outcome.error and outcome.error.code) for outcome in found] == [("failed", "not-found")]


async def test_a_service_that_refuses_the_batch_ends_the_run(
    client: AsyncClient, fake: FakeMuniment, folder: Path
) -> None:
    fake.faults.append(Fault("POST", "/extraction-batches$", status=403, code="missing-scope"))
    with pytest.raises(muniment.Forbidden):
        await outcomes(client, folder)
    fake.faults.append(Fault("POST", "/extraction-batches$", status=422, code="invalid-request"))
    with pytest.raises(muniment.Unprocessable):
        await outcomes(client, folder)


async def test_a_run_goes_on_where_it_was_interrupted(client: AsyncClient, fake: FakeMuniment, folder: Path) -> None:
    journal = folder.parent / "journal.jsonl"
    async for _ in client.extract_many([folder / "0.txt", folder / "1.txt"], journal=journal, progress=False):
        break
    await outcomes(client, [folder / "0.txt", folder / "1.txt"], journal=journal)
    with journal.open("a") as cut:
        cut.write('{"key": "cut o')
    (folder / "1.txt").write_text("Changed since.")
    fake.requests.clear()
    found = await outcomes(client, [folder / "0.txt", folder / "1.txt"], journal=journal)
    assert sorted(outcome.document.content for outcome in found if outcome.document) == ["Changed since.", "Text 0."]
    assert [request.url.path.endswith("/files") for request in fake.requests if request.method == "POST"].count(
        True
    ) == 1
    assert Journal(None).find(folder / "0.txt") is None


async def test_a_file_that_was_deleted_since_is_sent_again(client: AsyncClient, folder: Path) -> None:
    journal = folder.parent / "journal.jsonl"
    for _ in range(2):
        (found,) = await outcomes(client, [folder / "0.txt"], journal=journal)
        assert found.document is not None
        assert found.file is not None
        await client.files.delete(found.file)
    assert len(journal.read_text().splitlines()) == 2


def blocking(server: FakeServer) -> Client:
    return Client(files_url=server.url, extraction_url=server.url, api_key=OPERATOR_KEY, retries=IMPATIENT)


async def test_all_is_a_data_frame_or_a_parquet_file(
    operator: AsyncClient, server: FakeServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await operator.tenants.create("acme")
    (folder / "z.zip").write_bytes(b"PK")

    def run() -> tuple[pd.DataFrame, pd.DataFrame]:
        with blocking(server) as client:
            frame = client.extract_many(folder, tenant="acme", progress=True).to_pandas()
            path = client.extract_many(folder, tenant="acme", name="again").to_parquet(folder.parent / "all.parquet")
            return frame, pd.read_parquet(path)

    monkeypatch.setattr("muniment.many_results.ROWS_A_GROUP", 4)
    for frame in await asyncio.to_thread(run):
        assert list(frame.columns) == list(COLUMNS)
        assert len(frame) == 6
        done = frame[frame["state"] == "succeeded"]
        assert sorted(done["content"]) == [f"Text {number}." for number in range(5)]
        assert set(done["pages"]) == {1}
        assert list(frame[frame["state"] == "failed"]["error"]) == ["not-extractable"]
    connection = blocking(server)._sender.connection
    async with client_over(connection) as client:
        assert len(await client.extract_many(folder, tenant="acme", name="once more").to_pandas()) == 6
        path = await client.extract_many(folder, tenant="acme").to_parquet(folder.parent / "other.parquet")
        assert len(pd.read_parquet(path)) == 6


async def test_a_parquet_file_appears_whole_or_not_at_all(
    operator: AsyncClient, server: FakeServer, fake: FakeMuniment, folder: Path
) -> None:
    await operator.tenants.create("acme")
    fake.faults.append(Fault("POST", "/extraction-batches$", status=403, code="missing-scope"))

    def run() -> None:
        with blocking(server) as client:
            client.extract_many(folder, tenant="acme").to_parquet(folder.parent / "all.parquet")

    with pytest.raises(muniment.Forbidden):
        await asyncio.to_thread(run)
    assert [path.name for path in folder.parent.iterdir()] == ["inbox"]


async def test_who_stops_reading_stops_the_run(operator: AsyncClient, server: FakeServer, folder: Path) -> None:
    await operator.tenants.create("acme")

    def run() -> None:
        with blocking(server) as client:
            results = iter(client.extract_many(folder, tenant="acme"))
            next(results)
            results.close()  # type: ignore[attr-defined]

    await asyncio.to_thread(run)
    assert "extract_many" not in {thread.name for thread in threading.enumerate()}
