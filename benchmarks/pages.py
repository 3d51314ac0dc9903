"""Pages a second through the extraction service, against the bare libraries in a process for each core.

Both sides have the whole machine, so that their ratio is that of what they make of a core.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

import muniment
from benchmarks.documents import page_images, text_pdfs
from benchmarks.instance import Instance
from benchmarks.processes import REPOSITORY
from benchmarks.report import Table

ROUNDS = 2
"""Bare and service in turn, with other documents in each round: the service knows bytes that it has read."""
PDFS, PAGES = 16, 50
SCANS = 8
CORES = len(os.sched_getaffinity(0))
AT_ONCE = 16
BARE, SERVICE = "bare, a process a core", "service"
TENANT = "pages"


def run(instance: Instance) -> Table:
    instance.new_tenant(TENANT)
    table = Table("Extraction", [BARE, SERVICE], baseline=BARE)
    with tempfile.TemporaryDirectory() as name, instance.client(TENANT) as client:
        pdfs = _rounds(text_pdfs(Path(name), PDFS * (ROUNDS + 1), PAGES))
        _add(table, "PDF pages/s", _in_turn(client, "pdf", pdfs, ocr="never"))
        scans = _rounds(page_images(Path(name), SCANS * (ROUNDS + 1)))
        _add(table, "OCR pages/s", _in_turn(client, "ocr", scans, ocr="force"))
    return table


def _add(table: Table, what: str, figures: dict[str, float]) -> None:
    table.add(what, figures)
    table.add(f"{what} and core", {side: figure / CORES for side, figure in figures.items()})


def _rounds(paths: list[Path]) -> list[list[Path]]:
    size = len(paths) // (ROUNDS + 1)
    return [paths[start : start + size] for start in range(0, len(paths), size)]


def _in_turn(client: muniment.Client, kind: str, rounds: list[list[Path]], **options: Any) -> dict[str, float]:
    warm, *measured = rounds
    # The pools grow to their full size on these.
    _extract(client, warm, **options)
    pairs = [(_bare(kind, paths), _extract(client, paths, **options)) for paths in measured]
    return {BARE: mean(bare for bare, _ in pairs), SERVICE: mean(service for _, service in pairs)}


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
    """Pages a second of all processes together; each takes its part of the files, and its own time."""
    parts = [paths[start::CORES] for start in range(min(CORES, len(paths)))]
    with ThreadPoolExecutor(CORES) as threads:
        return sum(threads.map(lambda part: _in_one_process(kind, part), parts))


def _in_one_process(kind: str, paths: list[Path]) -> float:
    command = [sys.executable, "-m", "benchmarks.bare", kind, *map(str, paths)]
    printed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    return float(printed.split()[-1])
