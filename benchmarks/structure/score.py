"""Holds what was found against the truth: F1 between 0 and 1 for each part of the structure."""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise

from benchmarks.structure.truth import Heading, Structure, TableCells

_MARKER = re.compile(r"^(?:[\u2022\u2023\u25aa\u25cf\u25cb\u25e6*\u2013-]|\(?\w{1,4}[.)])\s+")
MEASURES = (
    "cells",
    "spans",
    "headings",
    "order",
    "lists",
    "captions",
    "footnotes",
    "furniture",
    "key_values",
    "figures",
)


def score(truth: Structure, found: Structure) -> dict[str, float]:
    """By measure, of those that either side has anything of: what is found and is not there counts as 0.

    `cells`: position and text of all cells, tables paired by what they share. `spans`: the cells of more than one row
    or column, with their extent. `headings`: text and level, levels by rank. `order`: how many neighbours among the
    pieces are found whole, one before the other.
    """
    truth_cells, found_cells = _cells(truth.tables, found.tables)
    pairs: dict[str, tuple[Sequence[Hashable], Sequence[Hashable]]] = {
        "cells": ([cell[:4] for cell in truth_cells], [cell[:4] for cell in found_cells]),
        "spans": (_spanning(truth_cells), _spanning(found_cells) if _spanning(truth_cells) else []),
        "headings": (_ranked(truth.headings), _ranked(found.headings)),
        "lists": (_items(truth.list_items), _items(found.list_items)),
        "captions": (_all_bare(truth.captions), _all_bare(found.captions)),
        "footnotes": (_all_bare(truth.footnotes), _all_bare(found.footnotes)),
        "furniture": (_all_bare(truth.furniture), _all_bare(found.furniture)),
        "key_values": (_key_values(truth), _key_values(found)),
        "figures": (["figure"] * truth.figures, ["figure"] * found.figures),
    }
    scores = {name: _f1(*pair) for name, pair in pairs.items() if any(pair)}
    if len(truth.pieces) > 1:
        scores["order"] = _order(truth.pieces, found.pieces)
    return scores


def _f1(truth: Iterable[Hashable], found: Iterable[Hashable]) -> float:
    wanted, got = Counter(truth), Counter(found)
    return 2 * (wanted & got).total() / (wanted.total() + got.total())


def _bare(text: str) -> str:
    """Without white space, and in small letters."""
    return re.sub(r"\s+", "", text).casefold()


def _all_bare(texts: Iterable[str]) -> list[str]:
    return [_bare(text) for text in texts]


def _items(texts: Iterable[str]) -> list[str]:
    return [_bare(_MARKER.sub("", text)) for text in texts]


def _ranked(headings: Sequence[Heading]) -> list[tuple[int, str]]:
    levels = sorted({level for level, _ in headings})
    return [(levels.index(level), _bare(text)) for level, text in headings]


def _key_values(structure: Structure) -> list[tuple[str, str]]:
    return [(_bare(key).rstrip(":"), _bare(value)) for key, value in structure.key_values]


_NumberedCell = tuple[int, int, int, str, int, int]


def _spanning(cells: Iterable[_NumberedCell]) -> list[_NumberedCell]:
    return [cell for cell in cells if cell[4] > 1 or cell[5] > 1]


def _cells(truth: Sequence[TableCells], found: Sequence[TableCells]) -> tuple[list[_NumberedCell], list[_NumberedCell]]:
    """Cells with text, each with the number of its table: a pair of tables has one number."""
    open_tables = dict(enumerate(found))
    numbered: list[_NumberedCell] = []
    paired: list[_NumberedCell] = []
    for number, table in enumerate(truth):
        numbered += _numbered(number, table)
        best = max(open_tables, key=lambda each: _shared(table, open_tables[each]), default=None)
        if best is not None and _shared(table, open_tables[best]):
            paired += _numbered(number, open_tables.pop(best))
    for number, table in open_tables.items():
        paired += _numbered(len(truth) + number, table)
    return numbered, paired


def _numbered(number: int, table: TableCells) -> list[_NumberedCell]:
    cells = ((cell, _bare(cell.text)) for cell in table)
    return [(number, cell.row, cell.column, text, cell.row_span, cell.column_span) for cell, text in cells if text]


def _shared(table: TableCells, other: TableCells) -> int:
    return (Counter(_all_bare(cell.text for cell in table)) & Counter(_all_bare(cell.text for cell in other))).total()


def _order(pieces: Sequence[str], found: Sequence[str]) -> float:
    """Share of neighbours of which both are there and the second starts where the first ends, or later."""
    text = _bare("".join(found))
    places: list[tuple[int, int]] = []
    for piece in map(_bare, pieces):
        # A text that comes more than once is looked for after its neighbour first.
        after = max(places[-1][1], 0) if places else 0
        start = text.find(piece, after)
        start = text.find(piece) if start < 0 else start
        places.append((start, start + len(piece) if start >= 0 else -1))
    in_order = [before[0] >= 0 and after[0] >= before[1] for before, after in pairwise(places)]
    return sum(in_order) / len(in_order)
