import io
from pathlib import Path

import pytest
from PIL import Image

from actors.extractors.document import ExtractionOptions
from actors.extractors.opendocument import story
from actors.extractors.opendocument.lengths import points
from tests.unit.extractors.html_files import shown
from tests.unit.extractors.opendocument_files import cell, p, read, read_odf, root, row, style, table, write_odf


def png(width: int, height: int) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height)).save(written, "PNG")
    return written.getvalue()


def test_headings_titles_code_and_captions_are_told_by_their_styles(tmp_path: Path) -> None:
    styles = style("P1", attributes='style:parent-style-name="Title"') + style(
        "P2", attributes='style:parent-style-name="Preformatted_20_Text"'
    )
    body = (
        '<text:h text:outline-level="2">Two</text:h><text:h>One</text:h><text:h text:outline-level="99">Deep</text:h>'
        + p("Name", "P1")
        + p("  x <text:s text:c='3'/>= 1", "P2")
        + p("Fig. 1", "Illustration")
        + p("plain")
        + p("")
    )

    assert shown(read_odf(tmp_path, body, styles=styles)) == [
        *("heading/2 Two", "heading/1 One", "heading/9 Deep", "title Name"),
        *("code x    = 1", "caption Fig. 1", "paragraph plain"),
    ]


def test_the_text_of_a_paragraph_is_what_is_shown(tmp_path: Path) -> None:
    hidden = style("T1", '<style:text-properties text:display="none"/>', "text") + style("T2", "", "text")
    body = p(
        "a  b\n<text:tab/>c<text:line-break/>d<text:s/><text:span text:style-name='T1'>no</text:span>"
        "<text:span text:style-name='T2'>e</text:span><text:a>f</text:a><text:bookmark/>"
        "<text:hidden-text>no</text:hidden-text>"
        "<text:ruby><text:ruby-base>漢</text:ruby-base><text:ruby-text>kan</text:ruby-text></text:ruby>"
        "<text:ruby><text:ruby-text/></text:ruby>"
    )

    document = read_odf(tmp_path, body, styles=hidden)

    assert document.content == "a b \tc\nd ef漢(kan)"
    assert [warning.code for warning in document.warnings] == ["hidden-text"]


def test_hidden_sections_are_left_out_and_deletions_never_read(tmp_path: Path) -> None:
    body = (
        f"<text:tracked-changes><text:changed-region>{p('deleted')}</text:changed-region></text:tracked-changes>"
        f"<text:section>{p('shown')}</text:section><text:section text:display='none'>{p('not')}</text:section>"
        f"<text:table-of-content><text:index-body><text:index-title>{p('Contents')}</text:index-title></text:index-body>"
        "</text:table-of-content><office:forms/>"
    )

    document = read_odf(tmp_path, body)

    assert document.content == "shown\n\nContents"
    assert [warning.code for warning in document.warnings] == ["hidden-text"]


LISTS = (
    '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1" '
    'style:num-suffix="."/><text:list-level-style-number text:level="2" style:num-format="a" style:num-prefix="(" '
    'style:num-suffix=")" text:start-value="2"/><text:list-level-style-number text:level="3" style:num-format="1" '
    'text:display-levels="3"/><text:list-level-style-number text:level="4"/></text:list-style>'
    '<text:list-style style:name="B"><text:list-level-style-bullet text:level="1" text:bullet-char="&#xF0B7;"/>'
    '<text:list-level-style-image text:level="2"/><text:list-level-style-bullet text:level="3" text:bullet-char="-"/>'
    "<style:x/></text:list-style>"
)


def items(*each: str) -> str:
    return "".join(f"<text:list-item>{one}</text:list-item>" for one in each)


def named(name: str, inside: str, attributes: str = "") -> str:
    return f'<text:list text:style-name="{name}" {attributes}>{inside}</text:list>'


