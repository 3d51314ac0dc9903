"""Tables as text (CSV, TSV and what spreadsheets of other countries export as such): one page with one table."""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from actors.extractors.assembly import BlockPiece
from actors.extractors.document import Cell, Document, ExtractionOptions, Table
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.header_rows import first_row_is_header
from actors.extractors.one_page import one_page
from actors.extractors.table_blocks import table_block
from actors.extractors.text import MAX_BYTES, bounded_bytes, encoding_warnings, readable, refuse_many_lines
from actors.extractors.text_encoding import decode_text

_DELIMITERS = "\t;,|"
"""Among those that fit as well as each other the first: commas stand within numbers too."""
_SAMPLE_ROWS = 200
_EXCEL_HINT = "sep="
"""A first line that tells Excel the delimiter."""

Rows = Sequence[Sequence[str]]


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """Cells are what is written: nothing is taken for a number, a date or a formula.

    Raises ExtractionFailed: `corrupt-file` for what is no text, `out-of-memory` for more than is read.
    """
    decoded = decode_text(bounded_bytes(source))
    document = Document(warnings=encoding_warnings(decoded))
    return one_page(document, _blocks(readable(decoded.text), options, document), options, limits, ocr)


def _blocks(text: str, options: ExtractionOptions, document: Document) -> Iterator[BlockPiece]:
    refuse_many_lines(text)
    rows = rows_of(text)
    table = _table(rows)
    if table.cells:
        yield table_block(table, document, with_tables=options.tables)


def rows_of(text: str) -> Rows:
    """Records without the blank lines between them."""
    hint, _, rest = text.partition("\n")
    if hint.casefold().startswith(_EXCEL_HINT) and len(hint) == len(_EXCEL_HINT) + 1:
        return list(_records(rest, hint[-1]))
    return list(_records(text, delimiter_of(text)))


def delimiter_of(text: str) -> str:
    """The one that parts most records into the same number of fields, more than one."""
    return max(_DELIMITERS, key=lambda delimiter: _agreement(text, delimiter))


def _agreement(text: str, delimiter: str) -> float:
    """The share of records that have the most common number of fields; 0 where that is one."""
    widths = [len(row) for row in islice(_records(text, delimiter), _SAMPLE_ROWS)]
    common = max(set(widths), key=lambda width: (widths.count(width), width), default=1)
    return widths.count(common) / len(widths) if common > 1 else 0.0


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_BYTES)
    lines = (f"{line}\n" for line in text.split("\n"))
    return (row for row in csv.reader(lines, delimiter=delimiter) if any(field.strip() for field in row))


def _table(rows: Rows) -> Table:
    is_named = first_row_is_header(rows[:2])
    cells = [
        Cell(row, column, field.strip("\n"), header=is_named and row == 0)
        for row, fields in enumerate(rows)
        for column, field in enumerate(fields)
    ]
    return Table("", 1, len(rows), max(map(len, rows), default=0), "native", cells)
