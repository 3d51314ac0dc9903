"""Spreadsheets, presentations and drawings: a page for each sheet or slide."""

from pathlib import Path

import pytest

from actors.extractors.document import ExtractionFailed, ExtractionOptions
from actors.extractors.extractor import ParseLimits
from actors.extractors.opendocument import tables
from actors.extractors.opendocument.extraction import extract
from tests.unit.extractors.html_files import shown
from tests.unit.extractors.no_ocr import NoOcr
from tests.unit.extractors.opendocument_files import cell, p, read, read_odf, row, style, table, write_odf


def test_a_sheet_is_what_is_used_of_it_as_it_is_shown(tmp_path: Path) -> None:
    sheet = table(
        row(cell(attributes='table:number-columns-repeated="16384"'), attributes='table:number-rows-repeated="2"'),
        row(cell(), cell("Item"), cell("Price", 'office:value="2.5"'), "<table:unknown/>"),
        row(
            cell(),
            cell("Pen"),
            cell("2,50 €", 'office:value="2.5"'),
            cell(attributes='table:number-columns-repeated="9"'),
        ),
        row(cell(), attributes='table:number-rows-repeated="1048000"'),
        attributes='table:name="Prices"',
    )

    document = read_odf(tmp_path, sheet + table(), "spreadsheet")

    assert shown(document) == ["heading/1 Prices", "table Item\tPrice\nPen\t2,50 €", "heading/1 T"]
    (found,) = document.tables
    assert [(each.row, each.column, each.header) for each in found.cells][:2] == [(0, 0, True), (0, 1, True)]
    assert [(page.number, page.width, page.source) for page in document.pages] == [(1, 0, "text"), (2, 0, "text")]


@pytest.mark.parametrize(
    ("attributes", "shown_as"),
    [
        ('office:value="2.5"', "2.5"),
        ('office:date-value="2024-05-01"', "2024-05-01"),
        ('office:boolean-value="true" office:value="1"', "true"),
        ('office:string-value="text"', "text"),
    ],
)
def test_a_value_without_text_is_shown_as_it_is(tmp_path: Path, attributes: str, shown_as: str) -> None:
    document = read_odf(tmp_path, table(row(cell(attributes=attributes))), "spreadsheet")

    assert document.tables[0].cells[0].text == shown_as


def test_repeated_cells_and_rows_that_hold_something_are_all_there(tmp_path: Path) -> None:
    sheet = table(row(cell("x", 'table:number-columns-repeated="3"'), attributes='table:number-rows-repeated="2"'))

    (found,) = read_odf(tmp_path, sheet, "spreadsheet").tables

    assert [(each.row, each.column) for each in found.cells] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


def test_repeating_without_end_is_cut_off_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_CELLS", 10)
    bomb = row(cell("x", 'table:number-columns-repeated="4"'), attributes='table:number-rows-repeated="9999999"')

    document = read_odf(tmp_path, table(bomb * 5), "spreadsheet")

    assert [warning.code for warning in document.warnings] == ["rows-omitted"]
    assert document.tables[0].rows == 3


def test_rows_below_the_last_do_not_exist(tmp_path: Path) -> None:
    sheet = table(row(attributes='table:number-rows-repeated="1048576"'), row(cell("below")))

    document = read_odf(tmp_path, sheet, "spreadsheet")

    assert [warning.code for warning in document.warnings] == ["rows-omitted"]
    assert document.tables == []


def test_what_is_hidden_is_read_and_said(tmp_path: Path) -> None:
    styles = style("ta1", '<style:table-properties table:display="false"/>', "table")
    sheet = table(row(cell("x"), attributes='table:visibility="filter"'), attributes='table:style-name="ta1"')

    document = read_odf(tmp_path, sheet, "spreadsheet", styles=styles)

    assert "x" in document.content
    assert sorted(warning.code for warning in document.warnings) == ["hidden-rows", "hidden-sheet"]


