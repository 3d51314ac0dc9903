"""The gateway and the services' own ports on the real cluster: the same services, other limits."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.client_contract import new_code
from tests.e2e.conftest import Cluster

MIB = 2**20
BINARY = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment; filename=a.bin"}


@pytest.fixture
def gateway(cluster: Cluster) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {cluster.operator_key}"}
    with httpx.Client(base_url=cluster.gateway_url, headers=headers, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def files_url(operator: httpx.Client) -> str:
    """Of a new tenant's files, on either way."""
    code = new_code()
    operator.post("/v1/tenants", json={"code": code}).raise_for_status()
    return f"/v1/tenants/{code}/files"


def test_all_three_ports_are_ready(cluster: Cluster) -> None:
    for url in (cluster.gateway_url, cluster.files_url, cluster.extraction_url):
        assert httpx.get(f"{url}/healthz/ready", trust_env=False).json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/files", "/extraction", ""])
def test_every_service_describes_itself_through_the_gateway(gateway: httpx.Client, path: str) -> None:
    assert gateway.get(f"{path}/healthz/ready").status_code == 200
    assert gateway.get(f"{path}/openapi.json").json()["openapi"]
    assert gateway.get(f"{path}/docs").status_code == 200


def test_what_was_stored_on_one_way_is_found_on_the_other(
    gateway: httpx.Client, operator: httpx.Client, files_url: str
) -> None:
    stored = gateway.post(f"/files{files_url}", content=b"some bytes", headers=BINARY)
    location = stored.headers["location"]
    assert location == f"/files{files_url}/{stored.json()['id']}"
    assert gateway.get(location).json() == operator.get(location.removeprefix("/files")).json()
    assert operator.get(f"{location.removeprefix('/files')}/content").content == b"some bytes"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_sent_to_the_port(
    gateway: httpx.Client, operator: httpx.Client, files_url: str, *, chunked: bool
) -> None:
    body = bytes(17 * MIB)

    def content() -> Iterator[bytes] | bytes:
        return iter([body[:MIB]] * 17) if chunked else body

    refused = gateway.post(f"/files{files_url}", content=content(), headers=BINARY)
    assert (refused.status_code, refused.json()["code"]) == (413, "body-too-large-for-gateway")
    assert f"port {operator.base_url.port}" in refused.json()["detail"]
    assert operator.post(files_url, content=content(), headers=BINARY).status_code == 201


def test_a_tenants_limit_counts_what_comes_on_every_way(
    cluster: Cluster, gateway: httpx.Client, operator: httpx.Client
) -> None:
    code = new_code()
    limit = {"rate_limit": {"requests_per_minute": 5}}
    made = operator.post("/v1/tenants", json={"code": code, "configuration": limit}).raise_for_status()
    key = {"Authorization": f"Bearer {made.json()['api_key']['secret']}"}
    files, jobs = f"/v1/tenants/{code}/files", f"/v1/tenants/{code}/extractions"
    ways = [
        f"{cluster.files_url}{files}",
        f"{cluster.gateway_url}/files{files}",
        f"{cluster.extraction_url}{jobs}",
        f"{cluster.gateway_url}/extraction{jobs}",
    ]
    answers = [httpx.get(url, headers=key, trust_env=False) for url in ways * 2]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"requests";q=5;w=60'}
    assert all(1 <= int(answer.headers["retry-after"]) <= 61 for answer in answers[5:])
    assert gateway.get(f"/files{files}").status_code == 200


def test_a_client_cannot_steer_serve(gateway: httpx.Client, files_url: str) -> None:
    """A time limit of a millisecond would be a 408."""
    answer = gateway.get(f"/files{files_url}", headers={"X-Request-Timeout-Seconds": "0.001"})
    assert answer.status_code == 200


def test_an_answer_has_one_request_id(gateway: httpx.Client, files_url: str) -> None:
    answer = gateway.get(f"/files{files_url}/fs_none", headers={"X-Request-Id": "mine-1"})
    assert answer.headers.get_list("x-request-id") == [answer.json()["request_id"]] == ["mine-1"]


def test_an_upload_in_flight_survives_the_end_of_its_replica(
    cluster: Cluster, operator: httpx.Client, files_url: str
) -> None:
    """SIGTERM: the port closes, the upload is finished, and another replica takes over."""
    address = urlsplit(cluster.files_url)
    head = "".join(
        f"{name}: {value}\r\n"
        for name, value in {
            **BINARY,
            "Host": address.netloc,
            "Authorization": f"Bearer {cluster.operator_key}",
            "Content-Length": str(2 * MIB),
        }.items()
    )
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=60) as connection:
        connection.sendall(f"POST {files_url} HTTP/1.1\r\n{head}\r\n".encode() + bytes(MIB))
        incoming = cluster.storage_base_path / ".incoming" / files_url.split("/")[3]
        wait_until(lambda: any(incoming.iterdir()))
        replica = process_at_other_end(connection, cluster.process_ids("files"))
        replica.terminate()
        wait_until(lambda: not listens(replica, address.port))
        connection.sendall(bytes(MIB))
        answer = connection.makefile("rb").read()
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 201 ")
    wait_until(lambda: accepts(cluster.files_url))
    assert operator.get(f"{files_url}/{json.loads(body)['id']}").json()["file_size_bytes"] == 2 * MIB


def process_at_other_end(connection: socket.socket, candidates: list[int]) -> psutil.Process:
    port = connection.getsockname()[1]
    processes = map(psutil.Process, candidates)
    return next(each for each in processes if any(at.raddr and at.raddr.port == port for at in each.net_connections()))


def listens(process: psutil.Process, port: int | None) -> bool:
    ports = [at.laddr.port for at in process.net_connections("tcp4") if at.status == psutil.CONN_LISTEN]
    return port in ports


def accepts(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz/live", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
