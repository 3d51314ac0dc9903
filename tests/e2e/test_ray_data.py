"""A program on the cluster itself reads extractions as a Ray Data set."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from muniment.samples import FOLDER
from tests.e2e.conftest import ROOT, Cluster

TENANT = "ray-data"
PROGRAM = """
import json, sys
import ray
import muniment
from muniment.ray_data import ExtractionsDatasource, read_extractions

ray.init(log_to_driver=False, logging_level="WARNING")
client = muniment.Client()
told = json.loads(sys.argv[1])
documents = read_extractions(client, {"tags": ["set"]}, override_num_blocks=3)
pages = read_extractions(client, told["ids"], rows="pages", override_num_blocks=2)
chunks = read_extractions(client, client.batches.get(told["batch"]), rows="chunks", override_num_blocks=2)
print(json.dumps({
    "shown": [repr(documents), str(documents), documents.explain() or ""],
    "schema": documents.schema().names,
    "blocks": documents.materialize().num_blocks(),
    "documents": documents.take_all(),
    "pages": pages.take_all(),
    "chunks": chunks.take_all(),
    "none": read_extractions(client, []).count(),
    "stats": documents.materialize().stats(),
}))
"""


def on_the_cluster(
    cluster: Cluster, program: str, told: Any, folder: Path, key: str
) -> "subprocess.CompletedProcess[str]":
    """Run as a driver of the cluster's Ray, beside the service."""
    instance = json.loads((cluster.home / "instance.json").read_text())
    environment = {
        **cluster.environment,
        "HOME": str(folder),
        "RAY_ADDRESS": instance["ray_address"],
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(cluster.home / "keys" / "ray-token"),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "MUNIMENT_URL": cluster.gateway_url,
        "MUNIMENT_FILES_URL": cluster.files_url,
        "MUNIMENT_EXTRACTION_URL": cluster.extraction_url,
        "MUNIMENT_API_KEY": key,
        "MUNIMENT_TENANT": TENANT,
    }
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, json.dumps(told)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_documents_pages_and_chunks_are_rows(cluster: Cluster, tmp_path: Path) -> None:
    key = cluster.client().tenants.create(TENANT).api_key
    assert key is not None
    assert key.secret is not None
    client = cluster.client(TENANT, key.secret)
    files = [client.files.upload(f"Note {number}.".encode(), name=f"{number}.txt", tags=["set"]) for number in range(7)]
    broken = client.files.upload(b"%PDF-1.7 and no more", name="broken.pdf", tags=["set"])
    invoice = client.files.upload(FOLDER / "invoice.pdf")
    batch = client.batches.submit([invoice], ocr="never")
    told = {"ids": [invoice.id, files[0].id], "batch": batch.id}

    done = on_the_cluster(cluster, PROGRAM, told, tmp_path, key.secret)

    assert done.returncode == 0, done.stderr
    given = json.loads(done.stdout.splitlines()[-1])
    assert given["blocks"] == 3
    by_id = {row["file_id"]: row for row in given["documents"]}
    assert set(by_id) == {broken.id, *(file.id for file in files)}
    assert [by_id[file.id]["content"] for file in files] == [f"Note {number}." for number in range(7)]
    assert (by_id[broken.id]["state"], by_id[broken.id]["error"]) == ("failed", "corrupt-file")
    assert given["schema"] == list(given["documents"][0])
    pages = sorted((row["file_name"], row["page"]) for row in given["pages"])
    assert pages == [("0.txt", 1), ("invoice.pdf", 1), ("invoice.pdf", 2)]
    assert ["Notes on the work"] in [row["heading_path"][-1:] for row in given["chunks"]]
    assert given["none"] == 0
    for text in (done.stdout, done.stderr, *given["shown"], given["stats"]):
        assert key.secret not in text


@pytest.fixture(autouse=True, scope="module")
def logs_without_the_key(cluster: Cluster) -> Any:
    yield
    told = [
        path
        for path in (cluster.home / "logs").rglob("*")
        if path.is_file() and "mk_" in path.read_text(errors="replace")
    ]
    assert told == [], f"a key is in {told}"
