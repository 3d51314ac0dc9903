"""The client's contract on the real cluster: each client on the services' own ports, and one through the gateway."""

import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muniment import AsyncClient
from tests.client_contract import ClientContract, new_code
from tests.client_in_threads import in_threads
from tests.e2e.conftest import Cluster


@pytest.fixture(scope="module")
async def through_gateway(cluster: Cluster) -> AsyncIterator[AsyncClient]:
    """Knows the gateway alone, and learns from it where large uploads go."""
    async with AsyncClient(cluster.gateway_url, api_key=cluster.operator_key) as client:
        yield client


@pytest.fixture(scope="module")
async def asynchronous(cluster: Cluster) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(
        files_url=cluster.files_url, extraction_url=cluster.extraction_url, api_key=cluster.operator_key
    ) as client:
        yield client


@pytest.fixture(scope="module")
async def blocking(cluster: Cluster) -> AsyncIterator[AsyncClient]:
    with cluster.client() as client:
        yield in_threads(client)


class TestClientOnTheCluster(ClientContract):
    @pytest.fixture(params=["blocking", "asynchronous", "through_gateway"])
    def operator(
        self,
        request: pytest.FixtureRequest,
        blocking: AsyncClient,
        asynchronous: AsyncClient,
        through_gateway: AsyncClient,
    ) -> AsyncClient:
        clients = {"blocking": blocking, "asynchronous": asynchronous, "through_gateway": through_gateway}
        return clients[request.param]


async def test_a_large_file_goes_past_the_gateway_and_comes_back(through_gateway: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(2**20) * 40)
    tenant = await through_gateway.tenants.create(new_code())
    client = through_gateway.for_tenant(tenant.code)
    file = await client.files.upload(path, digest=True)
    assert file.file_size_bytes == 40 * 2**20
    copy = await client.files.download(file, tmp_path / "copy.bin")
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == file.sha256
    await through_gateway.tenants.delete(tenant)


def test_the_command_line_works_on_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    code, path = new_code(), tmp_path / "note.txt"
    path.write_text("Written by hand.")
    assert cluster.run_command("tenant", "create", code).stdout.startswith(f"MUNIMENT_TENANT={code}\n")
    file_id = cluster.run_command("upload", str(path), "-t", code, "--tag", "a").stdout.split("\t")[0]
    assert "Written by hand." in cluster.run_command("extract", file_id, "-t", code).stdout
    assert json.loads(cluster.run_command("ls", "-t", code, "--json").stdout)[0]["tags"] == ["a"]
    deleted = json.loads(cluster.run_command("tenant", "rm", code, "--yes", "--json").stdout)
    assert deleted["state"] == "succeeded"


def test_a_corpus_goes_through_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    code, corpus = new_code(), tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.txt").write_text("First.")
    (corpus / "empty.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    rows = [{"path": "a.txt", "kind": "texts"}, {"path": "empty.zip", "kind": "zips"}]
    (corpus / "manifest.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    cluster.run_command("tenant", "create", code)
    counts = json.loads(cluster.run_command("corpus", str(corpus), str(tmp_path / "out"), "-t", code, "--json").stdout)
    assert counts == {"texts": {"ok": 1}, "zips": {"ok": 1}}
    assert "First." in json.loads((tmp_path / "out" / "a.txt.json").read_text())["text"]
    cluster.run_command("tenant", "rm", code, "--yes")
