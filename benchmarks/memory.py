"""How much a replica grows while a body waits for its slower side: up to a slow disk, and down to a slow client."""

import json
import time
from dataclasses import replace

from benchmarks.instance import muniment_up
from benchmarks.load import Target, Transfer, download, upload
from benchmarks.processes import MemoryWatch
from benchmarks.slow_disk import slow_disk

MIB = 2**20
GIB = 2**30
DISK_BYTES_PER_SECOND = 32 * MIB
CLIENT_BYTES_PER_SECOND = 64 * MIB
GOAL = 64 * MIB
TENANT = "memory"
FILES = f"/v1/tenants/{TENANT}/files"
HEADERS = {"Content_Type": "application/octet-stream", "Content_Disposition": 'attachment; filename="large.bin"'}


def run() -> str:
    with (
        slow_disk(GIB + 64 * MIB, DISK_BYTES_PER_SECOND) as folder,
        muniment_up(MUNIMENT_STORAGE_BASE_PATH=str(folder)) as instance,
    ):
        target = replace(instance.direct("files"), key=instance.new_tenant(TENANT))
        # The first requests load code and open connections.
        _sent(target, MIB)
        with MemoryWatch(instance.processes("files")) as uploading:
            sent = _sent(target, GIB)
        with MemoryWatch(instance.processes("files")) as downloading:
            got = _fetched_slowly(target, json.loads(sent.body)["id"])
    return "\n".join(
        [_line("1 GiB up to a slow disk", uploading, sent), _line("1 GiB down to a slow client", downloading, got)]
    )


def _sent(target: Target, size: int) -> Transfer:
    sent = upload(target, FILES, size, **HEADERS)
    if sent.status != 201:  # noqa: PLR2004
        raise RuntimeError(f"The upload was answered {sent.status}: {sent.body.decode()}")
    return sent


def _fetched_slowly(target: Target, identifier: str) -> Transfer:
    return download(
        target,
        f"{FILES}/{identifier}/content",
        between_reads=lambda count: time.sleep(count / CLIENT_BYTES_PER_SECOND),
    )


def _line(what: str, memory: MemoryWatch, transfer: Transfer) -> str:
    verdict = "within" if memory.growth < GOAL else "OVER"
    speed = GIB / MIB / transfer.seconds
    grown = f"grew by {memory.growth / MIB:.1f} MiB from {memory.before / MIB:.0f} MiB"
    return f"{what:30} at {speed:.0f} MiB/s: the replica {grown} ({verdict} {GOAL // MIB} MiB)"
