"""What can be uploaded, and how it is sent."""

import io
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import muniment
from muniment import AsyncClient
from muniment.download import destination, safe_name
from muniment.file_calls import upload_file
from muniment.upload_source import NewFile, upload_source
from tests.unit.client.conftest import FakeServer
from tests.unit.client.fake_muniment import OPERATOR_KEY, FakeMuniment


def sent(call: object) -> bytes:
    assert isinstance(call, muniment.calls.Call)
    assert call.body is not None
    return b"".join(call.body.sync_chunks())


async def test_an_async_iterator_is_for_the_async_client(client: AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    if type(client) is AsyncClient:
        file = await client.files.upload(pieces(), name="x.txt")
        assert await client.files.read(file) == b"ab"
    else:
        with pytest.raises(TypeError, match="AsyncClient"):
            await client.files.upload(pieces(), name="x.txt")


async def test_an_open_file_is_sent_from_where_it_stands(client: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"header\nbody")
    with path.open("rb") as file:
        file.readline()
        stored = await client.files.upload(file)
    assert stored.file_name == "lines.txt"
    assert await client.files.read(stored) == b"body"


async def test_a_file_that_shrinks_while_it_is_sent_is_told_as_such(client: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "shrinking.bin"
    path.write_bytes(bytes(3 * 2**20))
    with pytest.raises(muniment.SourceChanged):
        await client.files.upload(path, progress=lambda _done, _total: os.truncate(path, 1))


async def test_a_file_that_grows_while_it_is_sent_is_told_as_such(client: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "growing.bin"
    path.write_bytes(bytes(3 * 2**20))
    with pytest.raises(muniment.SourceChanged):
        await client.files.upload(path, progress=lambda _done, _total: os.truncate(path, 5 * 2**20))
    assert [file async for file in client.files.list()] == []


async def test_an_empty_file_can_be_sent(client: AsyncClient) -> None:
    file = await client.files.upload(b"", name="empty.txt")
    assert file.file_size_bytes == 0
    assert await client.files.read(file) == b""


def test_bytes_need_a_name() -> None:
    with pytest.raises(TypeError, match="name="):
        upload_file("acme", NewFile.of(b"x"))


def test_text_is_not_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("x")
    with path.open() as file, pytest.raises(TypeError, match="'rb'"):
        sent(upload_file("acme", NewFile.of(file)))  # type: ignore[arg-type]


def test_an_iterator_is_read_once() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x"

    source = upload_source(pieces())
    assert list(source.sync_chunks()) == [b"x"]
    with pytest.raises(muniment.MunimentError, match="only once"):
        source.sync_chunks()


def test_a_pipe_is_read_once_and_its_length_not_promised() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as out:
        out.write(b"from a pipe")
    with os.fdopen(read_end, "rb") as pipe:
        call = upload_file("acme", NewFile.of(pipe, name="x.txt"))
        assert not call.repeatable
        assert call.body is not None
        assert "Content-Length" not in call.body.headers
        assert sent(call) == b"from a pipe"


def test_the_digest_of_something_read_once_must_be_given() -> None:
    with pytest.raises(TypeError, match="digest="):
        upload_file("acme", NewFile.of(iter([b"x"]), name="x.txt"), digest=True)


def test_the_media_type_comes_from_the_name_unless_it_is_given() -> None:
    guessed = upload_file("acme", NewFile.of(b"", name="x.pdf")).body
    given = upload_file("acme", NewFile.of(b"", name="x.pdf", media_type="text/plain")).body
    unknown = upload_file("acme", NewFile.of(b"", name="x")).body
    types = [body.headers["Content-Type"] for body in (guessed, given, unknown) if body]
    assert types == ["application/pdf", "text/plain", "application/octet-stream"]


def test_a_form_states_its_length_and_escapes_the_name() -> None:
    call = upload_file("acme", NewFile.of(io.BytesIO(b"data"), name='a"b\r\n.txt', tags=["t"]))
    body = sent(call)
    assert call.body is not None
    assert call.body.headers["Content-Length"] == str(len(body))
    assert b'filename="a%22b%0D%0A.txt"' in body
    assert body.count(b'name="file"') == 1


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.txt", "y.txt"),
        ("..", "download"),
        ("", "download"),
    ],
)
def test_a_stored_name_never_leads_out_of_the_folder(name: str, safe: str, tmp_path: Path) -> None:
    assert safe_name(name) == safe
    assert destination(tmp_path, name) == tmp_path / safe


async def test_a_download_into_a_folder_that_is_not_there_fails(client: AsyncClient, tmp_path: Path) -> None:
    file = await client.files.upload(b"x", name="x.txt")
    with pytest.raises(FileNotFoundError):
        await client.files.download(file, tmp_path / "none" / "x.txt")


async def test_what_is_too_large_for_a_gateway_goes_past_it(client: AsyncClient) -> None:
    file = await client.files.upload(bytes(16 * 2**20 + 1), name="large.bin")
    document = await client.extract(iter([b"of unknown length"]), name="x.txt")
    assert (file.file_size_bytes, document.content) == (16 * 2**20 + 1, "of unknown length")


async def test_a_gateway_that_keeps_its_ports_secret_takes_small_files_only(
    server: FakeServer, fake: FakeMuniment
) -> None:
    fake.tells_its_ports = False
    async with AsyncClient(server.url, api_key=OPERATOR_KEY, tenant="acme") as client:
        await client.tenants.create("acme")
        await client.files.upload(b"small", name="x.txt")
        with pytest.raises(muniment.MunimentError, match="files_url"):
            await client.files.upload(iter([b"of unknown length"]), name="x.txt")


async def test_a_refused_upload_stores_nothing(operator: AsyncClient, fake: FakeMuniment) -> None:
    await operator.tenants.create("small", configuration={"max_file_size_bytes": 3})
    with pytest.raises(muniment.TooLarge):
        await operator.for_tenant("small").files.upload(b"four", name="x.txt")
    assert not fake.tenants["small"].files
