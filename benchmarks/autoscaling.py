"""A burst of documents, and how both pools grow with it and shrink after it: drawn into docs/autoscaling.png.

`python -m benchmarks.autoscaling [PNG]`; needs the `benchmarks` extra.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import muniment
from benchmarks.documents import text_pdfs
from benchmarks.instance import Instance, muniment_up
from benchmarks.mixed_documents import picture
from benchmarks.processes import REPOSITORY
from muniment.local.counts import count

PDFS, PAGES = 150, 60
PICTURES = 90
MOST = 3
IDLE_SECONDS = 15
EVERY_SECONDS = 1.0
QUIET_SECONDS = 10.0
"""At the beginning, and at the end with the pools at their smallest."""
LONGEST_SECONDS = 420.0
WINDOW_SECONDS = 5.0
TENANT = "burst"
SETTINGS = {
    "MUNIMENT_PARSER_MAX_REPLICAS": str(MOST),
    "MUNIMENT_OCR_MAX_REPLICAS": str(MOST),
    "MUNIMENT_POOL_IDLE_SECONDS": str(IDLE_SECONDS),
}


@dataclass(frozen=True, slots=True)
class Moment:
    seconds: float
    queued: int
    running: int
    done: int
    parsers: int
    engines: int


def watch(instance: Instance) -> list[Moment]:
    """From before the burst until the pools are at their smallest again."""
    instance.new_tenant(TENANT)
    moments: list[Moment] = []
    began = time.monotonic()
    with TemporaryDirectory() as folder, ThreadPoolExecutor(4) as threads, instance.client(TENANT) as client:
        files = [client.files.upload(path) for path in text_pdfs(Path(folder), PDFS, PAGES)]
        files += [client.files.upload(picture(number), name="receipt.png") for number in range(PICTURES)]
        began = time.monotonic()
        burst = threads.submit(_submit_later, client, [file.id for file in files])
        small_since: float | None = None
        while (now := time.monotonic() - began) < LONGEST_SECONDS:
            moments.append(_moment(instance, now))
            small = moments[-1].done == len(files) and moments[-1].parsers == moments[-1].engines == 1
            small_since = (small_since or now) if small else None
            if small_since is not None and now - small_since > QUIET_SECONDS:
                break
            time.sleep(EVERY_SECONDS)
        burst.result()
    return moments


def _submit_later(client: muniment.Client, file_ids: Sequence[str]) -> None:
    time.sleep(QUIET_SECONDS)
    client.batches.submit(file_ids)


def _moment(instance: Instance, seconds: float) -> Moment:
    processes = instance.status()["processes"]
    jobs = asyncio.run(count(instance.database_url))["extractions"]
    done = sum(number for state, number in jobs.items() if state not in {"queued", "running"})
    return Moment(
        seconds, jobs.get("queued", 0), jobs.get("running", 0), done, len(processes["parser"]), len(processes["ocr"])
    )


def draw(moments: Sequence[Moment], path: Path) -> None:
    figure = Figure(figsize=(9, 7), layout="constrained")
    jobs, replicas, rate = figure.subplots(3, 1, sharex=True)
    seconds = [moment.seconds for moment in moments]
    jobs.fill_between(seconds, [moment.queued for moment in moments], label="queued", alpha=0.5)
    jobs.plot(seconds, [moment.running for moment in moments], label="running")
    replicas.step(seconds, [moment.parsers for moment in moments], where="post", label="parsers")
    replicas.step(seconds, [moment.engines for moment in moments], where="post", label="OCR engines", linestyle="--")
    rate.plot(seconds, _throughput(moments), label=f"documents a second, over {WINDOW_SECONDS:g} s")
    for axes, what in ((jobs, "jobs"), (replicas, "replicas"), (rate, "documents/s")):
        _label(axes, what)
    rate.set_xlabel("seconds")
    figure.suptitle(f"A burst of {PDFS} PDFs of {PAGES} pages and {PICTURES} images for OCR, on two cores")
    figure.savefig(path, dpi=110)


def _label(axes: Axes, what: str) -> None:
    axes.set_ylabel(what)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper right")
    axes.grid(alpha=0.3)


def _throughput(moments: Sequence[Moment]) -> list[float]:
    rates = []
    for moment in moments:
        before = next(earlier for earlier in moments if earlier.seconds >= moment.seconds - WINDOW_SECONDS)
        passed = moment.seconds - before.seconds
        rates.append((moment.done - before.done) / passed if passed else 0.0)
    return rates


def _summary(moments: Sequence[Moment]) -> str:
    started = next(moment.seconds for moment in moments if moment.queued or moment.running)
    ended = next(moment.seconds for moment in moments if moment.done == moments[-1].done)
    lines = [f"{moments[-1].done} documents in {ended - started:.0f} s"]
    for name, sizes in (("parsers", [m.parsers for m in moments]), ("OCR engines", [m.engines for m in moments])):
        grown = next((m.seconds - started for m, size in zip(moments, sizes, strict=True) if size == max(sizes)), 0.0)
        last = max(m.seconds for m, size in zip(moments, sizes, strict=True) if size > min(sizes))
        lines.append(
            f"  {name}: {sizes[0]} before, {max(sizes)} at most after {grown:.0f} s, "
            f"{sizes[-1]} again {last - ended:.0f} s after the last document"
        )
    return "\n".join(lines)


def main() -> None:
    # So that the servers that were started are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "docs" / "autoscaling.png"
    with muniment_up(**SETTINGS) as instance:
        moments = watch(instance)
    draw(moments, path)
    print(_summary(moments))


if __name__ == "__main__":
    main()
