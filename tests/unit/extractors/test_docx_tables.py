"""Tables as grids, with what Word merged."""

from pathlib import Path

import docx
import pytest

from actors.extractors import table_blocks
from actors.extractors.document import Document, ExtractionOptions, Table
from tests.unit.extractors.docx_files import blocks_of, p, read, read_body, root, write_docx


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(text)}</w:tc>"


def row(*cells: str, properties: str = "") -> str:
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"


def table(*rows: str, properties: str = "") -> str:
    return f"<w:tbl><w:tblPr>{properties}</w:tblPr>{''.join(rows)}</w:tbl>"


def read_table(tmp_path: Path, body: str, **parts: str) -> Table:
    (found,) = read_body(tmp_path, body, **parts).tables
    return found


def places(found: Table) -> list[tuple[int, int, int, int, str]]:
    return [(each.row, each.column, each.row_span, each.column_span, each.text) for each in found.cells]


SPAN_2 = '<w:gridSpan w:val="2"/>'
MERGE = '<w:vMerge w:val="restart"/>'
GO_ON = "<w:vMerge/>"


def test_what_python_docx_merges_is_merged(tmp_path: Path) -> None:
    written = docx.Document()
    grid = written.add_table(3, 3)
    for index, each in enumerate(grid._cells):
        each.text = str(index)
    grid.cell(0, 0).merge(grid.cell(0, 1)).text = "wide"
    grid.cell(1, 2).merge(grid.cell(2, 2)).text = "tall"
    written.save(str(tmp_path / "sample.docx"))

    document = read(tmp_path / "sample.docx")

    (found,) = document.tables
    assert (found.rows, found.columns, found.method) == (3, 3, "native")
    assert places(found) == [
        (0, 0, 1, 2, "wide"),
        (0, 2, 1, 1, "2"),
        (1, 0, 1, 1, "3"),
        (1, 1, 1, 1, "4"),
        (1, 2, 2, 1, "tall"),
        (2, 0, 1, 1, "6"),
        (2, 1, 1, 1, "7"),
    ]
    assert blocks_of(document) == [("table", "wide\t2\n3\t4\ttall\n6\t7")]


def test_rows_may_begin_late(tmp_path: Path) -> None:
    found = read_table(tmp_path, table(row(cell("x"), properties='<w:gridBefore w:val="2"/>'), row(cell("y"))))

    assert places(found) == [(0, 2, 1, 1, "x"), (1, 0, 1, 1, "y")]


def test_a_merge_with_nothing_above_is_a_cell(tmp_path: Path) -> None:
    found = read_table(tmp_path, table(row(cell("x", GO_ON)), row(cell("y", GO_ON)), row(cell("z"), cell("w", MERGE))))

    assert places(found) == [(0, 0, 2, 1, "x"), (2, 0, 1, 1, "z"), (2, 1, 1, 1, "w")]


def test_merges_of_old_documents_go_sideways(tmp_path: Path) -> None:
    restart, go_on = ('<w:hMerge w:val="restart"/>', '<w:hMerge w:val="continue"/>')
    found = read_table(tmp_path, table(row(cell("x", go_on), cell("y", restart), cell("z", go_on), cell("w"))))

    assert places(found) == [(0, 0, 1, 1, "x"), (0, 1, 1, 2, "y"), (0, 3, 1, 1, "w")]


def test_a_span_beyond_what_word_allows_is_cut(tmp_path: Path) -> None:
    found = read_table(tmp_path, table(row(cell("x", '<w:gridSpan w:val="2000000000"/>'), cell("y", SPAN_2))))

    assert found.columns == 65


def test_rows_that_repeat_on_every_page_are_headers(tmp_path: Path) -> None:
    header = "<w:tblHeader/>"
    rows = (row(cell("a"), properties=header), row(cell("b"), properties=header), row(cell("c")))
    found = read_table(tmp_path, table(*rows, row(cell("d"), properties=header)))

    assert [each.header for each in found.cells] == [True, True, False, False]


