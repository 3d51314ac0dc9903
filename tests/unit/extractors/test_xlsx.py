import io
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from PIL import Image

from actors.extractors import sheet_grid, table_blocks
from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.xlsx import extraction as xlsx_extraction
from actors.extractors.xlsx import sheet as sheet_module
from actors.extractors.xlsx.cells import area_of, place_of
from actors.extractors.xlsx.shared_strings import unescaped
from tests.unit.extractors.html_files import shown
from tests.unit.extractors.xlsx_files import cells_of, number, read, read_sheet, root, row, sheet, text, write_xlsx


def written(tmp_path: Path) -> Document:
    """What XlsxWriter writes, with some of everything."""
    path = tmp_path / "sample.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.set_properties({"title": "Figures", "author": "Ann"})
        first = book.add_worksheet("Sales")
        money, day = book.add_format({"num_format": "#,##0.00"}), book.add_format({"num_format": "yyyy-mm-dd"})
        first.merge_range("B2:D2", "Sales of the year")
        first.write_row("B3", ["Item", "Price", "Day"])
        first.write_row("B4", ["Pen", 1234.5], money)
        first.write_datetime("D4", date(2024, 5, 1), day)
        first.write_formula("C5", "=SUM(C4:C4)*2", money, 2469)
        first.write_boolean("D5", True)
        first.write_comment("C5", "Why twice?")
        first.insert_image("F2", "x.png", {"image_data": png(30, 20)})
        first.insert_textbox("F9", "A box")
        chart = book.add_chart({"type": "pie"})
        chart.add_series({"categories": "=Sales!$B$4:$B$4", "values": "=Sales!$C$4:$C$4", "categories_data": ["Pen"]})
        chart.set_title({"name": "Shares"})
        first.insert_chart("F20", chart)
        second = book.add_worksheet("Lists")
        second.add_table("A1:B3", {"data": [["x", 1], ["y", 2]], "columns": [{"header": "1"}, {"header": "2"}]})
        second.hide()
        book.add_worksheet("Empty")
    return read(path)


def png(width: int, height: int) -> io.BytesIO:
    image = io.BytesIO()
    Image.new("RGB", (width, height)).save(image, "PNG")
    return image


def test_what_xlsxwriter_writes_is_read(tmp_path: Path) -> None:
    document = written(tmp_path)

    assert shown(document) == [
        "heading/1 Sales",
        "table Sales of the year\nItem\tPrice\tDay\nPen\t1,234.50\t2024-05-01\n\t2,469.00\tTRUE",
        *("figure", "figure Shares\nPen", "paragraph A box", "[paragraph Why twice?]"),
        *("heading/1 Lists", "table 1\t2\nx\t1\ny\t2", "heading/1 Empty"),
    ]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert [(warning.code, warning.page) for warning in document.warnings] == [("hidden-sheet", 2)]
    said = document.properties
    assert (said.title, said.author, said.page_count) == ("Figures", "Ann", 3)
    assert [(image.page, image.width, image.height) for image in document.images] == [(1, 30, 20)]


def test_merged_cells_span_and_tables_name_their_columns(tmp_path: Path) -> None:
    sales, lists = written(tmp_path).tables

    assert (sales.rows, sales.columns, sales.page, sales.method) == (4, 3, 1, "native")
    assert [(cell.row, cell.column, cell.column_span, cell.text) for cell in sales.cells][:4] == [
        *((0, 0, 3, "Sales of the year"), (1, 0, 1, "Item"), (1, 1, 1, "Price"), (1, 2, 1, "Day")),
    ]
    assert [(cell.text, cell.header) for cell in lists.cells][:3] == [("1", True), ("2", True), ("x", False)]


def test_cells_of_every_type_are_read(tmp_path: Path) -> None:
    strings = root("sst", "<si><t>shared</t></si><si><r><t>ri</t></r><r><t>ch</t></r><rPh><t>no</t></rPh></si>")
    cells = [
        '<c r="A1" t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>9</v></c><c t="s"><v>x</v></c>',
        '<c r="E1" t="str"><v>12</v></c><c t="e"><v>#N/A</v></c><c t="b"><v>0</v></c><c t="b"><v>?</v></c>',
        '<c r="I1" t="d"><v>2024-05-01</v></c><c><v>abc</v></c><c><v>1e999</v></c><c/>',
        '<c r="M1" t="inlineStr"><is><t>a_x000D_b</t></is></c><c r="!"><v>7</v></c>',
    ]

    document = read_sheet(tmp_path, sheet(row(1, *cells)), {"xl/sharedStrings.xml": strings})

    assert [(column, found) for _, column, found in cells_of(document)] == [
        *((0, "shared"), (1, "rich"), (4, "12"), (5, "#N/A"), (6, "FALSE"), (7, "?")),
        *((8, "2024-05-01"), (9, "abc"), (10, "1e999"), (12, "a\nb"), (13, "7")),
    ]


