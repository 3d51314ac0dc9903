"""Thousands of mixed documents, and the memory of every process meanwhile: it must not grow with their number."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import mean
from typing import Self

import psutil

import muniment
from benchmarks.instance import Instance
from benchmarks.mixed_documents import mixed

DOCUMENTS = 3000
AT_ONCE = 16
"""Enough to keep both pools at their full size."""
EVERY_SECONDS = 3.0
GOAL = 0.05
MIB = 2**20
PATIENCE = 600.0
TENANT = "soak"
SETTINGS = {"MUNIMENT_EVENTS_STREAM_MAX_LENGTH": "1000", "MUNIMENT_POOL_IDLE_SECONDS": "600"}
"""The stream of events is full before the middle third begins; the pools keep their workers."""
DATA = {"postgres", "redis"}
"""They hold what is stored and cached, and fill their buffers with it: shown, not judged."""


class Samples:
    """Proportional memory (PSS) of each process of the instance, by how many documents were done then."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self.done = 0
        self.ends: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._of: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def ended(self, state: str) -> None:
        with self._lock:
            self.done += 1
            self.ends[state] += 1

    def _watch(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            done = self.done
            for role, pid in self._processes():
                try:
                    size = psutil.Process(pid).memory_full_info().pss
                except psutil.NoSuchProcess:
                    continue
                self._of[role, pid].append((done, size))

    def _processes(self) -> Iterator[tuple[str, int]]:
        """Those of each role, and the helpers that they keep; a parsing child lives for one document."""
        for role, pids in self._instance.status()["processes"].items():
            for pid in pids:
                yield role, pid
                if role in {"parser", "ocr"}:
                    yield from ((f"{role}'s helper", child) for child in _children(pid))

    def thirds(self, documents: int) -> Iterator[tuple[str, int, float, float]]:
        """Role, process id and mean of the middle and of the last third, of those that lived through both."""
        for (role, pid), samples in sorted(self._of.items()):
            middle = [size for done, size in samples if documents / 3 <= done < documents * 2 / 3]
            last = [size for done, size in samples if done >= documents * 2 / 3]
            if middle and last:
                yield role, pid, mean(middle), mean(last)


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []


def run(instance: Instance, documents: int) -> str:
    instance.new_tenant(TENANT)
    began = time.perf_counter()
    with Samples(instance) as samples, instance.client(TENANT) as client, ThreadPoolExecutor(AT_ONCE) as threads:
        room = threading.Semaphore(AT_ONCE)
        for name, content in mixed(documents):
            # Made as they are needed: thousands of them would be this process's memory.
            room.acquire()  # given back when the document is done
            threads.submit(_extract, client, name, content, samples).add_done_callback(lambda _: room.release())
    return _report(samples, documents, time.perf_counter() - began)


def _extract(client: muniment.Client, name: str, content: bytes, samples: Samples) -> None:
    try:
        job = client.extractions.submit(client.files.upload(content, name=name))
        samples.ended(client.extractions.wait(job, timeout=PATIENCE).state)
    except muniment.MunimentError as error:
        samples.ended(type(error).__name__)


def _report(samples: Samples, documents: int, seconds: float) -> str:
    ends = ", ".join(f"{count} {end}" for end, count in samples.ends.most_common())
    lines = [
        f"{documents:,} mixed documents in {seconds:.0f} s ({documents / seconds:.1f}/s): {ends}",
        f"{'PSS in MiB':24}{'process':>9}{'middle third':>14}{'last third':>12}{'change':>9}",
    ]
    over = []
    for role, pid, middle, last in samples.thirds(documents):
        change = last / middle - 1
        lines.append(f"{role:24}{pid:>9}{middle / MIB:>14.1f}{last / MIB:>12.1f}{change:>+9.1%}")
        if change > GOAL and role not in DATA:
            over.append(role)
    verdict = f"OVER for {', '.join(over)}" if over else "flat"
    lines.append(f"Last third within {GOAL:.0%} of the middle third, for all but the servers of data: {verdict}")
    return "\n".join(lines)
