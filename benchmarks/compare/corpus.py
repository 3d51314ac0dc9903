"""A corpus of documents with their texts, read by every side and scored by the corpus's own scorer.

The corpus is a folder with a `manifest.jsonl` (`path`, `kind`, `languages`, `truth`, `props`, `expected`); its scorer a
program that is run as `SCORER run CORPUS OUT --json FILE`, with OUT/<path>.json for each document.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from actors.extractors.document import ExtractionFailed, ExtractionOptions
from actors.extractors.extractor import ParseLimits
from actors.extractors.kinds import extractor_for
from benchmarks.compare.html_structure import structure_of_html
from benchmarks.compare.markdown_structure import grids_of, structure_of_markdown
from benchmarks.compare.rival_process import Reading, Rival
from benchmarks.structure.muniment_side import OcrHere, structure_of
from benchmarks.structure.score import score
from benchmarks.structure.truth import Structure

KINDS = {
    "pypdfium2": {"pdf-text", "pdf-tables", "pdf-large", "pdf-forms"},
    "pandoc": {"docx"},
    "tesseract": {"images", "pdf-scan"},
    "kreuzberg": {"pdf-text", "pdf-tables", "pdf-large", "pdf-forms", "pdf-scan", "docx", "images", "txt-encodings"},
    "docling": {"pdf-text", "pdf-tables", "pdf-large", "pdf-forms", "docx"},
    "opendataloader": {"pdf-text", "pdf-tables", "pdf-large", "pdf-forms"},
}
"""What each is for; the native pipelines of Docling and OpenDataLoader read no pictures."""
MUNIMENT = "muniment"
MEASURES = {"words": "word F1", "cer": "CER", "cells": "cell F1", "headings": "heading F1"}
LESS_IS_BETTER = {"cer"}

Figures = dict[str, float]
"""By measure, means over the documents of a kind."""


class Corpus:
    def __init__(self, folder: Path, scorer: Path, python: Path, out: Path) -> None:
        self._folder, self._scorer, self._python, self._out = folder, scorer, python, out
        lines = (folder / "manifest.jsonl").read_text("utf-8").splitlines()
        self._documents = [each for each in map(json.loads, lines) if _has_text(each)]

    def read_by_muniment(self) -> None:
        """By its extractors, called as functions."""
        with tempfile.TemporaryDirectory() as folder:
            ocr = OcrHere(Path(folder))
            for each in self._documents:
                if not self._is_read(MUNIMENT, each):
                    self._keep(MUNIMENT, each, _read_here(self._folder / each["path"], ocr))

    def read_by(self, rival: Rival) -> None:
        for each in self._documents:
            if each["kind"] not in KINDS[rival.name] or self._is_read(rival.name, each):
                continue
            told = rival.read(self._folder / each["path"], each["languages"])
            if "text" not in told:
                self._keep(rival.name, each, {"status": "error", "text": "", "problem": told["error"]})
                continue
            found = said_structure(told)
            self._keep(rival.name, each, _outcome(told["text"], told["markdown"], found))

    def _keep(self, name: str, document: dict[str, Any], outcome: dict[str, Any]) -> None:
        path = self._path(name, document)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(outcome), "utf-8")

    def _path(self, name: str, document: dict[str, Any]) -> Path:
        return self._out / name / f"{document['path']}.json"

    def _is_read(self, name: str, document: dict[str, Any]) -> bool:
        return self._path(name, document).exists()

    def figures_of(self, name: str) -> dict[str, Figures]:
        """By kind. What was not read at all counts as an empty text."""
        scored = self._out / f"{name}.scored.json"
        command = [*map(str, (self._python, self._scorer, "run", self._folder, self._out / name, "--json", scored))]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        rows = {row["path"]: row for row in json.loads(scored.read_text("utf-8"))}
        kinds = {each["kind"] for each in self._documents if self._is_read(name, each)}
        of_kind = {kind: [each for each in self._documents if each["kind"] == kind] for kind in kinds}
        return {kind: self._figures(name, documents, rows) for kind, documents in of_kind.items()}

    def _figures(self, name: str, documents: Sequence[dict[str, Any]], rows: dict[str, Any]) -> Figures:
        found = [rows[each["path"]] for each in documents]
        measured: dict[str, list[float]] = {
            "words": [row["wf1"] for row in found],
            "cer": [min(row["cer"], 1.0) for row in found if row["order_fixed"]],
            "cells": [row["cell_f1"] for row in found if "cell_f1" in row],
            "headings": [f1 for each in documents if (f1 := self._headings(name, each)) is not None],
        }
        return {measure: fmean(values) for measure, values in measured.items() if values}

    def _headings(self, name: str, document: dict[str, Any]) -> float | None:
        """None where nothing is known of the document's headings."""
        if not document.get("props"):
            return None
        truth = json.loads((self._folder / document["props"]).read_text("utf-8")).get("headings")
        if not truth:
            return None
        told = json.loads(self._path(name, document).read_text("utf-8")).get("headings", [])
        # A title is level 0: some call it a property and no heading.
        wanted, found = (Structure(headings=[(level, text) for level, text in each if level]) for each in (truth, told))
        return score(wanted, found)["headings"]


def _read_here(path: Path, ocr: OcrHere) -> dict[str, Any]:
    extract = extractor_for("", path.suffix.lower())
    assert extract is not None
    try:
        document = extract(path, ExtractionOptions(), ParseLimits(), ocr)
    except ExtractionFailed as failure:
        return {"status": "error", "text": "", "problem": failure.code}
    return _outcome(document.content, False, structure_of(document))


def _outcome(text: str, markdown: bool, found: Structure) -> dict[str, Any]:
    return {
        "status": "ok",
        "text": text,
        "markdown": markdown,
        "tables": grids_of(found),
        "headings": found.headings,
    }


def said_structure(told: Reading) -> Structure:
    if "html" in told:
        return structure_of_html(told["html"])
    return structure_of_markdown(told["text"]) if told["markdown"] else Structure(pieces=[told["text"]])


def _has_text(document: dict[str, Any]) -> bool:
    return document["expected"] == "ok" and (document.get("truth") or "").endswith(".txt")


def tables_of(by_side: dict[str, dict[str, Figures]]) -> str:
    """A table for each kind: the sides in rows, the first of each measure marked, the others with their distance."""
    kinds = sorted({kind for figures in by_side.values() for kind in figures})
    return "\n\n".join(
        _table(kind, {side: found[kind] for side, found in by_side.items() if kind in found}) for kind in kinds
    )


def _table(kind: str, sides: dict[str, Figures]) -> str:
    measures = [each for each in MEASURES if any(each in figures for figures in sides.values())]
    best = {each: _best(each, [figures[each] for figures in sides.values() if each in figures]) for each in measures}
    lines = [_line(kind, [MEASURES[each] for each in measures]), "|---" * (len(measures) + 1) + "|"]
    for side, figures in sides.items():
        lines.append(_line(side, [_cell(figures[each], best[each]) if each in figures else "" for each in measures]))
    return "\n".join(lines)


def _line(first: str, cells: Iterable[str]) -> str:
    return "| " + " | ".join((first, *cells)) + " |"


def _best(measure: str, values: list[float]) -> float:
    return min(values) if measure in LESS_IS_BETTER else max(values)


def _cell(figure: float, best: float) -> str:
    return f"**{figure:.3f}**" if figure == best else f"{figure:.3f} ({figure - best:+.3f})"
