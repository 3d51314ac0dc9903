"""Uploads in pieces on the real cluster: through the gateway, and while its processes are killed."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tusclient.client import TusClient

from tests.client_contract import new_code
from tests.e2e.conftest import Cluster
from tests.resumable_client import NAMED, PIECE, TUS

MIB = 2**20
PIECE_BYTES = 8 * MIB
CONTENT = os.urandom(20 * MIB + 7)
SECONDS = 120


@pytest.fixture
def code(operator: httpx.Client) -> str:
    made = new_code()
    operator.post("/v1/tenants", json={"code": made}).raise_for_status()
    return made


@pytest.fixture
def gateway(cluster: Cluster) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {cluster.operator_key}"} | TUS
    with httpx.Client(base_url=cluster.gateway_url, headers=headers, timeout=60, trust_env=False) as client:
        yield client


def content_of(operator: httpx.Client, code: str, file_id: str) -> bytes:
    return operator.get(f"/v1/tenants/{code}/files/{file_id}/content").raise_for_status().content


def test_an_official_client_uploads_through_the_gateway(
    cluster: Cluster, operator: httpx.Client, code: str, tmp_path: Path
) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(CONTENT)
    headers = {"Authorization": f"Bearer {cluster.operator_key}"}
    client = TusClient(f"{cluster.gateway_url}/files/v1/tenants/{code}/uploads", headers=headers)
    uploader = client.uploader(str(file), chunk_size=PIECE_BYTES, metadata={"filename": "large.bin"})
    uploader.upload()
    assert uploader.url.startswith(f"{cluster.gateway_url}/files/v1/tenants/{code}/uploads/up_")
    assert content_of(operator, code, uploader.request.response_headers["x-file-id"]) == CONTENT


def test_the_protocol_is_the_same_through_the_gateway(gateway: httpx.Client, operator: httpx.Client, code: str) -> None:
    path = f"/files/v1/tenants/{code}/uploads"
    described = gateway.options(path)
    assert (described.status_code, described.headers["tus-version"]) == (204, "1.0.0")
    assert gateway.head(f"{path}/up_none", headers={"Tus-Resumable": "0.2.2"}).status_code == 412
    made = gateway.post(path, headers=NAMED | {"Upload-Length": "9"})
    upload = made.headers["location"]
    assert upload.startswith(f"{path}/up_")
    piece = PIECE | {"Upload-Offset": "0"}
    wrong = gateway.patch(upload, headers=piece | {"Upload-Checksum": "sha1 " + "A" * 27 + "="}, content=b"some")
    assert (wrong.status_code, wrong.json()["code"]) == (460, "checksum-mismatch")
    sent = gateway.post(upload, headers=piece | {"X-HTTP-Method-Override": "PATCH"}, content=b"some ")
    assert (sent.status_code, sent.headers["upload-offset"]) == (204, "5")
    head = gateway.head(upload)
    assert (head.status_code, head.headers["upload-offset"], head.headers["upload-length"]) == (200, "5", "9")
    assert head.headers["cache-control"] == "no-store"
    # What was begun on one way goes on on the other.
    direct = operator.patch(
        upload.removeprefix("/files"), headers=TUS | PIECE | {"Upload-Offset": "5"}, content=b"text"
    )
    assert content_of(operator, code, direct.headers["x-file-id"]) == b"some text"
    assert gateway.delete(upload).status_code == 204
    assert gateway.head(upload).status_code == 404


@dataclass(frozen=True, slots=True)
class Patient:
    """Asks until it is answered: what was killed comes back by itself."""

    http: httpx.Client
    upload: str

    def offset(self) -> int:
        head = self._answered(lambda: self.http.head(self.upload, headers=TUS))
        assert head.status_code == 200
        return int(head.headers["upload-offset"])

    def send(self, start: int, end: int) -> httpx.Response:
        """One piece, again and again from wherever the upload is, until the service says that it has it."""
        while True:
            headers = TUS | PIECE | {"Upload-Offset": str(start)}
            piece = CONTENT[start:end]
            answer = self._answered(lambda: self.http.patch(self.upload, headers=headers, content=piece))  # noqa: B023
            if answer.status_code == 204:
                return answer
            assert answer.status_code == 409, answer.text
            start = self.offset()

    @staticmethod
    def _answered(ask: Callable[[], httpx.Response]) -> httpx.Response:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                answer = ask()
            except httpx.TransportError:
                assert time.monotonic() < deadline
            else:
                if answer.status_code != 503:
                    return answer
                assert time.monotonic() < deadline, answer.text
            time.sleep(0.1)


@pytest.fixture
def upload(operator: httpx.Client, code: str) -> Patient:
    headers = TUS | NAMED | {"Upload-Length": str(len(CONTENT))}
    made = operator.post(f"/v1/tenants/{code}/uploads", headers=headers).raise_for_status()
    return Patient(operator, made.headers["location"])


def test_every_process_is_killed_between_pieces(
    cluster: Cluster, operator: httpx.Client, code: str, upload: Patient
) -> None:
    upload.send(0, PIECE_BYTES)
    for role in ("files", "tenant-host", "redis", "postgres"):
        assert cluster.kill(role)
    assert upload.offset() == PIECE_BYTES
    upload.send(PIECE_BYTES, 2 * PIECE_BYTES)
    assert cluster.kill("files")
    last = upload.send(2 * PIECE_BYTES, len(CONTENT))
    assert content_of(operator, code, last.headers["x-file-id"]) == CONTENT
    (file,) = operator.get(f"/v1/tenants/{code}/files").json()["items"]
    assert file["id"] == last.headers["x-file-id"]


def test_a_replica_is_killed_in_the_middle_of_a_piece(
    cluster: Cluster, operator: httpx.Client, code: str, upload: Patient
) -> None:
    upload.send(0, MIB)
    incoming = cluster.storage_base_path / ".incoming" / code
    with hanging_piece(cluster, upload.upload, MIB) as connection:
        connection.sendall(CONTENT[MIB : 4 * MIB])
        wait_until(lambda: any(path.stat().st_size >= 3 * MIB for path in incoming.iterdir()))
        for process in cluster.process_ids("files"):
            os.kill(process, signal.SIGKILL)
    # What was acknowledged is there, and no more than what was sent.
    assert MIB <= upload.offset() <= 4 * MIB
    last = upload.send(upload.offset(), len(CONTENT))
    assert content_of(operator, code, last.headers["x-file-id"]) == CONTENT


def test_a_client_whose_connection_hangs_goes_on_with_another(
    cluster: Cluster, operator: httpx.Client, code: str, upload: Patient
) -> None:
    incoming = cluster.storage_base_path / ".incoming" / code
    with hanging_piece(cluster, upload.upload, 0) as connection:
        connection.sendall(CONTENT[: 3 * MIB])
        wait_until(lambda: any(path.stat().st_size >= 2 * MIB for path in incoming.iterdir()))
        asked = time.monotonic()
        offset = upload.offset()
        assert time.monotonic() - asked < 2
        assert 2 * MIB <= offset <= 3 * MIB
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 409 ")
        last = upload.send(offset, len(CONTENT))
    assert content_of(operator, code, last.headers["x-file-id"]) == CONTENT


def hanging_piece(cluster: Cluster, upload: str, offset: int) -> socket.socket:
    """A connection whose request announces the rest of the content, and sends none of it yet."""
    address = urlsplit(cluster.files_url)
    named = (
        TUS
        | PIECE
        | {
            "Host": address.netloc,
            "Authorization": f"Bearer {cluster.operator_key}",
            "Upload-Offset": str(offset),
            "Content-Length": str(len(CONTENT) - offset),
        }
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    connection = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=60)
    connection.sendall(f"PATCH {upload} HTTP/1.1\r\n{head}\r\n".encode())
    return connection


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