STYLES = root(
    "w:styles",
    '<w:style w:type="table" w:styleId="Grid"><w:name w:val="grid"/><w:tblStylePr w:type="firstRow"/></w:style>'
    '<w:style w:type="table" w:styleId="Mine"><w:name w:val="mine"/><w:basedOn w:val="Grid"/></w:style>'
    '<w:style w:type="table" w:styleId="Plain"><w:name w:val="plain"/></w:style>',
)


@pytest.mark.parametrize(
    ("look", "name", "header"),
    [
        ('w:firstRow="1"', "Mine", True),
        ('w:firstRow="0"', "Mine", False),
        ('w:val="04A0"', "Grid", True),
        ('w:val="0480"', "Grid", False),
        ('w:val="what"', "Grid", False),
        ('w:firstRow="1"', "Plain", False),
    ],
)
def test_a_first_row_that_the_style_sets_apart_is_a_header(tmp_path: Path, look: str, name: str, header: bool) -> None:
    properties = f'<w:tblStyle w:val="{name}"/><w:tblLook {look}/>'
    found = read_table(tmp_path, table(row(cell("a")), row(cell("b")), properties=properties), styles=STYLES)

    assert [each.header for each in found.cells] == [header, False]


def test_deleted_rows_are_gone_and_inserted_ones_are_there(tmp_path: Path) -> None:
    body = table(
        row(cell("a")),
        row(cell("old"), properties="<w:del/>"),
        f"<w:sdt><w:sdtContent>{row(cell('b'), properties='<w:ins/>')}</w:sdtContent></w:sdt>",
        f'<mc:AlternateContent><mc:Choice Requires="unknown"/></mc:AlternateContent><w:ins>{row(cell("c"))}</w:ins>',
        f"<mc:AlternateContent><mc:Fallback>{row(cell('d'))}</mc:Fallback></mc:AlternateContent>",
    )

    assert [each.text for each in read_table(tmp_path, body).cells] == ["a", "b", "c", "d"]


def test_a_table_within_a_cell_is_the_cells_text(tmp_path: Path) -> None:
    inner = table(row(cell("1"), cell("2")), row(cell("3"), cell("4")))
    document = read_body(tmp_path, table(row(f"<w:tc>{p('above')}{inner}{p('below')}</w:tc>", cell("x"))))

    assert [each.text for each in document.tables[0].cells] == ["above\n1\t2\n3\t4\nbelow", "x"]
    assert blocks_of(document) == [("table", "above 1\t2 3\t4 below\tx")]


def test_pictures_in_cells_follow_the_table(tmp_path: Path) -> None:
    drawing = "<w:p><w:r><w:drawing><a:blip/></w:drawing></w:r></w:p>"

    assert blocks_of(read_body(tmp_path, table(row(f"<w:tc>{drawing}{p('x')}</w:tc>")))) == [
        ("table", "x"),
        ("figure", ""),
    ]


def test_a_paragraph_cut_off_in_a_cell_ends_there(tmp_path: Path) -> None:
    cut = f"<w:tc>{p('cut', '<w:rPr><w:del/></w:rPr>')}</w:tc>"

    assert [each.text for each in read_table(tmp_path, table(row(cut, cell("x")))).cells] == ["cut", "x"]


def test_an_empty_table_is_nothing(tmp_path: Path) -> None:
    assert read_body(tmp_path, table()).blocks == []


def test_a_table_of_empty_cells_is_a_table(tmp_path: Path) -> None:
    document = read_body(tmp_path, table(row(cell(""), cell(""))))

    assert blocks_of(document) == [("table", "")]
    assert len(document.tables[0].cells) == 2


def as_text(document: Document) -> list[tuple[str, str]]:
    assert document.tables == []
    return blocks_of(document)


def test_without_tables_their_text_stays(tmp_path: Path) -> None:
    path = write_docx(tmp_path / "sample.docx", table(row(cell("a"), cell("b"))))

    assert as_text(read(path, ExtractionOptions(tables=False))) == [("paragraph", "a\tb")]


def test_a_grid_too_large_is_text_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_blocks, "MAX_GRID", 3)
    document = read_body(tmp_path, table(row(cell("a"), cell("b")), row(cell("c"), cell("d"))))

    assert as_text(document) == [("paragraph", "a\tb\nc\td")]
    assert [warning.code for warning in document.warnings] == ["table-too-large"]
