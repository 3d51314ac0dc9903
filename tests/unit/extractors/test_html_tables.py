"""Which tables of HTML are tables, and their grids."""

from pathlib import Path

import pytest

from actors.extractors import table_blocks
from actors.extractors.document import ExtractionOptions, Table
from tests.unit.extractors.html_files import read_html, shown


def read_table(tmp_path: Path, html: str) -> Table:
    (found,) = read_html(tmp_path, html).tables
    return found


def places(found: Table) -> list[tuple[int, int, int, int, str]]:
    return [(each.row, each.column, each.row_span, each.column_span, each.text) for each in found.cells]


def test_spans_move_the_cells_beside_and_below_them(tmp_path: Path) -> None:
    found = read_table(
        tmp_path,
        "<table><tr><th rowspan=2>a<th colspan=2>b<tr><td>c<td>d<tr><td>e<td>f<td>g</table>",
    )

    assert (found.rows, found.columns, found.method) == (3, 3, "native")
    assert places(found) == [
        *((0, 0, 2, 1, "a"), (0, 1, 1, 2, "b"), (1, 1, 1, 1, "c"), (1, 2, 1, 1, "d")),
        *((2, 0, 1, 1, "e"), (2, 1, 1, 1, "f"), (2, 2, 1, 1, "g")),
    ]


def test_head_and_foot_stand_where_they_are_shown(tmp_path: Path) -> None:
    found = read_table(
        tmp_path,
        "<table><tfoot><tr><td>sum<td>3</tr></tfoot><tr><td>x<td>3</tr><thead><tr><td>n<td>v</tr></thead></table>",
    )

    assert [(cell.text, cell.header) for cell in found.cells] == [
        *(("n", True), ("v", True), ("x", False), ("3", False), ("sum", False), ("3", False)),
    ]


@pytest.mark.parametrize(
    ("span", "meant"),
    [("0", 3), ("2", 2), ("99", 3), ("-1", 1), ("x", 1), ("", 1), ("99999999999", 1), ("²", 1)],
)
def test_a_span_reaches_no_further_than_the_table(tmp_path: Path, span: str, meant: int) -> None:
    found = read_table(tmp_path, f'<table><tr><th rowspan="{span}">a<th>b<tr><td>c<tr><td>d</table>')

    assert found.cells[0].row_span == meant


def test_columns_beyond_all_sense_are_not_counted_out(tmp_path: Path) -> None:
    found = read_html(tmp_path, "<table><tr>" + "<th colspan=1000000 rowspan=2>x" * 100 + "<tr><td>y</table>")

    assert "table-too-large" not in [warning.code for warning in found.warnings]
    assert found.tables[0].columns == 17 * 1000 + 83 + 1


def test_a_cell_keeps_its_lines_and_lists(tmp_path: Path) -> None:
    html = "<table><tr><th>a<th>b<tr><td><p>one</p><ul><li>two</ul><td>x<table><tr><th>in<th>side</table></table>"
    found = read_table(tmp_path, html)

    assert [cell.text for cell in found.cells] == ["a", "b", "one\n• two", "x\nin\nside"]


@pytest.mark.parametrize(
    ("html", "is_table"),
    [
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", True),
        ("<table><tr><td>a<td>b</table>", False),
        ("<table><tr><td>a<tr><td>b</table>", False),
        ("<table><tr><th>a<tr><td>b</table>", True),
        ("<table><caption>x</caption><tr><td>a</table>", True),
        ('<table role="grid"><tr><td>a</table>', True),
        ('<table role="presentation"><tr><th>a<td>b<tr><td>c<td>d</table>', False),
        ("<table><tr><td>a<td>b<tr><td>c<td><table><tr><td>d</table></table>", False),
        ("<table><thead></thead></table>", False),
    ],
)
def test_what_only_lays_out_a_page_is_no_table(tmp_path: Path, html: str, is_table: bool) -> None:
    assert bool(read_html(tmp_path, html).tables) == is_table


def test_a_caption_stands_before_its_table(tmp_path: Path) -> None:
    document = read_html(tmp_path, "<table><tr><td>a<td>b</tr><caption>Prices <b>now</b></caption></table>")

    assert shown(document) == ["caption Prices now", "table a\tb"]


def test_tables_that_are_not_wanted_are_paragraphs(tmp_path: Path) -> None:
    document = read_html(tmp_path, "<table><tr><th>a<th>b</table>", ExtractionOptions(tables=False))

    assert (shown(document), document.tables) == (["paragraph a\tb"], [])


def test_a_table_that_is_too_large_is_text_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_blocks, "MAX_GRID", 1)

    document = read_html(tmp_path, "<table><tr><th>a<th>b</table>")

    assert shown(document) == ["paragraph a\tb"]
    assert [(each.code, each.page) for each in document.warnings] == [("table-too-large", 1)]
