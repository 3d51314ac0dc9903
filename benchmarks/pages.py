"""Pages a second through the extraction service, against the bare libraries on one core."""

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import muniment
from benchmarks.documents import page_images, text_pdfs
from benchmarks.instance import Instance
from benchmarks.processes import REPOSITORY
from benchmarks.report import Table

PDFS, PAGES = 16, 50
SCANS = 6
AT_ONCE = 16
BARE, SERVICE = "bare, one process", "service"
TENANT = "pages"


def run(instance: Instance) -> Table:
    instance.new_tenant(TENANT)
    table = Table("Extraction", [BARE, SERVICE], baseline=BARE)
    with tempfile.TemporaryDirectory() as name, instance.client(TENANT) as client:
        folder = Path(name)
        warm = text_pdfs(folder, PDFS + 2, PAGES)
        pdfs = [warm.pop() for _ in range(PDFS)]
        _extract(client, warm, ocr="never")
        table.add("PDF pages/s", {BARE: _bare("pdf", pdfs), SERVICE: _extract(client, pdfs, ocr="never")})
        scans = page_images(folder, SCANS)
        # The pool grows to its full size on these.
        _extract(client, page_images(folder, SCANS, seed=1), ocr="force")
        table.add("OCR pages/s", {BARE: _bare("ocr", scans), SERVICE: _extract(client, scans, ocr="force")})
    return table


def _extract(client: muniment.Client, paths: list[Path], **options: Any) -> float:
    """Pages a second from the first request to the last finished job; uploading is not counted."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        files = list(threads.map(client.files.upload, paths))
        started = time.perf_counter()
        jobs = list(threads.map(lambda file: client.extractions.submit(file, **options), files))
        done = list(threads.map(client.extractions.wait, jobs))
    seconds = time.perf_counter() - started
    return sum(_pages(job) for job in done) / seconds


def _pages(job: muniment.Job) -> int:
    job.raise_for_failure()
    assert not job.cached
    return job.progress.pages_done


def _bare(kind: str, paths: list[Path]) -> float:
    command = [sys.executable, "-m", "benchmarks.bare", kind, *map(str, paths)]
    printed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    return float(printed.split()[-1])
