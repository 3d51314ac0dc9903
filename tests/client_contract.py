"""What the client promises, run on the fake service and on the real cluster.

A test module subclasses `ClientContract` and brings the fixture `operator`: a client with the operator's key.
"""

import hashlib
import io
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import muniment
from muniment import AsyncClient


def new_code() -> str:
    return f"t-{secrets.token_hex(6)}"


class ClientContract:
    @pytest.fixture
    async def client(self, operator: AsyncClient) -> AsyncIterator[AsyncClient]:
        tenant = await operator.tenants.create(new_code())
        yield operator.for_tenant(tenant.code)
        await operator.tenants.delete(tenant.code)

    async def test_a_new_tenant_brings_a_key_that_works(self, operator: AsyncClient) -> None:
        tenant = await operator.tenants.create(new_code(), metadata={"owner": "tests"})
        assert tenant.api_key is not None
        own = operator.for_tenant(tenant.code, tenant.api_key.secret)
        seen = await own.tenants.get()
        assert (seen.code, seen.metadata, seen.api_key) == (tenant.code, {"owner": "tests"}, None)
        assert seen.stats is not None
        assert seen.stats.file_count == 0

    async def test_a_tenant_code_cannot_be_taken_twice(self, operator: AsyncClient) -> None:
        code = new_code()
        await operator.tenants.create(code)
        with pytest.raises(muniment.Conflict) as refusal:
            await operator.tenants.create(code)
        assert refusal.value.code == "tenant-exists"
        assert refusal.value.request_id

    async def test_tenants_are_listed_over_many_pages(self, operator: AsyncClient) -> None:
        codes = [(await operator.tenants.create(new_code())).code for _ in range(3)]
        listed = [tenant.code async for tenant in operator.tenants.list(page_size=2)]
        assert set(codes) <= set(listed)
        assert len(listed) == len(set(listed))
        assert len(await operator.tenants.page(limit=2)) == 2

    async def test_a_tenant_changes_from_the_version_that_was_read(self, operator: AsyncClient) -> None:
        tenant = await operator.tenants.create(new_code())
        changed = await operator.tenants.update(tenant, configuration={"max_files": 3}, metadata={"a": 1})
        assert (changed.configuration["max_files"], changed.metadata) == (3, {"a": 1})
        with pytest.raises(muniment.VersionConflict):
            await operator.tenants.update(tenant, metadata={"a": 2})

    async def test_a_suspended_tenant_is_read_and_not_changed(self, operator: AsyncClient) -> None:
        tenant = await operator.tenants.create(new_code())
        assert tenant.api_key is not None
        own = operator.for_tenant(tenant.code, tenant.api_key.secret)
        assert (await operator.tenants.suspend(tenant)).status == "suspended"
        assert (await own.tenants.get()).status == "suspended"
        with pytest.raises(muniment.Forbidden) as refusal:
            await own.files.upload(b"text", name="a.txt")
        assert refusal.value.code == "tenant-suspended"
        assert (await operator.tenants.resume(tenant)).status == "active"
        assert (await own.files.upload(b"text", name="a.txt")).file_size_bytes == 4

    async def test_a_deleted_tenant_is_gone_with_proof(self, operator: AsyncClient) -> None:
        tenant = await operator.tenants.create(new_code())
        operation = await operator.tenants.delete(tenant)
        assert operation.state == "succeeded"
        assert operation.result["rows_left"] == operation.result["bytes_left"] == 0
        with pytest.raises(muniment.NotFound):
            await operator.tenants.get(tenant)

    async def test_a_webhook_is_made_seen_and_removed(self, client: AsyncClient) -> None:
        webhook = await client.webhooks.create(
            "https://receiver.invalid/", event_types=["file.deleted"], name="billing"
        )
        assert webhook.secret is not None
        assert (webhook.url, webhook.name, webhook.event_types) == (
            "https://receiver.invalid/",
            "billing",
            ("file.deleted",),
        )
        seen = await client.webhooks.get(webhook)
        assert (seen.id, seen.secret, seen.time_last_delivered) == (webhook.id, None, None)
        assert await client.webhooks.list() == (seen,)
        assert [item async for item in client.webhooks.deliveries(webhook, state="failed")] == []
        assert await client.webhooks.retry_failed(webhook.id) == seen
        await client.webhooks.delete(webhook)
        assert await client.webhooks.list() == ()
        with pytest.raises(muniment.NotFound):
            await client.webhooks.get(webhook)

    async def test_a_revoked_key_stops_working(self, client: AsyncClient) -> None:
        key = await client.keys.create(["files:read", "tenant:admin"], name="short-lived")
        own = client.for_tenant((await client.tenants.get()).code, key.secret)
        listed = {listed.id: listed for listed in await own.keys.list()}
        assert listed[key.id].name == "short-lived"
        assert listed[key.id].secret is None
        await client.keys.revoke(key)
        with pytest.raises(muniment.Unauthorized):
            await own.tenants.get()

    async def test_a_file_comes_back_as_it_was(self, client: AsyncClient, tmp_path: Path) -> None:
        path = tmp_path / 'Größe "1" 100%.txt'
        path.write_bytes(b"Hello, Muniment.\n" * 100_000)
        seen: list[tuple[int, int | None]] = []
        file = await client.files.upload(path, digest=True, progress=lambda done, total: seen.append((done, total)))
        assert file.file_name == path.name
        assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert seen[-1] == (path.stat().st_size, path.stat().st_size)
        copy = await client.files.download(file.id, tmp_path / "copy.txt")
        assert copy.read_bytes() == path.read_bytes()
        assert await client.files.read(file) == path.read_bytes()

    async def test_bytes_open_files_and_iterators_can_be_uploaded(self, client: AsyncClient) -> None:
        def pieces() -> Iterator[bytes]:
            yield from (b"one ", b"two")

        for source in (b"one two", io.BytesIO(b"one two"), pieces()):
            file = await client.files.upload(source, name="numbers.txt")
            assert await client.files.read(file) == b"one two"

    async def test_a_large_file_comes_back_as_it_was(self, client: AsyncClient, tmp_path: Path) -> None:
        path = tmp_path / "large.bin"
        path.write_bytes(secrets.token_bytes(17 * 2**20 + 7))
        seen: list[tuple[int, int | None]] = []
        file = await client.files.upload(path, tags=["large"], progress=lambda done, total: seen.append((done, total)))
        assert (file.file_name, file.tags) == ("large.bin", ("large",))
        assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert seen[-1] == (path.stat().st_size, path.stat().st_size)
        assert await client.files.read(file) == path.read_bytes()

    async def test_tags_and_metadata_come_with_the_upload(self, client: AsyncClient) -> None:
        file = await client.files.upload(b"x", name="é.txt", tags=["a", "b"], metadata={"n": {"deep": [1, None]}})
        assert (file.file_name, file.tags, file.metadata) == ("é.txt", ("a", "b"), {"n": {"deep": [1, None]}})
        assert await client.files.get(file) == file

    async def test_a_wrong_digest_is_refused(self, client: AsyncClient) -> None:
        with pytest.raises(muniment.Unprocessable) as refusal:
            await client.files.upload(b"x", name="x.txt", digest=hashlib.sha256(b"y").hexdigest())
        assert refusal.value.code == "digest-mismatch"

    async def test_an_idempotency_key_stores_once(self, client: AsyncClient) -> None:
        key = f"once-{secrets.token_hex(4)}"
        first, again = [await client.files.upload(b"x", name="x.txt", idempotency_key=key) for _ in range(2)]
        assert first == again
        assert [file.id async for file in client.files.list()] == [first.id]

    async def test_files_are_listed_by_filter_over_many_pages(self, client: AsyncClient) -> None:
        for number in range(5):
            await client.files.upload(b"x", name=f"n{number}.txt", tags=["odd"] if number % 2 else ["even", "all"])
        await client.files.upload(b"x", name="other.csv", metadata={"kind": "table"})

        async def names(**filters: object) -> list[str]:
            return [file.file_name async for file in client.files.list(page_size=2, **filters)]  # type: ignore[arg-type]

        assert await names(extension="txt", sort="-file_name") == ["n4.txt", "n3.txt", "n2.txt", "n1.txt", "n0.txt"]
        assert sorted(await names(tags=["even", "all"])) == ["n0.txt", "n2.txt", "n4.txt"]
        assert await names(metadata={"kind": "table"}) == ["other.csv"]
        page = await client.files.page(limit=4)
        assert len(page) == 4
        assert page.next_cursor

    async def test_metadata_changes_from_the_version_that_was_read(self, client: AsyncClient) -> None:
        file = await client.files.upload(b"x", name="x.txt", tags=["a"], metadata={"keep": 1, "drop": 2})
        changed = await client.files.update(file, {"metadata": {"drop": None, "new": 3}})
        assert (changed.tags, changed.metadata) == (("a",), {"keep": 1, "new": 3})
        with pytest.raises(muniment.VersionConflict):
            await client.files.update(file, {"tags": []})
        edited = await client.files.edit(file, lambda current: {"tags": [*current.tags, "b"]})
        assert edited.tags == ("a", "b")

    async def test_a_deleted_file_is_not_found(self, client: AsyncClient) -> None:
        file = await client.files.upload(b"x", name="x.txt")
        await client.files.delete(file)
        for gone in (client.files.get(file), client.files.read(file), client.files.delete(file)):
            with pytest.raises(muniment.NotFound):
                await gone

    async def test_batches_keep_the_order_asked_for(self, client: AsyncClient) -> None:
        one, two = [await client.files.upload(b"x", name=name) for name in ("1.txt", "2.txt")]
        found = await client.files.batch_get([two, "fs_missing", one.id])
        assert [item.status for item in found] == [200, 404, 200]
        assert [item.file.file_name for item in found if item.file] == ["2.txt", "1.txt"]
        gone = await client.files.batch_delete([one, "fs_missing"])
        assert [item.ok for item in gone] == [True, False]

    async def test_extract_reads_a_file_in_one_call(self, client: AsyncClient) -> None:
        document = await client.extract("Körper und Geist.".encode(), name="thought.txt")
        assert "Körper und Geist." in document.content
        assert "Körper" in document.text_of(document.pages[0])
        assert document.file.file_name == "thought.txt"

    async def test_a_job_is_submitted_watched_and_read(self, client: AsyncClient) -> None:
        file = await client.files.upload(b"Plain words.", name="plain.txt")
        job = await client.extractions.submit(file, tables=False)
        finished = await client.extractions.wait(job, timeout=120)
        assert finished.raise_for_failure().state == "succeeded"
        assert "Plain words." in await client.extractions.text(job)
        assert "Plain words." in await client.extractions.markdown(job)
        assert "Plain words.</p>" in await client.extractions.html(job)
        assert (await client.extractions.result_json(job))["schema"] == "muniment.document/1"
        assert [listed.id async for listed in client.extractions.list(state="succeeded")] == [job.id]
        assert [listed.id for listed in await client.extractions.page(file=file)] == [job.id]
        with pytest.raises(muniment.Conflict):
            await client.extractions.cancel(job)
        await client.extractions.delete(job)
        with pytest.raises(muniment.NotFound):
            await client.extractions.result(job)

    async def test_submitting_with_wait_answers_with_the_finished_job(self, client: AsyncClient) -> None:
        file = await client.files.upload(b"Plain words.", name="plain.txt")
        job = await client.extractions.submit(file, wait=60)
        assert job.finished
        assert (await client.extractions.result(job, words=True)).pages[0].lines[0].text == "Plain words."

    async def test_an_archive_cannot_be_extracted(self, client: AsyncClient) -> None:
        empty_zip = b"PK\x05\x06" + bytes(18)
        with pytest.raises(muniment.UnsupportedType) as refusal:
            await client.extract(empty_zip, name="empty.zip", media_type="application/zip")
        assert refusal.value.code == "not-extractable"

    async def test_every_service_is_ready(self, operator: AsyncClient) -> None:
        assert [(health.service, health.ready) for health in await operator.health()] == [
            ("files", True),
            ("extraction", True),
        ]

    async def test_another_tenants_key_finds_nothing(self, client: AsyncClient, operator: AsyncClient) -> None:
        file = await client.files.upload(b"x", name="x.txt")
        other = await operator.tenants.create(new_code())
        assert other.api_key is not None
        stranger = operator.for_tenant((await client.tenants.get()).code, other.api_key.secret)
        with pytest.raises(muniment.NotFound):
            await stranger.files.get(file)

    async def test_many_files_are_one_batch(self, client: AsyncClient) -> None:
        files = [await client.files.upload(f"Text {n}.".encode(), name=f"{n}.txt", tags=["many"]) for n in range(3)]
        batch = await client.batches.submit(files, name="March", tables=False)
        seen: list[muniment.Batch] = []
        ended = await client.batches.wait(batch, timeout=120, on_progress=seen.append)
        assert (ended.id, ended.name, ended.state, ended.done, ended.finished) == (
            batch.id,
            "March",
            "succeeded",
            3,
            True,
        )
        assert seen[-1] == ended
        jobs = await client.batches.jobs(batch, state="succeeded")
        assert [job.file_id for job in jobs] == [file.id for file in reversed(files)]
        assert jobs.items[0].batch_id == batch.id
        assert (await client.batches.get(batch)).counts["succeeded"] == 3
        found = await client.batches.submit(filters={"tags": ["many"], "sort": "file_name"})
        assert found.total == 3
        assert [listed.id async for listed in client.batches.list(page_size=1)] == [found.id, batch.id]
        assert (await client.batches.retry_failed(batch)).counts["failed"] == 0
        with pytest.raises(muniment.Conflict):
            await client.batches.cancel(batch)

    async def test_a_folder_is_extracted_in_one_call(self, client: AsyncClient, tmp_path: Path) -> None:
        (tmp_path / "below").mkdir()
        for number, name in enumerate(("a.txt", "below/b.txt", "below/c.txt")):
            (tmp_path / name).write_text(f"Text {number}.")
        (tmp_path / "below" / "d.zip").write_bytes(b"PK\x05\x06" + bytes(18))
        stored = await client.files.upload(b"Stored.", name="s.txt")
        sources: list[str | Path | muniment.StoredFile] = [tmp_path / "a.txt", tmp_path / "below", stored, stored.id]
        outcomes = {outcome.source: outcome async for outcome in client.extract_many(sources, progress=False)}
        assert {source: outcome.document and outcome.document.content for source, outcome in outcomes.items()} == {
            str(tmp_path / "a.txt"): "Text 0.",
            str(tmp_path / "below" / "b.txt"): "Text 1.",
            str(tmp_path / "below" / "c.txt"): "Text 2.",
            str(tmp_path / "below" / "d.zip"): None,
            stored.id: "Stored.",
        }
        refused = outcomes[str(tmp_path / "below" / "d.zip")]
        assert refused.error is not None
        assert (refused.state, refused.error.code) == ("failed", "not-extractable")
