"""How long one small job takes on an idle queue, behind another tenant's ten thousand, and behind its long scans."""

import contextlib
import json
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import muniment
from benchmarks.instance import Instance
from benchmarks.load import Target, each_once
from tests.scanned_pages import scanned_pdf

QUEUED = 10_000
SCANS, SCAN_PAGES = 12, 20
TRIES = 15
PAUSE_SECONDS = 1.0
CONNECTIONS = 8
PATIENCE = 120.0
CROWD, SINGLE = "crowd", "single"


def run(instance: Instance) -> str:
    """The crowd's jobs are all different, so that each is worked on; the single tenant's too."""
    for tenant in (CROWD, SINGLE):
        instance.new_tenant(tenant)
    with instance.client(CROWD) as crowd, instance.client(SINGLE) as single:
        idle = _delays(single, "idle")
        with _batch(crowd, _notes(instance)) as batch:
            behind_notes = _delays(single, "notes")
            waiting = crowd.batches.get(batch).counts["queued"]
        with _batch(crowd, _scans(crowd)):
            _until_running(crowd)
            behind_scans = _delays(single, "scans")
    lines = [
        "One job of one tenant, from its request to its end",
        _line("on an idle queue", idle),
        _line(f"behind {QUEUED:,} notes of another ({waiting:,} still queued at the end)", behind_notes),
        _line(f"behind {SCANS} scans of {SCAN_PAGES} pages", behind_scans),
    ]
    return "\n".join(lines)


def _notes(instance: Instance) -> list[str]:
    target = instance.direct("files")
    each_once(target, (_note(target, number) for number in range(QUEUED)), CONNECTIONS).expect(201)
    with instance.client(CROWD) as crowd:
        return [file.id for file in crowd.files.list(page_size=200)]


def _note(target: Target, number: int) -> bytes:
    return target.request(
        "POST",
        f"/v1/tenants/{CROWD}/files",
        f"Note {number} of the crowd".encode(),
        Content_Type="text/plain",
        Content_Disposition='attachment; filename="note.txt"',
    )


def _scans(crowd: muniment.Client) -> list[str]:
    documents = (scanned_pdf(SCAN_PAGES, about=f"scan {number}") for number in range(SCANS))
    return [crowd.files.upload(document, name="scan.pdf").id for document in documents]


@contextlib.contextmanager
def _batch(crowd: muniment.Client, file_ids: list[str]) -> Iterator[Any]:
    """All of them are queued; what is left of them afterwards is cancelled."""
    batch = crowd.batches.submit(file_ids)
    try:
        yield batch
    finally:
        crowd.batches.cancel(batch)
        crowd.batches.wait(batch, timeout=PATIENCE)


def _until_running(crowd: muniment.Client) -> None:
    deadline = time.monotonic() + PATIENCE
    while not crowd.extractions.page(state="running").items:
        if time.monotonic() > deadline:
            raise TimeoutError("Nothing runs.")
        time.sleep(0.2)


def _delays(single: muniment.Client, about: str) -> list[float]:
    """Seconds, as a client sees them that waits in the request."""
    delays = []
    for number in range(TRIES):
        file = single.files.upload(json.dumps([about, number]).encode(), name="single.txt")
        began = time.perf_counter()
        job = single.extractions.submit(file, wait=PATIENCE / 2)
        delays.append(time.perf_counter() - began)
        job.raise_for_failure()
        assert job.finished
        assert not job.cached
        time.sleep(PAUSE_SECONDS)
    return delays


def _line(what: str, delays: list[float]) -> str:
    return f"  {what}: {median(delays):.2f} s at the median, {max(delays):.2f} s at most, of {len(delays)}"
