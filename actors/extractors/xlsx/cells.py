"""The cells of one sheet, as a person sees them, read without the whole of it in memory."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from actors.extractors.office.package import Package
from actors.extractors.office.xml_tree import Element, elements_in, name_of, whole_number
from actors.extractors.sheet_grid import Area, Cells
from actors.extractors.xlsx.number_formats import NumberFormats
from actors.extractors.xlsx.shared_strings import string_of, unescaped

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([1-9][0-9]{0,6})")
_MOST_HEADERS = 10
"""Rows; a sheet that keeps more in place does so for another reason."""
_TRUTHS = {"0": "FALSE", "1": "TRUE"}


@dataclass(frozen=True, slots=True)
class Values:
    """What all sheets of a workbook read their cells by."""

    strings: list[str]
    formats: NumberFormats

    def text(self, cell: Element) -> str:
        kind = cell.get("t", "n")
        value, inline = "", ""
        for each in cell:
            match name_of(each):
                case "x:v":
                    value = each.text or ""
                case "x:is":
                    inline = string_of(each)
        match kind:
            case "s":
                index = whole_number(value)
                return self.strings[index] if index is not None and 0 <= index < len(self.strings) else ""
            case "inlineStr":
                return inline
            case "b":
                return _TRUTHS.get(value.strip(), value)
            case "n":
                return self._number(value, whole_number(cell.get("s")) or 0)
            case _:
                return unescaped(value)

    def _number(self, value: str, style: int) -> str:
        try:
            number = float(value)
        except ValueError:
            return value.strip()
        return self.formats.text(style, number) if math.isfinite(number) else value.strip()


def read_cells(package: Package, part: str, values: Values, at_most: int) -> Iterator[Cells]:
    """The cells so far, again and again as rows are read, and at last all of them."""
    cells = Cells()
    with package.stream(part) as stream:
        for element in elements_in(stream, "x:row", "x:pane", "x:autoFilter", "x:mergeCell"):
            name = name_of(element)
            if name == "x:row":
                _take_row(element, values, cells)
                yield cells
            elif name == "x:pane":
                _take_pane(element, cells)
            else:
                _take_area(element, name, cells)
            if cells.count > at_most:
                cells.was_cut_off = True
                break
    yield cells


def _take_row(row: Element, values: Values, cells: Cells) -> None:
    number = (whole_number(row.get("r")) or cells.last_row + 2) - 1
    cells.last_row = number
    cells.hides_some = cells.hides_some or row.get("hidden") in {"1", "true"}
    column = -1
    found: dict[int, str] = {}
    for cell in row:
        named = _column(cell.get("r", "").rstrip("0123456789"))
        column = column + 1 if named is None else named
        text = values.text(cell)
        if text.strip() and column < MAX_COLUMNS:
            found[column] = text
    if found and 0 <= number < MAX_ROWS:
        cells.rows[number] = found
        cells.count += len(found)


def _take_pane(pane: Element, cells: Cells) -> None:
    """Rows that stay while the others are scrolled are headings."""
    is_frozen = pane.get("state", "").startswith("frozen")
    rows = int(_number(pane.get("ySplit"))) if is_frozen else 0
    if 0 < rows <= _MOST_HEADERS:
        cells.headers.append((0, 0, rows - 1, MAX_COLUMNS))


def _number(written: str | None) -> float:
    try:
        number = float(written or 0)
    except ValueError:
        return 0.0
    return number if 0 <= number <= MAX_ROWS else 0.0


def _take_area(element: Element, name: str, cells: Cells) -> None:
    area = area_of(element.get("ref", ""))
    if area is None:
        return
    if name == "x:mergeCell":
        cells.merged.append(area)
    else:
        cells.headers.append((area[0], area[1], area[0], area[3]))


def area_of(reference: str) -> Area | None:
    """`A1:C3`, or a cell alone."""
    first, _, last = reference.partition(":")
    start, end = place_of(first), place_of(last or first)
    if start is None or end is None:
        return None
    return min(start[0], end[0]), min(start[1], end[1]), max(start[0], end[0]), max(start[1], end[1])


def place_of(reference: str) -> tuple[int, int] | None:
    """Row and column, from 0."""
    matched = _REFERENCE.fullmatch(reference)
    if matched is None:
        return None
    column = _column(matched[1])
    return None if column is None else (int(matched[2]) - 1, column)


@lru_cache(maxsize=4096)
def _column(letters: str) -> int | None:
    """`A` is 0, `AA` is 26."""
    if not 0 < len(letters) <= 3 or not letters.isascii() or not letters.isupper():  # noqa: PLR2004 - XFD is the last
        return None
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1
