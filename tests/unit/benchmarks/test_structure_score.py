"""The score of structure: what is right counts, what is lost or made up costs."""

import re
from dataclasses import replace

import pypdfium2 as pdfium
import pytest

from benchmarks.structure.cases import KINDS, Case, cases
from benchmarks.structure.report import mean_of, scores_of, table_of
from benchmarks.structure.score import score
from benchmarks.structure.truth import Cell, Structure, grid_cells

TABLE = grid_cells([["Item", "Price"], ["Pen", "2"]])


@pytest.fixture(scope="module")
def one_of_each() -> list[Case]:
    return list(cases(per_kind=1))


def test_the_truth_is_perfect(one_of_each: list[Case]) -> None:
    for case in one_of_each:
        assert set(score(case.truth, case.truth).values()) == {1.0}, case.name


def test_what_the_truth_says_stands_in_the_document(one_of_each: list[Case]) -> None:
    for case in one_of_each:
        document = pdfium.PdfDocument(case.pdf)
        written = _bare("".join(page.get_textpage().get_text_range() for page in document))
        document.close()
        texts = [*case.truth.pieces, *(cell.text for table in case.truth.tables for cell in table)]
        missing = [text for text in texts if _bare(text.replace("\x95", "\u2022")) not in written]
        # Cells of several lines stand beside others.
        assert sum(map(len, missing)) <= 0.25 * sum(map(len, texts)), (case.name, missing)


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_each_document_is_the_same_at_every_run(one_of_each: list[Case]) -> None:
    assert [case.truth for case in cases(per_kind=1)] == [case.truth for case in one_of_each]
    assert [case.kind for case in one_of_each] == list(KINDS)


def test_lost_moved_and_made_up_cells_cost() -> None:
    truth = Structure(tables=[TABLE])
    assert score(truth, Structure()) == {"cells": 0.0}
    assert score(Structure(), truth) == {"cells": 0.0}
    moved = grid_cells([["Item", "Price"], ["2", "Pen"]])
    assert score(truth, Structure(tables=[moved]))["cells"] == 0.5
    assert score(truth, Structure(tables=[TABLE, grid_cells([["a", "b"], ["c", "d"]])]))["cells"] == pytest.approx(
        8 / 12
    )


def test_tables_are_paired_by_what_they_share() -> None:
    other = grid_cells([["Name", "Age"], ["Ann", "7"]])
    assert score(Structure(tables=[TABLE, other]), Structure(tables=[other, TABLE])) == {"cells": 1.0}


def test_cells_that_span_are_scored_with_their_extent() -> None:
    wide = (Cell(0, 0, "Both", column_span=2), Cell(1, 0, "a"), Cell(1, 1, "b"))
    narrow = (replace(wide[0], column_span=1), *wide[1:])
    assert score(Structure(tables=[wide]), Structure(tables=[narrow])) == {"cells": 1.0, "spans": 0.0}


def test_levels_of_headings_count_by_rank() -> None:
    truth = Structure(headings=[(1, "A"), (2, "B")])
    assert score(truth, Structure(headings=[(0, "a"), (3, "B ")])) == {"headings": 1.0}
    assert score(truth, Structure(headings=[(1, "A"), (1, "B")])) == {"headings": 0.5}


def test_order_is_neighbours_whole_and_one_after_the_other() -> None:
    truth = Structure(pieces=["one two", "three four", "five"])
    assert score(truth, Structure(pieces=["one\ntwo three", "four five"])) == {"order": 1.0}
    assert score(truth, Structure(pieces=["three four", "one two", "five"])) == {"order": 0.5}
    assert score(truth, Structure(pieces=["one three two four five"])) == {"order": 0.0}


def test_a_kind_without_tables_pays_for_each_that_is_found() -> None:
    chosen = [Case("a", "prose", b"a", Structure()), Case("b", "prose", b"b", Structure())]
    found = {b"a": Structure(tables=[TABLE]), b"b": Structure()}
    scores = scores_of(found.__getitem__, chosen)
    assert scores == {"prose": {"cells": 0.5}}
    assert mean_of(scores) == 0.5
    assert "prose" in table_of(scores)
