"""Large files are sent in pieces, and go on where a connection broke."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import muniment
from muniment import AsyncClient, resumable_calls
from muniment.upload_source import CHUNK_BYTES, upload_source
from tests.unit.client.conftest import FakeServer
from tests.unit.client.fake_muniment import OPERATOR_KEY, FakeMuniment, Fault

CONTENT = b"a text of thirty-two characters."


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable_calls, "LARGE_BYTES", 10)
    monkeypatch.setattr(resumable_calls, "PIECE_BYTES", 8)


def sent(fake: FakeMuniment, method: str) -> int:
    return sum(request.method == method for request in fake.requests if "/uploads" in request.url.path)


async def test_a_large_file_comes_back_as_it_was(client: AsyncClient) -> None:
    seen: list[tuple[int, int | None]] = []
    file = await client.files.upload(
        CONTENT,
        name="é.txt",
        tags=["a"],
        metadata={"n": [1, None]},
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (file.file_name, file.media_type, file.tags, file.metadata) == (
        "é.txt",
        "text/plain",
        ("a",),
        {"n": [1, None]},
    )
    assert await client.files.read(file) == CONTENT
    assert seen[-1] == (32, 32)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


async def test_a_gateway_is_sent_pieces_and_a_port_the_whole(server: FakeServer, fake: FakeMuniment) -> None:
    gateway, port = (
        AsyncClient(server.url, api_key=OPERATOR_KEY),
        AsyncClient(files_url=server.url, api_key=OPERATOR_KEY),
    )
    for client, pieces in ((gateway, 4), (port, 1)):
        fake.requests.clear()
        async with client:
            tenant = await client.tenants.create(f"pieces-{pieces}")
            await client.for_tenant(tenant.code).files.upload(CONTENT, name="x.txt")
        assert sent(fake, "PATCH") == pieces


@pytest.mark.parametrize("kind", ["path", "bytes", "open file", "file from its middle"])
async def test_what_arrived_is_not_sent_again(
    client: AsyncClient, fake: FakeMuniment, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(b"before " * ("middle" in kind) + CONTENT)
    fake.uploads.breaks_after = [3, 0, 2]
    with path.open("rb") as file:
        file.seek(7 if "middle" in kind else 0)
        source = path if kind == "path" else CONTENT if kind == "bytes" else file
        stored = await client.files.upload(source, name="large.txt")
    assert await client.files.read(stored) == CONTENT
    assert sent(fake, "HEAD") == 3
    offsets = [int(request.headers["Upload-Offset"]) for request in fake.requests if request.method == "PATCH"]
    assert offsets[:4] == [0, 3, 3, 5]


async def test_a_file_whose_last_answer_was_lost_is_stored_once(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.faults = [Fault("PATCH", "/uploads/", late=True) for _ in range(4)]
    file = await client.files.upload(CONTENT, name="x.txt")
    assert list(fake.tenants["acme"].files) == [file.id]


async def test_tries_end_when_nothing_arrives(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.uploads.breaks_after = [1, 1, *[0] * 20]
    with pytest.raises(muniment.ConnectionFailed):
        await client.files.upload(CONTENT, name="x.txt")
    assert sent(fake, "PATCH") == 2 + 5


@pytest.mark.parametrize(
    ("method", "status", "code"),
    [
        ("PATCH", 503, "overloaded"),
        ("PATCH", 409, "upload-taken-over"),
        ("PATCH", 408, "upload-stalled"),
        ("PATCH", 429, "rate-limited"),
        ("POST", 503, "overloaded"),
    ],
)
async def test_passing_trouble_is_waited_for(
    client: AsyncClient, fake: FakeMuniment, method: str, status: int, code: str
) -> None:
    fake.faults = [Fault(method, "/uploads", status=status, code=code, retry_after=0)]
    file = await client.files.upload(CONTENT, name="x.txt")
    assert await client.files.read(file) == CONTENT


async def test_an_upload_that_is_being_finished_is_asked_for_again(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.faults = [Fault("PATCH", "/uploads/", late=True), Fault("HEAD", "/uploads/", status=423, code="upload-busy")]
    file = await client.files.upload(CONTENT, name="x.txt")
    assert await client.files.read(file) == CONTENT


async def test_a_wait_that_is_too_long_is_not_waited_for(client: AsyncClient, fake: FakeMuniment) -> None:
    fake.faults = [Fault("PATCH", "/uploads/", status=503, retry_after=3600)]
    with pytest.raises(muniment.Problem) as refusal:
        await client.files.upload(CONTENT, name="x.txt")
    assert refusal.value.retry_after == 3600


async def test_refusals_are_told_as_of_any_upload(operator: AsyncClient, fake: FakeMuniment) -> None:
    await operator.tenants.create("small", configuration={"max_file_size_bytes": 31})
    with pytest.raises(muniment.TooLarge):
        await operator.for_tenant("small").files.upload(CONTENT, name="x.txt")
    await operator.tenants.create("strict", configuration={"duplicate_policy": "reject"})
    strict = operator.for_tenant("strict")
    await strict.files.upload(CONTENT, name="x.txt")
    with pytest.raises(muniment.Conflict) as refusal:
        await strict.files.upload(CONTENT, name="x.txt")
    assert refusal.value.code == "duplicate-file"
    assert sent(fake, "HEAD") == 0


@pytest.mark.parametrize("size", [1, 40])
async def test_a_file_that_changes_while_it_is_sent_leaves_nothing(
    client: AsyncClient, fake: FakeMuniment, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "changing.txt"
    path.write_bytes(CONTENT)
    fake.uploads.breaks_after = [0]
    with pytest.raises(muniment.SourceChanged):
        await client.files.upload(path, progress=lambda _done, _total: os.truncate(path, size))
    assert fake.uploads.unfinished == 0
    assert not fake.tenants["acme"].files


async def test_what_cannot_be_sent_in_pieces_is_sent_whole(client: AsyncClient, fake: FakeMuniment) -> None:
    """What is read once, what has a digest or a key, and what has more to say than a header holds."""

    def pieces() -> Iterator[bytes]:
        yield CONTENT

    await client.files.upload(pieces(), name="x.txt")
    await client.files.upload(CONTENT, name="x.txt", digest=True)
    await client.files.upload(io.BytesIO(CONTENT), name="x.txt", idempotency_key="one")
    await client.files.upload(CONTENT, name="x.txt", metadata={"long": "x" * 10_000})
    await client.files.upload(CONTENT[:10], name="x.txt")
    assert sent(fake, "POST") == 0
    assert len(fake.tenants["acme"].files) == 5


async def test_a_service_that_speaks_no_tus_is_told_as_such(
    client: AsyncClient, fake: FakeMuniment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake.uploads, "state", lambda _: {})
    with pytest.raises(muniment.MunimentError, match="where the upload goes on"):
        await client.files.upload(CONTENT, name="x.txt")


def test_a_part_of_a_source_is_read_from_its_first_byte_each_time(tmp_path: Path) -> None:
    content = os.urandom(2 * CHUNK_BYTES + 100)
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    with path.open("rb") as file:
        for source in (upload_source(path), upload_source(content), upload_source(file)):
            for first, size in ((0, 10), (CHUNK_BYTES - 5, 10), (100, CHUNK_BYTES + 7), (100, 2 * CHUNK_BYTES)):
                part = source.part(first, size)
                for _ in range(2):
                    assert b"".join(part.sync_chunks()) == content[first : first + size]
