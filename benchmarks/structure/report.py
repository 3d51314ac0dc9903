"""`python -m benchmarks structure`: the score of each kind of document, measure by measure."""

from collections.abc import Callable, Iterable
from statistics import fmean

from benchmarks.structure.cases import Case, cases
from benchmarks.structure.muniment_side import MunimentReader
from benchmarks.structure.score import MEASURES, score
from benchmarks.structure.truth import Structure

Reader = Callable[[bytes], Structure]
Scores = dict[str, dict[str, float]]
"""By kind and measure."""


def scores_of(read: Reader, chosen: Iterable[Case]) -> Scores:
    """Means over the documents of a kind; one without anything of a measure, of which nothing was found, is right."""
    by_kind: dict[str, list[dict[str, float]]] = {}
    for case in chosen:
        by_kind.setdefault(case.kind, []).append(score(case.truth, read(case.pdf)))
    return {
        kind: {
            each: fmean(one.get(each, 1.0) for one in all_of) for each in MEASURES if any(each in one for one in all_of)
        }
        for kind, all_of in by_kind.items()
    }


def mean_of(scores: Scores) -> float:
    """Each kind counts once, and each of its measures the same."""
    return fmean(fmean(measures.values()) for measures in scores.values())


def table_of(scores: Scores) -> str:
    heading = f"{'Structure (F1)':24}" + "".join(f"{measure:>11}" for measure in MEASURES)
    rows = [
        f"{kind:24}" + "".join(f"{measures[each]:11.3f}" if each in measures else f"{'-':>11}" for each in MEASURES)
        for kind, measures in scores.items()
    ]
    return "\n".join([heading, *rows, f"{'mean':24}{mean_of(scores):11.3f}"])


def run() -> str:
    reader = MunimentReader()
    try:
        return table_of(scores_of(reader, cases(scans=True)))
    finally:
        reader.close()