def test_a_formula_is_its_last_result_and_never_run(tmp_path: Path) -> None:
    cells = '<c r="A1"><f>1+1</f><v>3</v></c><c r="B1" t="str"><f>cmd|x</f><v>=cmd|x</v></c><c r="C1"><f>1</f></c>'

    assert cells_of(read_sheet(tmp_path, sheet(row(1, cells)))) == [(0, 0, "3"), (0, 1, "=cmd|x")]


def test_dates_may_be_counted_from_1904(tmp_path: Path) -> None:
    styles = root("styleSheet", '<cellXfs><xf numFmtId="14"/></cellXfs>')
    path = write_xlsx(
        tmp_path / "sample.xlsx",
        [sheet(row(1, number("A1", 0)))],
        {"xl/styles.xml": styles},
        workbook='<workbookPr date1904="1"/>',
    )

    assert cells_of(read(path)) == [(0, 0, "1904-01-01")]


def test_the_used_range_keeps_its_holes(tmp_path: Path) -> None:
    rows = row(3, text("C3", "a"), text("E3", "b")) + "<row>" + text("D4", "c") + "</row>" + row(6, text("C6", " "))

    document = read_sheet(tmp_path, sheet(rows))

    assert [(cell.row, cell.column, cell.text) for cell in document.tables[0].cells] == [
        *((0, 0, "a"), (0, 1, ""), (0, 2, "b"), (1, 0, ""), (1, 1, "c")),
    ]
    assert document.content == "S1\n\na\t\tb\n\tc"


@pytest.mark.parametrize(
    ("before", "after", "headers"),
    [
        ('<sheetViews><sheetView><pane ySplit="1" state="frozen"/></sheetView></sheetViews>', "", ["1", "2"]),
        ('<sheetViews><sheetView><pane ySplit="2" state="split"/></sheetView></sheetViews>', "", []),
        ('<sheetViews><sheetView><pane ySplit="x" state="frozen"/></sheetView></sheetViews>', "", []),
        ('<sheetViews><sheetView><pane ySplit="-3" state="frozen"/></sheetView></sheetViews>', "", []),
        ("", '<autoFilter ref="B1:B2"/>', ["2"]),
        ("", '<autoFilter ref="nonsense"/>', []),
    ],
)
def test_headings_are_what_the_sheet_says_they_are(tmp_path: Path, before: str, after: str, headers: list[str]) -> None:
    rows = row(1, number("A1", 1), number("B1", 2)) + row(2, number("A2", 3), number("B2", 4))

    (table,) = read_sheet(tmp_path, sheet(rows, before, after)).tables

    assert [cell.text for cell in table.cells if cell.header] == headers


@pytest.mark.parametrize(("value", "is_named"), [("name", True), ("", False)])
def test_a_first_row_that_looks_like_names_is_one(tmp_path: Path, value: str, is_named: bool) -> None:
    rows = row(1, text("A1", "item"), text("B1", value)) + row(2, number("A2", 3), number("B2", 4))

    (table,) = read_sheet(tmp_path, sheet(rows)).tables

    assert any(cell.header for cell in table.cells) == is_named


def test_a_table_without_a_heading_row_has_none(tmp_path: Path) -> None:
    table = root("table", "").replace("<table", '<table ref="A1:A2" headerRowCount="0"')
    rows = row(1, number("A1", 1)) + row(2, number("A2", 2))

    document = read_sheet(tmp_path, sheet(rows), {"xl/tables/t.xml": table}, {"t": ("table", "../tables/t.xml")})

    assert not any(cell.header for cell in document.tables[0].cells)


def test_merged_ranges_reach_no_further_than_what_is_used(tmp_path: Path) -> None:
    merged = '<mergeCells><mergeCell ref="A1:XFD1048576"/><mergeCell ref="Z9:Z9"/><mergeCell ref="?"/></mergeCells>'
    rows = row(1, text("A1", "all")) + row(2, text("B2", "covered"))

    (table,) = read_sheet(tmp_path, sheet(rows, after=merged)).tables

    assert [(cell.text, cell.row_span, cell.column_span) for cell in table.cells] == [("all", 2, 2)]


def test_ranges_merged_over_and_over_are_not_counted_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_grid, "MAX_GRID", 5)
    merged = '<mergeCell ref="A1:B2"/>' * 1000

    (table,) = read_sheet(tmp_path, sheet(row(1, text("A1", "a")) + row(2, text("B2", "b")), after=merged)).tables

    assert [(cell.text, cell.row_span) for cell in table.cells] == [("a", 2)]


def test_a_cell_far_away_makes_no_huge_table(tmp_path: Path) -> None:
    rows = row(1, text("A1", "near")) + row(1_048_576, text("XFD1048576", "far\naway"))

    document = read_sheet(tmp_path, sheet(rows))

    assert shown(document) == ["heading/1 S1", "paragraph near\nfar away"]
    assert (document.tables, [warning.code for warning in document.warnings]) == ([], ["table-too-large"])


