"""How long the processes that work on a job still work after its cancellation was asked for."""

import tempfile
import time
from pathlib import Path
from statistics import median

import psutil

import muniment
from benchmarks.documents import text_pdfs
from benchmarks.instance import Instance
from tests.scanned_pages import scanned_pdf

TRIES = 20
PARSED_PAGES = 4000
SCANNED_PAGES = 40
LOOK_SECONDS = 0.02
STILL_SECONDS = 0.3
"""A process whose clock has not moved for so long does not work; how long that is, is not counted."""
PATIENCE = 120.0
GOAL_SECONDS = 5.0
TENANT = "cancelling"


def run(instance: Instance) -> str:
    instance.new_tenant(TENANT)
    with tempfile.TemporaryDirectory() as name, instance.client(TENANT) as client:
        (long_pdf,) = text_pdfs(Path(name), 1, PARSED_PAGES)
        parse = client.files.upload(long_pdf)
        scan = client.files.upload(scanned_pdf(SCANNED_PAGES), name="scan.pdf")
        parsing = [_parse_stopped(instance, client, parse) for _ in range(TRIES)]
        reading = [_ocr_stopped(instance, client, scan) for _ in range(TRIES)]
    return "\n".join(
        [
            f"From the request to cancel to the end of the work, {TRIES} times each",
            _line("parse: its process is gone", parsing),
            _line("OCR: parse gone, engines idle", reading),
        ]
    )


def _parse_stopped(instance: Instance, client: muniment.Client, file: muniment.StoredFile) -> float:
    servers = _children(instance.processes("parser"))
    job = _running(client, file)
    children = _children(servers)
    assert children, "nothing parses"
    asked = time.perf_counter()
    client.extractions.cancel(job)
    while any(psutil.pid_exists(pid) for pid in children):
        time.sleep(LOOK_SECONDS)
    seconds = time.perf_counter() - asked
    _expect_cancelled(client, job)
    return seconds


def _ocr_stopped(instance: Instance, client: muniment.Client, file: muniment.StoredFile) -> float:
    job = _running(client, file, ocr="force")
    engines = _children(instance.processes("ocr"))
    children = _children(_children(instance.processes("parser")))
    asked = time.perf_counter()
    client.extractions.cancel(job)
    while any(psutil.pid_exists(pid) for pid in children):
        time.sleep(LOOK_SECONDS)
    stopped = max([time.perf_counter(), *(_still_since(pid) for pid in engines)])
    _expect_cancelled(client, job)
    return stopped - asked


def _still_since(pid: int) -> float:
    """When the process last worked."""
    worked, last = _processor_seconds(pid), time.perf_counter()
    while time.perf_counter() - last < STILL_SECONDS:
        time.sleep(LOOK_SECONDS)
        if (now := _processor_seconds(pid)) != worked:
            worked, last = now, time.perf_counter()
    return last


def _processor_seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return -1.0
    return float(times.user + times.system)


def _running(client: muniment.Client, file: muniment.StoredFile, **options: str) -> muniment.Job:
    job = client.extractions.submit(file, **options)  # type: ignore[arg-type] # one option, and it exists
    deadline = time.monotonic() + PATIENCE
    while not client.extractions.get(job).progress.pages_done:
        if time.monotonic() > deadline:
            raise TimeoutError("The job does not get on.")
        time.sleep(LOOK_SECONDS)
    return job


def _expect_cancelled(client: muniment.Client, job: muniment.Job) -> None:
    assert client.extractions.wait(job, timeout=PATIENCE).state == "cancelled"


def _children(pids: list[int]) -> list[int]:
    return [child.pid for pid in pids for child in psutil.Process(pid).children()]


def _line(what: str, seconds: list[float]) -> str:
    verdict = "within" if max(seconds) < GOAL_SECONDS else "OVER"
    return (
        f"  {what}: {median(seconds):.2f} s at the median, {max(seconds):.2f} s at most ({verdict} {GOAL_SECONDS:g} s)"
    )
