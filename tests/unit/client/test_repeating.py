"""What the clients do when connections break and services are overloaded."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import muniment
from muniment import AsyncClient
from tests.unit.client.fake_muniment import FakeMuniment, Fault


async def test_an_upload_whose_answer_was_lost_is_stored_once(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.faults = [Fault("POST", "/files$", late=True)]
    file = await client.files.upload(io.BytesIO(b"some bytes"), name="x.txt")
    assert list(fake.tenants["acme"].files) == [file.id]
    assert await client.files.read(file) == b"some bytes"


async def test_a_form_is_sent_again_from_its_first_byte(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.faults = [Fault("POST", "/files$"), Fault("POST", "/files$")]
    file = await client.files.upload(b"some bytes", name="x.txt", tags=["a"])
    assert await client.files.read(file) == b"some bytes"


async def test_an_iterator_is_never_sent_twice(client: AsyncClient, fake: FakeMuniment) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"once"

    fake.faults = [Fault("POST", "/files$", late=True)]
    with pytest.raises(muniment.ConnectionFailed):
        await client.files.upload(pieces(), name="x.txt")
    assert sum(request.url.path.endswith("/files") for request in fake.requests) == 1


async def test_waiting_for_our_own_first_try_is_not_a_conflict(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.faults = [Fault("POST", "/files$"), Fault("POST", "/files$", status=409, code="idempotency-key-in-use")]
    assert (await client.files.upload(b"x", name="x.txt")).version == 1


async def test_a_deletion_whose_answer_was_lost_is_done(client: AsyncClient, fake: FakeMuniment) -> None:
    file = await client.files.upload(b"x", name="x.txt")
    fake.faults = [Fault("DELETE", file.id, late=True)]
    await client.files.delete(file)
    assert not fake.tenants["acme"].files


async def test_a_deletion_after_an_overload_still_tells_that_nothing_is_there(
    client: AsyncClient, fake: FakeMuniment
) -> None:
    fake.faults = [Fault("DELETE", "fs_none", status=429, code="rate-limited")]
    with pytest.raises(muniment.NotFound):
        await client.files.delete("fs_none")


async def test_a_change_whose_answer_was_lost_is_not_repeated(client: AsyncClient, fake: FakeMuniment) -> None:
    file = await client.files.upload(b"x", name="x.txt")
    fake.faults = [Fault("PATCH", file.id, late=True)]
    with pytest.raises(muniment.ConnectionFailed) as failure:
        await client.files.update(file, {"tags": ["a"]})
    assert file.id in failure.value.url
    assert (await client.files.get(file)).version == 2


async def test_a_tenant_is_not_created_twice(operator: AsyncClient, fake: FakeMuniment) -> None:
    fake.faults = [Fault("POST", "/tenants$", late=True)]
    with pytest.raises(muniment.ConnectionFailed):
        await operator.tenants.create("acme")
    assert list(fake.tenants) == ["acme"]


async def test_an_overloaded_service_is_asked_again(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.faults = [Fault("GET", "/files$", status=503, retry_after=0), Fault("GET", "/files$", status=429)]
    assert [file async for file in client.files.list()] == []


async def test_asking_again_has_an_end(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.faults = [Fault("GET", "/files$", status=503) for _ in range(9)]
    with pytest.raises(muniment.Unavailable) as problem:
        await client.files.page()
    assert problem.value.code == "overloaded"
    assert len(fake.faults) == 4


async def test_a_long_retry_after_is_handed_to_the_caller(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.faults = [Fault("GET", "/files$", status=429, code="rate-limited", retry_after=3600)]
    with pytest.raises(muniment.RateLimited) as problem:
        await client.files.page()
    assert problem.value.retry_after == 3600


async def test_a_service_that_is_not_there_is_named(operator: AsyncClient) -> None:
    nobody = muniment.Client(files_url="http://127.0.0.1:9", retries=muniment.RetryPolicy(attempts=1), tenant="acme")
    with nobody, pytest.raises(muniment.ConnectionFailed, match=r"127\.0\.0\.1:9"):
        nobody.files.page()
    assert [health.ready for health in await operator.health()] == [True, True]


async def test_a_broken_download_goes_on_where_it_broke(
    client: AsyncClient, fake: FakeMuniment, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 20_000
    file = await client.files.upload(content, name="big.bin")
    fake.faults = [Fault("GET", "/content", after_bytes=3_000_000), Fault("GET", "/content", status=503)]
    progress: list[int] = []
    path = await client.files.download(file, tmp_path, progress=lambda done, _: progress.append(done))
    assert path == tmp_path / "big.bin"
    assert path.read_bytes() == content
    ranges = [request.headers.get("Range") for request in fake.requests if "/content" in request.url.path]
    assert ranges[0] is None
    assert ranges[-1] is not None
    assert int(ranges[-1].removeprefix("bytes=").rstrip("-")) > 1_000_000
    assert progress == sorted(progress)


async def test_a_download_without_progress_gives_up_and_leaves_nothing(
    client: AsyncClient, fake: FakeMuniment, tmp_path: Path
) -> None:
    file = await client.files.upload(b"x" * 10, name="x.bin")
    fake.faults = [Fault("GET", "/content", after_bytes=0) for _ in range(9)]
    with pytest.raises(muniment.ConnectionFailed):
        await client.files.download(file, tmp_path)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the loop has nothing else to do


async def test_damaged_bytes_are_never_kept(client: AsyncClient, fake: FakeMuniment, tmp_path: Path) -> None:
    file = await client.files.upload(b"right", name="x.bin")
    fake.tenants["acme"].files[file.id].content = b"wrong"
    target = tmp_path / "x.bin"
    target.write_bytes(b"what was here before")
    with pytest.raises(muniment.DownloadDamaged):
        await client.files.download(file, target)
    assert target.read_bytes() == b"what was here before"
    assert os.listdir(tmp_path) == ["x.bin"]  # noqa: PTH208


async def test_an_edit_starts_again_after_someone_elses_change(client: AsyncClient, fake: FakeMuniment) -> None:
    file = await client.files.upload(b"x", name="x.txt", tags=["a"])
    fake.faults = [Fault("PATCH", file.id, status=412, code="version-conflict")]
    assert (await client.files.edit(file, lambda seen: {"tags": [*seen.tags, "b"]})).tags == ("a", "b")
    fake.faults = [Fault("PATCH", file.id, status=412, code="version-conflict") for _ in range(2)]
    with pytest.raises(muniment.VersionConflict):
        await client.files.edit(file, lambda _: {"tags": []}, attempts=2)