def test_lists_are_numbered_as_their_styles_say(tmp_path: Path) -> None:
    deepest = f"<text:list>{items(p('e'))}</text:list>"
    deeper = f"<text:list>{items(p('c') + f'<text:list>{items(p(chr(100)) + deepest)}</text:list>')}</text:list>"
    body = (
        named(
            "L",
            items(p("a"), p("b") + p("more") + deeper + "<text:soft-page-break/>")
            + "<text:list-header>"
            + p("head")
            + "</text:list-header>",
        )
        + named("L", items(p("f")), 'text:continue-numbering="true"')
        + named("L", '<text:list-item text:start-value="9">' + p("g") + "</text:list-item>" + items(p("h")))
        + named("B", items(p("i") + f"<text:list>{items(p('j'))}</text:list>"))
        + named("B", "<text:soft-page-break/>" + items(f"<text:list>{items(p('k'))}</text:list>", ""))
    )

    assert shown(read_odf(tmp_path, body, styles=LISTS)) == [
        *("list_item/1 1. a", "list_item/1 2. b", "paragraph more", "list_item/2 (b) c", "list_item/3 2.b.1 d"),
        *("list_item/4 e", "paragraph head", "list_item/1 3. f", "list_item/1 9. g"),
        *("list_item/1 10. h", "list_item/1 • i", "list_item/2 • j", "list_item/2 • k"),
    ]


def test_a_list_may_take_its_style_from_its_paragraphs(tmp_path: Path) -> None:
    styles = LISTS + style("P1", attributes='style:list-style-name="L"') + style("P2")

    body = f"<text:list>{items(p('a', 'P1'))}</text:list><text:list>{items(p('b', 'P2'))}</text:list>"

    assert shown(read_odf(tmp_path, body, styles=styles)) == ["list_item/1 1. a", "list_item/1 • b"]


def test_a_heading_in_a_list_stays_one(tmp_path: Path) -> None:
    body = f"<text:list>{items('<text:h>Chapter</text:h>')}</text:list>"

    assert shown(read_odf(tmp_path, body)) == ["heading/1 Chapter"]


def test_notes_and_comments_stand_behind_the_text(tmp_path: Path) -> None:
    note = (
        "<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        f"{p('The note')}{table(row(cell('in')))}</text:note-body></text:note><text:note/>"
    )
    comment = f"<office:annotation><dc:creator>Ann</dc:creator>{p('Why?')}</office:annotation><office:annotation-end/>"

    document = read_odf(tmp_path, p(f"Text{note}{comment}") + p("more"))

    assert shown(document) == [
        *("paragraph Text", "paragraph more", "footnote The note", "table in", "[paragraph Why?]"),
    ]


def test_headers_and_footers_are_furniture_each_once(tmp_path: Path) -> None:
    frame = '<draw:frame><draw:image xlink:href="none"/></draw:frame>'
    masters = (
        '<style:master-page style:name="Standard" style:page-layout-name="L">'
        f"<style:header>{p('Head')}{table(row(cell('a'), cell('b')))}{p(frame)}</style:header>"
        f"<style:footer>{p('Foot')}</style:footer><style:footer-left>{p('Foot')}</style:footer-left>"
        f"<style:footer-first style:display='false'>{p('never')}</style:footer-first></style:master-page>"
    )

    document = read_odf(tmp_path, p("Text"), common=f"<office:master-styles>{masters}</office:master-styles>")

    assert shown(document) == ["[header Head]", "[header a\tb]", "[figure]", "paragraph Text", "[footer Foot]"]
    assert document.tables == []


def test_tables_have_headers_spans_and_all_their_cells(tmp_path: Path) -> None:
    wide = cell("wide", 'table:number-columns-spanned="2"') + "<table:covered-table-cell/>"
    body = table(
        f"<table:table-header-rows>{row(wide, cell('c'))}</table:table-header-rows>",
        f"<table:table-rows>{row(cell('1'), cell(), cell())}</table:table-rows>",
        "<table:table-column/>",
    )

    (found,) = read_odf(tmp_path, body).tables

    assert (found.rows, found.columns) == (2, 3)
    assert [(each.row, each.column, each.column_span, each.text, each.header) for each in found.cells] == [
        *((0, 0, 2, "wide", True), (0, 2, 1, "c", True)),
        *((1, 0, 1, "1", False), (1, 1, 1, "", False), (1, 2, 1, "", False)),
    ]


def test_a_table_without_cells_is_none_and_pictures_stand_beside_theirs(tmp_path: Path) -> None:
    frame = '<draw:frame><draw:image xlink:href="Pictures/a.png"/></draw:frame>'
    path = write_odf(
        tmp_path / "sample.odt", table() + table(row(cell(f"x{frame}"))), parts={"Pictures/a.png": png(2, 3)}
    )

    assert shown(read(path)) == ["table x", "figure"]