def test_cells_beyond_all_sheets_do_not_exist(tmp_path: Path) -> None:
    rows = row(1, text("XFE1", "x"), text("AAAA1", "y")) + row(9_999_999, text("A1", "z")) + row(-5, text("A1", "z"))

    assert read_sheet(tmp_path, sheet(rows)).content in {"S1", "S1\n\ny"}


def test_of_very_many_cells_only_the_first_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_module, "MAX_CELLS", 2)
    rows = "".join(row(n, number(f"A{n}", n)) for n in range(1, 10))

    document = read(write_xlsx(tmp_path / "sample.xlsx", [sheet(rows), sheet(rows)]))

    assert [(warning.code, warning.page) for warning in document.warnings] == [("rows-omitted", 1), ("rows-omitted", 2)]
    assert [table.rows for table in document.tables] == [3, 1]


def test_a_long_sheet_shows_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from actors.extractors.extractor import ParseLimits
    from tests.unit.extractors.no_ocr import NoOcr

    monkeypatch.setattr(xlsx_extraction, "_ROWS_PER_SIGN_OF_LIFE", 2)
    rows = "".join(row(n, number(f"A{n}", n)) for n in range(1, 4))
    ocr = NoOcr()

    xlsx_extraction.extract(
        write_xlsx(tmp_path / "sample.xlsx", [sheet(rows)]), ExtractionOptions(), ParseLimits(), ocr
    )

    assert ocr.reports == [(0, 1), (0, 1), (1, 1)]


def test_hidden_rows_are_read_and_said(tmp_path: Path) -> None:
    document = read_sheet(
        tmp_path, sheet(row(1, text("A1", "seen")) + row(2, text("A2", "not"), attributes='hidden="1"'))
    )

    assert "not" in document.content
    assert [warning.code for warning in document.warnings] == ["hidden-rows"]


def test_a_sheet_that_is_a_chart_has_its_words(tmp_path: Path) -> None:
    drawing = (
        '<x xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><a:p><a:r><a:t>Axis</a:t></a:r></a:p></x>'
    )
    path = write_xlsx(
        tmp_path / "sample.xlsx",
        [root("chartsheet", "")],
        {"xl/drawings/d.xml": drawing},
        {"d": ("drawing", "../drawings/d.xml"), "gone": ("comments", "gone.xml")},
        kind="chartsheet",
    )

    assert shown(read(path)) == ["heading/1 S1", "paragraph Axis"]


def test_an_empty_comment_is_none(tmp_path: Path) -> None:
    comments = root("comments", "<commentList><comment/><comment><text><t>Hm</t></text></comment></commentList>")

    document = read_sheet(tmp_path, sheet(""), {"xl/c.xml": comments}, {"c": ("comments", "../c.xml")})

    assert shown(document) == ["heading/1 S1", "[paragraph Hm]"]


def test_only_the_sheets_that_are_asked_for_are_read(tmp_path: Path) -> None:
    sheets = [sheet(row(1, text("A1", f"text {n}"))) for n in range(1, 4)]

    document = read(write_xlsx(tmp_path / "sample.xlsx", sheets), ExtractionOptions(pages="2"))

    assert (document.content, document.properties.page_count) == ("S2\n\ntext 2", 3)


def test_tables_that_are_not_wanted_are_paragraphs(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "sample.xlsx", [sheet(row(1, text("A1", "a"), text("B1", "b")))])

    document = read(path, ExtractionOptions(tables=False))

    assert (document.tables, shown(document)) == ([], ["heading/1 S1", "paragraph a\tb"])
    assert table_blocks.MAX_GRID > 1


def test_strict_workbooks_are_read(tmp_path: Path) -> None:
    xml = sheet(row(1, text("A1", "strict")), strict=True)

    assert cells_of(read(write_xlsx(tmp_path / "sample.xlsx", [xml], strict=True))) == [(0, 0, "strict")]


@pytest.mark.parametrize(
    ("reference", "place"),
    [("A1", (0, 0)), ("$C$10", (9, 2)), ("XFD1048576", (1048575, 16383)), ("a1", None), ("A0", None), ("", None)],
)
def test_references_name_places(reference: str, place: tuple[int, int] | None) -> None:
    assert place_of(reference) == place


def test_areas_may_be_named_from_any_corner() -> None:
    assert area_of("C3:A1") == area_of("A1:C3") == (0, 0, 2, 2)
    assert (area_of("B2"), area_of("B2:")) == ((1, 1, 1, 1), (1, 1, 1, 1))
    assert area_of(":B2") is None


def test_what_xml_cannot_hold_is_written_in_another_way() -> None:
    assert unescaped("a_x000D__x000A_b_x005F_c_x00zz_") == "a\nb_c_x00zz_"
