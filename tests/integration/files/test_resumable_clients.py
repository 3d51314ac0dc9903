"""The official clients of tus, over real connections that break."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusUploadFailed
from tusclient.uploader import Uploader

from serve_apps.service_port import ServicePort
from tests.cutting_proxy import CuttingProxy
from tests.file_service import FileService, SampleTenant

MIB = 2**20
SCRIPT = Path(__file__).parents[2] / "tus_js" / "upload.cjs"
NODE_MODULES = os.environ.get("MUNIMENT_TEST_NODE_MODULES", "")


@pytest.fixture(scope="module")
async def port(service: FileService) -> AsyncIterator[ServicePort]:
    listening = ServicePort(service.app, "127.0.0.1", 0)
    await listening.open()
    yield listening
    await listening.drain(5)


@pytest.fixture
def url(port: ServicePort) -> str:
    return f"http://127.0.0.1:{port.port}"


CONTENT = os.urandom(5 * MIB + 7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "large.bin"
    file.write_bytes(CONTENT)
    return file


async def only_file(tenant: SampleTenant) -> dict[str, Any]:
    """The one that the tenant has, its bytes with it."""
    (file,) = (await tenant.request("GET", "/files")).json()["items"]
    content = (await tenant.request("GET", f"/files/{file['id']}/content")).content
    assert (await tenant.stats())["reserved_bytes"] == 0
    return {**file, "content": content}


# The Python client, tuspy


def uploader(base: str, tenant: SampleTenant, path: Path, **options: Any) -> Uploader:
    """Asks the service for where to go on, if it is given an address: call it in a thread."""
    client = TusClient(f"{base}{tenant.path}/uploads", headers=tenant.headers)
    metadata = {"filename": path.name, "filetype": "application/octet-stream", "tags": '["tuspy"]'}
    return client.uploader(str(path), metadata=metadata, retry_delay=0, **options)


async def test_tuspy_uploads_in_pieces_with_checksums(url: str, tenant: SampleTenant, path: Path) -> None:
    client = await asyncio.to_thread(uploader, url, tenant, path, chunk_size=MIB, upload_checksum=True)
    await asyncio.to_thread(client.upload)
    file = await only_file(tenant)
    assert (file["file_name"], file["tags"], file["content"]) == ("large.bin", ["tuspy"], CONTENT)
    assert client.request.response_headers["x-file-id"] == file["id"]


async def test_tuspy_goes_on_with_what_another_began(url: str, tenant: SampleTenant, path: Path) -> None:
    first = await asyncio.to_thread(uploader, url, tenant, path, chunk_size=MIB)
    await asyncio.to_thread(first.upload, stop_at=2 * MIB)
    second = await asyncio.to_thread(uploader, url, tenant, path, chunk_size=MIB, url=first.url)
    assert second.offset == 2 * MIB
    await asyncio.to_thread(second.upload)
    assert (await only_file(tenant))["content"] == CONTENT


async def test_tuspy_uploads_an_empty_file(url: str, tenant: SampleTenant, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.touch()
    client = await asyncio.to_thread(uploader, url, tenant, empty)
    await asyncio.to_thread(client.upload)
    assert (await only_file(tenant))["file_size_bytes"] == 0


async def test_tuspy_is_told_why_a_file_is_refused(url: str, tenant: SampleTenant, tmp_path: Path) -> None:
    strange = tmp_path / "strange.pdf"
    strange.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    client = await asyncio.to_thread(uploader, url, tenant, strange)
    with pytest.raises(TusUploadFailed) as caught:
        await asyncio.to_thread(client.upload)
    assert caught.value.status_code == 422
    assert json.loads(caught.value.response_content)["code"] == "media-type-mismatch"


async def test_tuspy_gets_through_a_network_that_breaks(port: ServicePort, tenant: SampleTenant, path: Path) -> None:
    """In one piece: each connection that is cut has brought it forward."""
    # The first creates the upload; then a piece is cut, and after each the client asks on a connection of its own.
    proxy = CuttingProxy("127.0.0.1", port.port, [10 * MIB, MIB, 10 * MIB, 2 * MIB, 10 * MIB, MIB])
    async with proxy.running() as bad:
        client = await asyncio.to_thread(uploader, bad, tenant, path, retries=5)
        await asyncio.to_thread(client.upload)
    assert proxy.cut == 3
    assert (await only_file(tenant))["content"] == CONTENT


# The JavaScript client, in a process of its own


@dataclass(frozen=True, slots=True)
class JavaScript:
    """The client in a process of its own."""

    node: str

    async def upload(self, base: str, tenant: SampleTenant, path: Path, **more: Any) -> dict[str, Any]:
        asked = {
            "endpoint": f"{base}{tenant.path}/uploads",
            "key": tenant.key,
            "path": str(path),
            "metadata": {"filename": path.name, "metadata": '{"client": "tus-js"}'},
        }
        process = await asyncio.create_subprocess_exec(
            self.node,
            str(SCRIPT),
            json.dumps(asked | more),
            env={"NODE_PATH": NODE_MODULES},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        told, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        found: dict[str, Any] = json.loads(told)
        return found


@pytest.fixture
def javascript() -> JavaScript:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    if not NODE_MODULES or not Path(NODE_MODULES, "tus-js-client").is_dir():
        pytest.skip("MUNIMENT_TEST_NODE_MODULES names no folder with tus-js-client (tests/tus_js/install.sh)")
    return JavaScript(node)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunkSize": MIB},
        {"chunkSize": MIB, "uploadDataDuringCreation": True},
        {"uploadDataDuringCreation": True},
        {"chunkSize": MIB, "uploadLengthDeferred": True},
        {"chunkSize": MIB, "overridePatchMethod": True},
    ],
    ids=str,
)
async def test_javascript_uploads_in_any_of_its_ways(
    javascript: JavaScript, url: str, tenant: SampleTenant, path: Path, options: dict[str, Any]
) -> None:
    told = await javascript.upload(url, tenant, path, options=options)
    file = await only_file(tenant)
    assert told["fileId"] == file["id"]
    assert (file["metadata"], file["content"]) == ({"client": "tus-js"}, CONTENT)


async def test_javascript_goes_on_with_what_it_gave_up(
    javascript: JavaScript, url: str, tenant: SampleTenant, path: Path
) -> None:
    begun = await javascript.upload(url, tenant, path, options={"chunkSize": MIB}, abortAfter=2 * MIB)
    assert begun.get("fileId") is None
    told = await javascript.upload(url, tenant, path, options={"uploadUrl": begun["url"], "chunkSize": MIB})
    assert told["requests"][0] == ["HEAD", 200]
    assert (await only_file(tenant))["content"] == CONTENT


async def test_javascript_gets_through_a_network_that_breaks(
    javascript: JavaScript, port: ServicePort, tenant: SampleTenant, path: Path
) -> None:
    proxy = CuttingProxy("127.0.0.1", port.port, [MIB, 2 * MIB, MIB])
    async with proxy.running() as bad:
        await javascript.upload(bad, tenant, path)
    assert proxy.cut >= 2
    assert (await only_file(tenant))["content"] == CONTENT
