"""`python -m benchmarks compare --python PYTHON [CORPUS --scorer SCORER]`.

PYTHON is that of an environment with benchmarks/rivals.txt. Without a corpus, only structure and speed are compared.
What a side read of the corpus is kept in OUT and not read again.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean

import muniment
from benchmarks.compare.corpus import KINDS, MUNIMENT, Corpus, said_structure, tables_of
from benchmarks.compare.rival_process import Rival
from benchmarks.documents import text_pdfs
from benchmarks.instance import muniment_up
from benchmarks.structure.cases import cases
from benchmarks.structure.muniment_side import MunimentReader
from benchmarks.structure.report import Scores, scores_of
from benchmarks.structure.truth import Structure

PDF_READERS = ("kreuzberg", "docling", "opendataloader", "pypdfium2")
CASES_PER_KIND = 4
MEASURES = ("cells", "spans", "headings", "order", "lists")
"""Of structure: what Markdown can say."""
SPEED_DOCUMENTS, SPEED_PAGES, AT_ONCE = 60, 4, 16


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks compare", description=__doc__)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--scorer", type=Path)
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", nargs="*", choices=("corpus", "structure", "speed"), default=())
    given = parser.parse_args(arguments)
    if given.corpus is not None and given.scorer is None:
        parser.error("a corpus is scored by its own scorer: --scorer")
    with tempfile.TemporaryDirectory() as folder:
        out = given.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        rivals = [Rival(name, given.python, out / f"{name}.log") for name in KINDS]
        try:
            for rival in rivals:
                print(f"{rival.name}: {rival.version or f'not compared: {rival.reason}'}", flush=True)
            there = [rival for rival in rivals if rival.version is not None]
            parts = given.only or ("corpus", "structure", "speed")
            if given.corpus is not None and "corpus" in parts:
                print(_texts(Corpus(given.corpus, given.scorer, given.python, out), there), flush=True)
            if "structure" in parts:
                print(_structure(there), flush=True)
            if "speed" in parts:
                print(_speed([rival for rival in there if rival.name == "docling"], Path(folder)), flush=True)
        finally:
            for rival in rivals:
                rival.stop()


def _texts(corpus: Corpus, rivals: Sequence[Rival]) -> str:
    for rival in rivals:
        corpus.read_by(rival)
    corpus.read_by_muniment()
    return "\n" + tables_of({name: corpus.figures_of(name) for name in (MUNIMENT, *(rival.name for rival in rivals))})


def _structure(rivals: Sequence[Rival]) -> str:
    """Made-up PDFs of which all is known: a row for each side, means over the kinds."""
    reader = MunimentReader()
    try:
        sides = {MUNIMENT: scores_of(reader, cases(per_kind=CASES_PER_KIND))}
    finally:
        reader.close()
    for rival in rivals:
        if rival.name in PDF_READERS:
            sides[rival.name] = scores_of(_structure_reader(rival), cases(per_kind=CASES_PER_KIND))
    figures_of = {side: {each: _mean(side, each, sides) for each in MEASURES} for side in sides}
    best = {each: max(figures[each] for figures in figures_of.values()) for each in MEASURES}
    lines = ["", "| structure | " + " | ".join((*MEASURES, "mean")) + " |", "|---" * (len(MEASURES) + 2) + "|"]
    for side, figures in figures_of.items():
        shown = [f"**{figure:.3f}**" if figure == best[each] else f"{figure:.3f}" for each, figure in figures.items()]
        lines.append(f"| {side} | " + " | ".join(shown) + f" | {fmean(figures.values()):.3f} |")
    return "\n".join(lines)


def _mean(side: str, measure: str, sides: dict[str, Scores]) -> float:
    """Over the kinds of which there is anything of the measure, in truth or as some side found it.

    A side that rightly found nothing there has no figure of its own: it is right.
    """
    kinds = [kind for kind in sides[side] if any(measure in scores[kind] for scores in sides.values())]
    return fmean(sides[side][kind].get(measure, 1.0) for kind in kinds)


def _structure_reader(rival: Rival) -> Callable[[bytes], Structure]:
    def read(pdf: bytes) -> Structure:
        with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
            file.write(pdf)
            file.flush()
            told = rival.read(Path(file.name), ["en"])
        return said_structure(told) if "text" in told else Structure()

    return read


def _speed(rivals: Sequence[Rival], folder: Path) -> str:
    """Documents a second: Docling's native pipeline in its process, and the service with all it does, on all cores."""
    papers = text_pdfs(folder, SPEED_DOCUMENTS + AT_ONCE, SPEED_PAGES)
    warm, measured = papers[:AT_ONCE], papers[AT_ONCE:]
    lines = ["", f"| {SPEED_DOCUMENTS} PDFs of {SPEED_PAGES} pages | documents/s |", "|---|---|"]
    for rival in rivals:
        rival.read(warm[0], ["en"])
        started = time.perf_counter()
        for path in measured:
            rival.read(path, ["en"])
        lines.append(f"| {rival.name} | {len(measured) / (time.perf_counter() - started):.1f} |")
    with muniment_up() as instance:
        instance.new_tenant("speed")
        with instance.client("speed") as client:
            _extract(client, warm)
            lines.append(f"| {MUNIMENT} | {len(measured) / _extract(client, measured):.1f} |")
    return "\n".join(lines)


def _extract(client: muniment.Client, paths: Sequence[Path]) -> float:
    """Seconds from the first request to the last finished job; uploading is not counted, as it is not of Docling."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        files = list(threads.map(client.files.upload, paths))
    started = time.perf_counter()
    finished = client.batches.wait(client.batches.submit(files, ocr="never"))
    assert finished.state == "succeeded", finished
    return time.perf_counter() - started