def test_frames_hold_text_tables_or_pictures(tmp_path: Path) -> None:
    body = (
        f"<text:p>Text<draw:frame><draw:text-box>{p('boxed')}</draw:text-box></draw:frame></text:p>"
        f"<draw:frame><draw:object/>{table(row(cell('a')))}<draw:image xlink:href='x'/></draw:frame>"
        f"<draw:a><draw:frame svg:width='1in' svg:height='2in'><draw:image xlink:href='./Pictures/a.svg'/>"
        f"<draw:image xlink:href='Pictures/b.png'/></draw:frame></draw:a><draw:frame/>"
        f"<draw:g><draw:rect>{p('in a shape')}</draw:rect></draw:g>"
    )
    path = write_odf(tmp_path / "sample.odt", body, parts={"Pictures/a.svg": "<svg/>"})

    document = read(path)

    assert shown(document) == ["paragraph Text", "paragraph boxed", "table a", "figure", "paragraph in a shape"]
    assert [(image.width, image.height, image.media_type) for image in document.images] == [(96, 192, "image/svg+xml")]
    assert all(block.bbox is None for block in document.blocks)


def test_of_very_many_pictures_only_some_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "MAX_IMAGES", 1)
    frame = '<draw:frame><draw:image xlink:href="a.png"/></draw:frame>'

    assert len(read(write_odf(tmp_path / "sample.odt", frame * 3, parts={"a.png": png(1, 1)})).images) == 1


def page_layout(width: str, height: str) -> str:
    return (
        '<office:automatic-styles><style:page-layout style:name="other"/><style:page-layout style:name="L">'
        f'<style:page-layout-properties fo:page-width="{width}" fo:page-height="{height}"/></style:page-layout>'
        '</office:automatic-styles><office:master-styles><style:master-page style:page-layout-name="L"/>'
        "</office:master-styles>"
    )


@pytest.mark.parametrize(
    ("common", "size"),
    [
        (page_layout("21cm", "297mm"), (595.28, 841.89)),
        (page_layout("8.5in", "66pc"), (612, 792)),
        (page_layout("0cm", "1cm"), (595.28, 841.89)),
        ("", (595.28, 841.89)),
    ],
)
def test_the_page_has_the_size_of_its_layout(tmp_path: Path, common: str, size: tuple[float, float]) -> None:
    (page,) = read_odf(tmp_path, p("x"), common=common).pages

    assert (page.width, page.height) == size


@pytest.mark.parametrize(("written", "meant"), [("1in", 72), ("96px", 72), ("-2pt", -2), ("1", None), (None, None)])
def test_lengths_have_units(written: str | None, meant: float | None) -> None:
    assert points(written) == meant


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    meta = root(
        "document-meta",
        "<office:meta><dc:title>T</dc:title><meta:initial-creator>Ann</meta:initial-creator><dc:creator>Bob</dc:creator>"
        "<meta:creation-date>2024-05-01T10:00:00.123456789</meta:creation-date><dc:date>2024-05-02</dc:date></office:meta>",
    )
    common = (
        '<style:default-style><style:text-properties fo:language="zxx"/></style:default-style>'
        '<style:default-style><style:text-properties fo:language="de" fo:country="AT"/></style:default-style>'
    )
    path = write_odf(tmp_path / "sample.odt", p("x"), common=common, parts={"meta.xml": meta})

    said = read(path).properties

    assert (said.title, said.author, said.language, said.page_count) == ("T", "Ann", "de-AT", 1)
    assert (said.created, said.modified) == ("2024-05-01T10:00:00Z", "2024-05-02T00:00:00Z")


def test_a_language_needs_no_country(tmp_path: Path) -> None:
    common = '<style:default-style><style:text-properties fo:language="eo" fo:country="none"/></style:default-style>'

    assert read_odf(tmp_path, p("x"), common=common).properties.language == "eo"


def test_styles_that_go_round_in_a_circle_end(tmp_path: Path) -> None:
    styles = style("A", attributes='style:parent-style-name="B"') + style("B", attributes='style:parent-style-name="A"')

    assert shown(read_odf(tmp_path, p("x", "A"), styles=styles)) == ["paragraph x"]


def test_other_pages_than_the_first_do_not_exist_and_tables_may_be_left_out(tmp_path: Path) -> None:
    path = write_odf(tmp_path / "sample.odt", table(row(cell("a"), cell("b"))))

    assert read(path, ExtractionOptions(pages="2")).pages == []
    assert shown(read(path, ExtractionOptions(tables=False))) == ["paragraph a\tb"]