def test_shapes_and_comments_stand_behind_the_cells(tmp_path: Path) -> None:
    box = f"<draw:frame><draw:text-box>{p('boxed')}</draw:text-box></draw:frame>"
    comment = f"<office:annotation>{p('Why?')}</office:annotation>"
    inner = f"<table:table-cell>{p('a<draw:frame/>')}{box}{comment}</table:table-cell>"
    sheet = table(f"<table:shapes>{box}</table:shapes>", row(inner))

    assert shown(read_odf(tmp_path, sheet, "spreadsheet")) == [
        *("heading/1 T", "table a", "paragraph boxed", "paragraph boxed", "[paragraph Why?]"),
    ]


def frame(text: str, kind: str = "", place: str = "") -> str:
    named = f'presentation:class="{kind}"' if kind else ""
    return f"<draw:frame {named} {place}><draw:text-box>{p(text)}</draw:text-box></draw:frame>"


def slide(inside: str) -> str:
    return f'<draw:page draw:name="p" draw:master-page-name="M">{inside}</draw:page>'


MASTER = (
    '<office:automatic-styles><style:page-layout style:name="L"><style:page-layout-properties fo:page-width="28cm" '
    'fo:page-height="21cm"/></style:page-layout></office:automatic-styles><office:master-styles>'
    '<style:master-page style:name="other"/><style:master-page style:name="M" style:page-layout-name="L"/>'
    "</office:master-styles>"
)
PLACE = 'svg:x="1in" svg:y="2in" svg:width="3in" svg:height="1in"'


def test_a_slide_is_a_page_with_places(tmp_path: Path) -> None:
    lists = f"<text:list><text:list-item>{p('point')}</text:list-item></text:list>"
    outline = f"<draw:frame presentation:class='outline'><draw:text-box>{lists}</draw:text-box></draw:frame>"
    notes = f"<draw:page-thumbnail/>{frame('Say it', 'notes')}{frame('3', 'page-number')}"
    shapes = (
        frame("7", "page-number")
        + outline
        + frame("Head", "title", PLACE)
        + f"<draw:frame {PLACE}>{table(row(cell('a'), cell('b')))}</draw:frame>"
        + f"<presentation:notes>{notes}</presentation:notes>"
        + f"<office:annotation>{p('Hm')}</office:annotation>"
    )

    document = read_odf(tmp_path, slide(shapes) + slide(""), "presentation", common=MASTER)

    assert shown(document) == [
        *("heading/1 Head", "[footer 7]", "list_item/1 • point", "table a\tb", "footnote Say it", "[paragraph Hm]"),
    ]
    assert [(page.width, page.height, page.source) for page in document.pages] == [
        *((793.7, 595.28, "text"), (793.7, 595.28, "none")),
    ]
    assert [block.bbox for block in document.blocks[:2]] == [(72, 144, 288, 216), None]
    assert [found.bbox for found in document.tables] == [(72, 144, 288, 216)]


def test_a_drawing_is_read_as_slides_are(tmp_path: Path) -> None:
    assert read_odf(tmp_path, slide(f"<draw:rect>{p('shape')}</draw:rect>"), "drawing").content == "shape"


def test_only_the_pages_that_are_asked_for_are_read(tmp_path: Path) -> None:
    path = write_odf(tmp_path / "sample.odp", "".join(slide(frame(f"s{n}")) for n in range(1, 4)), "presentation")
    ocr = NoOcr()

    document = extract(path, ExtractionOptions(pages="2-"), ParseLimits(), ocr)

    assert (document.content, document.properties.page_count) == ("s2\n\ns3", 3)
    assert ocr.reports == [(1, 2), (2, 2)]


def test_more_pages_than_are_read_are_refused(tmp_path: Path) -> None:
    path = write_odf(tmp_path / "sample.odp", slide("") * 3, "presentation")

    with pytest.raises(ExtractionFailed) as failure:
        extract(path, ExtractionOptions(), ParseLimits(max_pages=2), NoOcr())

    assert failure.value.code == "too-many-pages"


def test_tables_that_are_not_wanted_are_paragraphs(tmp_path: Path) -> None:
    path = write_odf(tmp_path / "sample.ods", table(row(cell("a"), cell("b"))), "spreadsheet")

    assert shown(read(path, ExtractionOptions(tables=False))) == ["heading/1 T", "paragraph a\tb"]
