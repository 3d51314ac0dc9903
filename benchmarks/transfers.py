"""Uploads and downloads: a service's own port and the gateway against a hand-written app with the same fsync."""

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.instance import HOST, Instance
from benchmarks.load import Rate, Target, download, request_rate, upload
from benchmarks.processes import free_port, server
from benchmarks.report import Table

MIB = 2**20
SMALL = bytes(range(256)) * 40
"""10 KiB."""
LARGE = 200 * MIB
GATEWAY_LARGEST = 16 * MIB
CONNECTIONS = 32
SECONDS = 4.0
REPEATS = 3
TENANT = "transfers"


@dataclass(frozen=True)
class Side:
    target: Target
    files: str
    """Where files are posted to, and below which they are found."""
    pid: int = 0
    """Of the one process that a hand-written app is."""

    def upload_small(self, connections: int = CONNECTIONS) -> Rate:
        request = self.target.request("POST", self.files, SMALL, **HEADERS)
        return request_rate(self.target, request, connections, SECONDS).expect(201)

    def download_small(self, identifier: str) -> float:
        request = self.target.request("GET", self._content(identifier))
        return request_rate(self.target, request, CONNECTIONS, SECONDS).expect(200).per_second

    def upload(self, size: int) -> tuple[float, str]:
        """MiB/s, and the stored file's id."""
        sent = upload(self.target, self.files, size, **HEADERS)
        if sent.status != 201:  # noqa: PLR2004
            raise RuntimeError(f"The upload was answered {sent.status}: {sent.body.decode()}")
        return size / MIB / sent.seconds, str(json.loads(sent.body)["id"])

    def download(self, identifier: str, size: int) -> float:
        got = download(self.target, self._content(identifier))
        if (got.status, got.size) != (200, size):
            raise RuntimeError(f"The download was answered {got.status} with {got.size} bytes.")
        return size / MIB / got.seconds

    def _content(self, identifier: str) -> str:
        return f"{self.files}/{identifier}/content"


HEADERS = {"Content_Type": "application/octet-stream", "Content_Disposition": 'attachment; filename="measured.bin"'}
PEER, PEER_ROW, PORT, GATEWAY = "by hand", "by hand, with row", "files port", "gateway"


def run(instance: Instance) -> Table:
    """Every figure of one row is measured in turn with the others of the row, so that noise meets all alike."""
    table = Table("Files", [PEER, PEER_ROW, PORT, GATEWAY], baseline=PEER_ROW)
    with tempfile.TemporaryDirectory() as folder, sides_of(instance, Path(folder), TENANT) as sides:
        unlimited = {name: side for name, side in sides.items() if name != GATEWAY}
        small = {name: side.upload(len(SMALL))[1] for name, side in sides.items()}
        large = {name: side.upload(LARGE)[1] for name, side in unlimited.items()}
        large[GATEWAY] = large[PORT]
        table.add("10 KiB up, requests/s", in_turn(sides, lambda _, side: side.upload_small().per_second))
        table.add("10 KiB down, requests/s", in_turn(sides, lambda name, side: side.download_small(small[name])))
        table.add("16 MiB up, MiB/s", in_turn(sides, lambda _, side: side.upload(GATEWAY_LARGEST)[0]))
        table.add("200 MiB up, MiB/s", in_turn(unlimited, lambda _, side: side.upload(LARGE)[0]))
        table.add("200 MiB down, MiB/s", in_turn(sides, lambda name, side: side.download(large[name], LARGE)))
    return table


@contextlib.contextmanager
def sides_of(instance: Instance, folder: Path, tenant: str) -> Iterator[dict[str, Side]]:
    key = instance.new_tenant(tenant)
    files = f"/v1/tenants/{tenant}/files"
    with _peer(folder / "plain") as plain, _peer(folder / "row", instance.database_url) as with_row:
        yield {
            PEER: plain,
            PEER_ROW: with_row,
            PORT: Side(replace(instance.direct("files"), key=key), files),
            GATEWAY: Side(replace(instance.gateway("files"), key=key), files),
        }


@contextlib.contextmanager
def _peer(folder: Path, *database_url: str) -> Iterator[Side]:
    port = free_port()
    with server("benchmarks.peer", str(port), str(folder), *database_url, port=port) as pid:
        yield Side(Target(HOST, port), "/files", pid)


def in_turn(sides: dict[str, Side], measure: Callable[[str, Side], float]) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(REPEATS):
        for name, side in sides.items():
            found[name].append(measure(name, side))
    return {name: median(figures) for name, figures in found.items()}
