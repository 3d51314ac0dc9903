# ruff: noqa: RUF001 - a dash is the bullet of the second level
import io
from pathlib import Path

import pptx
import pytest
from PIL import Image
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches, Pt

from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions
from actors.extractors.extractor import ParseLimits
from actors.extractors.office import drawn_blocks
from actors.extractors.pptx.extraction import extract
from tests.unit.extractors.docx_files import relationships
from tests.unit.extractors.html_files import shown
from tests.unit.extractors.no_ocr import NoOcr
from tests.unit.extractors.pptx_files import para, read, read_slide, root, slide, sp, tree, write_pptx, xfrm


def png(width: int, height: int) -> io.BytesIO:
    written = io.BytesIO()
    Image.new("RGB", (width, height)).save(written, "PNG")
    return written


def presented(tmp_path: Path) -> Document:
    """What python-pptx writes, with some of everything."""
    deck = pptx.Presentation()
    deck.core_properties.title, deck.core_properties.author = "A deck", "Ann"
    first = deck.slides.add_slide(deck.slide_layouts[0])
    first.shapes.title.text, first.placeholders[1].text = "Opening", "A subtitle"
    second = deck.slides.add_slide(deck.slide_layouts[1])
    second.shapes.title.text = "Points"
    frame = second.placeholders[1].text_frame
    frame.text = "One"
    added = frame.add_paragraph()
    added.text, added.level = "Deeper", 1
    second.notes_slide.notes_text_frame.text = "Say this"
    third = deck.slides.add_slide(deck.slide_layouts[6])
    grid = third.shapes.add_table(2, 3, Inches(1), Inches(1), Inches(6), Inches(1)).table
    for index, cell in enumerate(grid.iter_cells()):
        cell.text = str(index)
    grid.cell(0, 0).merge(grid.cell(0, 1))
    third.shapes.add_picture(png(30, 20), Inches(2), Inches(3), Inches(1), Inches(2))
    data = CategoryChartData()
    data.categories = ["North", "South"]
    data.add_series("Sales", (1, 2))
    third.shapes.add_chart(XL_CHART_TYPE.PIE, Inches(4), Inches(3), Inches(3), Inches(3), data)
    third.shapes.add_textbox(0, 0, Pt(100), Pt(50)).text_frame.text = "A box"
    deck.save(str(tmp_path / "sample.pptx"))
    return read(tmp_path / "sample.pptx")


def test_what_python_pptx_writes_is_read(tmp_path: Path) -> None:
    document = presented(tmp_path)

    assert shown(document) == [
        *("title Opening", "paragraph A subtitle"),
        *("heading/1 Points", "list_item/1 • One", "list_item/2 – Deeper", "footnote Say this"),
        *("table 0 1\t2\n3\t4\t5", "figure", "figure Sales\nNorth\nSouth", "paragraph A box"),
    ]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert {(page.width, page.height, page.unit, page.source) for page in document.pages} == {(720, 540, "pt", "text")}
    said = document.properties
    assert (said.title, said.author, said.page_count) == ("A deck", "Ann", 3)


def test_shapes_have_places_and_tables_spans(tmp_path: Path) -> None:
    document = presented(tmp_path)

    (table,) = document.tables
    assert (table.page, table.rows, table.columns, table.bbox) == (3, 2, 3, (72, 72, 504, 144))
    assert [(cell.row, cell.column, cell.column_span, cell.header) for cell in table.cells] == [
        *((0, 0, 2, True), (0, 2, 1, True), (1, 0, 1, False), (1, 1, 1, False), (1, 2, 1, False)),
    ]
    (image,) = document.images
    assert (image.page, image.width, image.height, image.media_type) == (3, 30, 20, "image/png")
    assert list(image.bbox or ()) == [144, 216, 216, 360]
    boxes = {block.type: block.bbox for block in document.blocks if block.page == 2}
    assert (boxes["heading"], boxes["footnote"]) == ((36, 21.63, 684, 111.63), None)


def test_only_the_slides_that_are_asked_for_are_read(tmp_path: Path) -> None:
    path = write_pptx(tmp_path / "sample.pptx", [slide(sp(para(f"Slide {n}"))) for n in range(1, 6)])
    ocr = NoOcr()

    document = extract(path, ExtractionOptions(pages="2,4-"), ParseLimits(), ocr)

    assert document.content == "Slide 2\n\nSlide 4\n\nSlide 5"
    assert document.properties.page_count == 5
    assert ocr.reports == [(1, 3), (2, 3), (3, 3)]


def test_more_slides_than_are_read_are_refused(tmp_path: Path) -> None:
    path = write_pptx(tmp_path / "sample.pptx", [slide("")] * 3)

    with pytest.raises(ExtractionFailed) as failure:
        extract(path, ExtractionOptions(), ParseLimits(max_pages=2), NoOcr())

    assert failure.value.code == "too-many-pages"


def test_a_title_is_read_first_and_furniture_is_set_apart(tmp_path: Path) -> None:
    shapes = sp(para("Text")) + sp(para("Head"), 'type="title"') + sp(para("7"), 'type="sldNum" idx="12"')

    assert shown(read_slide(tmp_path, shapes)) == ["heading/1 Head", "paragraph Text", "[footer 7]"]


def test_bullets_and_numbers_are_those_that_are_shown(tmp_path: Path) -> None:
    bullets = [
        para("a", '<a:buFont typeface="Wingdings"/><a:buChar char="§"/>'),
        para("b", "<a:buBlip/>", 'lvl="1"'),
        para("c", "<a:buNone/>"),
        para("d", '<a:buChar char="&#xF0FF;"/>'),
        para("e", '<a:buAutoNum type="arabicPeriod" startAt="3"/>'),
        para("f", '<a:buAutoNum type="alphaLcParenBoth"/>', 'lvl="1"'),
        para("g", '<a:buAutoNum type="alphaLcParenBoth"/>', 'lvl="1"'),
        para("h", '<a:buAutoNum type="arabicPeriod" startAt="3"/>'),
        para("i", '<a:buAutoNum type="romanUcParenR"/>'),
        para("j", '<a:buAutoNum type="romanUcPlain"/>', 'lvl="99"'),
        para("k", '<a:buAutoNum type="hindiNumPeriod"/>'),
        para(" "),
    ]

    assert shown(read_slide(tmp_path, sp("".join(bullets)))) == [
        *("list_item/1 ▪ a", "list_item/2 • b", "paragraph c", "list_item/1 • d"),
        *("list_item/1 3. e", "list_item/2 (a) f", "list_item/2 (b) g", "list_item/1 4. h"),
        *("list_item/1 I) i", "list_item/9 I. j", "list_item/1 1. k"),
    ]


NO_BULLET = "<a:lstStyle><a:lvl1pPr><a:buNone/></a:lvl1pPr></a:lstStyle>"
LAYOUT = {
    "ppt/slideLayouts/l.xml": root(
        "p:sldLayout",
        tree(
            sp(
                "<a:lstStyle><a:lvl1pPr><a:buNone/></a:lvl1pPr></a:lstStyle>",
                'type="body" idx="1"',
                xfrm(0, 0, 12700, 12700),
            )
            + sp("", 'idx="2"')
            + sp("", 'type="title"', xfrm(0, 0, 25400, 12700))
            + sp("no placeholder")
        ),
    ),
    "ppt/slideLayouts/_rels/l.xml.rels": relationships({"m": ("slideMaster", "../slideMasters/m.xml")}),
    "ppt/slideMasters/m.xml": root(
        "p:sldMaster",
        tree(sp("", 'type="body"', xfrm(12700, 12700, 12700, 12700)))
        + '<p:txStyles><p:bodyStyle><a:lvl1pPr><a:buChar char="*"/></a:lvl1pPr></p:bodyStyle></p:txStyles>',
    ),
}


def test_what_a_shape_does_not_say_its_layout_and_master_do(tmp_path: Path) -> None:
    shapes = sp(para("a"), 'idx="1"') + sp(para("b"), 'idx="2"') + sp(para("c"), 'type="title"') + sp(para("d"))

    document = read_slide(tmp_path, shapes, LAYOUT, {"l": ("slideLayout", "../slideLayouts/l.xml")})

    assert shown(document) == ["heading/1 c", "paragraph a", "list_item/1 * b", "paragraph d"]
    assert [block.bbox for block in document.blocks] == [(0, 0, 2, 1), (0, 0, 1, 1), (1, 1, 2, 2), None]


def test_slides_share_a_layout(tmp_path: Path) -> None:
    slides = [slide(sp(para(text), 'type="title"')) for text in ("one", "two")]
    related = {"l": ("slideLayout", "../slideLayouts/l.xml")}

    document = read(write_pptx(tmp_path / "sample.pptx", slides, LAYOUT, related))

    assert [(block.page, block.bbox) for block in document.blocks] == [(1, (0, 0, 2, 1)), (2, (0, 0, 2, 1))]


@pytest.mark.parametrize("missing", ["ppt/slideMasters/m.xml", "ppt/slideLayouts/l.xml"])
def test_a_missing_layout_or_master_costs_no_text(tmp_path: Path, missing: str) -> None:
    parts = {name: part for name, part in LAYOUT.items() if name != missing}

    document = read_slide(tmp_path, sp(para("a"), 'idx="1"'), parts, {"l": ("slideLayout", "../slideLayouts/l.xml")})

    assert document.content == "a"


def test_shapes_of_a_group_stand_where_it_puts_them(tmp_path: Path) -> None:
    inner = '<a:chOff x="0" y="0"/><a:chExt cx="1000" cy="1000"/>'
    group = (
        f"<p:grpSp><p:nvGrpSpPr/><p:grpSpPr>{xfrm(12700, 25400, 127000, 254000, inner)}</p:grpSpPr>"
        f"{sp(para('in'), transform=xfrm(500, 500, 100, 100))}</p:grpSp>"
        f"<p:grpSp><p:nvGrpSpPr/><p:grpSpPr/>{sp(para('out'), transform=xfrm(12700, 0, 12700, 12700))}</p:grpSp>"
    )

    document = read_slide(tmp_path, group)

    assert [block.bbox for block in document.blocks] == [(6, 12, 7, 14), (1, 0, 2, 1)]


def test_a_turned_shape_has_the_box_around_it(tmp_path: Path) -> None:
    turned = xfrm(0, 0, 254000, 127000, attributes='rot="5400000"')

    (block,) = read_slide(tmp_path, sp(para("x"), transform=turned)).blocks

    assert block.bbox == (5, -5, 15, 15)


def test_a_transform_that_says_nothing_is_no_place(tmp_path: Path) -> None:
    odd = "<a:xfrm><a:off/><a:ext/></a:xfrm>"

    document = read_slide(tmp_path, sp(para("x"), transform="<a:xfrm/>") + sp(para("y"), transform=odd))

    assert [block.bbox for block in document.blocks] == [None, (0, 0, 0, 0)]


def test_hidden_shapes_are_left_out_and_hidden_slides_are_said(tmp_path: Path) -> None:
    shapes = sp(para("seen")) + sp(para("not"), name='hidden="1"')
    group = f"<p:grpSp><p:nvGrpSpPr><p:cNvPr hidden='true'/></p:nvGrpSpPr>{sp(para('not'))}</p:grpSp>"
    path = write_pptx(tmp_path / "sample.pptx", [slide(shapes + group, 'show="0"'), slide(sp(para("next")))])

    document = read(path)

    assert document.content == "seen\n\nnext"
    assert [(warning.code, warning.page) for warning in document.warnings] == [("hidden-slide", 1)]


def test_breaks_fields_and_equations_are_text(tmp_path: Path) -> None:
    equation = (
        '<mc:AlternateContent><mc:Choice Requires="a14"><a14:m><m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath></a14:m>'
        "</mc:Choice><mc:Fallback/></mc:AlternateContent>"
    )
    nothing = "<mc:AlternateContent/>"
    field = '<a:fld type="x"><a:t>7</a:t></a:fld>'
    body = f"<a:p><a:r><a:t>a</a:t></a:r><a:br/>{field} {equation}{nothing}<a:endParaRPr/></a:p>"

    assert read_slide(tmp_path, sp(body)).content == "a\n7x=1"


def test_of_alternatives_the_known_one_is_shown(tmp_path: Path) -> None:
    alternatives = (
        f'<mc:AlternateContent><mc:Choice Requires="p">{sp(para("unknown"))}</mc:Choice>'
        f"<mc:Fallback>{sp(para('known'))}</mc:Fallback></mc:AlternateContent><mc:AlternateContent/>"
    )

    assert read_slide(tmp_path, alternatives).content == "known"


def test_a_diagram_is_a_figure_and_drawn_text_a_paragraph(tmp_path: Path) -> None:
    frame = (
        "<p:graphicFrame><p:nvGraphicFramePr/><p:xfrm><a:off x='0' y='0'/><a:ext cx='12700' cy='12700'/></p:xfrm>"
        "<a:graphic><a:graphicData>{}</a:graphicData></a:graphic></p:graphicFrame>"
    )
    shapes = frame.format('<dgm:relIds r:dm="d"/>') + frame.format(para("drawn") + "<w:txbxContent/>")
    diagram = root("dgm:dataModel", "<a:p><a:r><a:t>Plan</a:t></a:r></a:p>")

    document = read_slide(
        tmp_path, shapes, {"ppt/diagrams/d.xml": diagram}, {"d": ("diagramData", "../diagrams/d.xml")}
    )

    assert shown(document) == ["figure Plan", "paragraph drawn"]
    assert document.blocks[0].bbox == (0, 0, 1, 1)


def test_tables_keep_to_their_grid(tmp_path: Path) -> None:
    cell = "<a:tc {}><a:txBody>{}</a:txBody></a:tc>"
    rows = "<a:tr>" + cell.format('rowSpan="9" gridSpan="9"', para("a") + para("b")) + cell.format('hMerge="1"', "")
    rows += "</a:tr><a:tr>" + cell.format('vMerge="1"', "") + cell.format("", para("c")) + "</a:tr>"
    frame = "<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"

    document = read_slide(tmp_path, frame.format(rows) + frame.format(""))

    (table,) = document.tables
    assert [(each.row, each.column, each.row_span, each.column_span, each.text) for each in table.cells] == [
        *((0, 0, 2, 2, "a\nb"), (1, 1, 1, 1, "c")),
    ]
    assert not any(each.header for each in table.cells)


@pytest.mark.parametrize(
    "comment", ["<p:cm><p:text>Why?</p:text></p:cm>", f"<p:cm>{para('Why?')}</p:cm>", "<p:cm><p:text/></p:cm>"]
)
def test_comments_are_no_part_of_the_text(tmp_path: Path, comment: str) -> None:
    parts = {"ppt/comments/c.xml": root("p:cmLst", comment)}

    document = read_slide(tmp_path, sp(para("Text")), parts, {"c": ("comments", "../comments/c.xml")})

    assert shown(document) == ["paragraph Text", *(["[paragraph Why?]"] if "Why" in comment else [])]


def test_notes_are_the_words_of_the_speaker_alone(tmp_path: Path) -> None:
    notes = root(
        "p:notes", tree(sp(para("Say it"), 'type="body" idx="1"') + sp(para("7"), 'type="sldNum"') + sp(para("x")))
    )

    document = read_slide(tmp_path, "", {"ppt/notes/n.xml": notes}, {"n": ("notesSlide", "../notes/n.xml")})

    assert shown(document) == ["footnote Say it"]


@pytest.mark.parametrize("kind", ["notesSlide", "comments", "slideLayout"])
def test_parts_that_are_not_there_are_missed_by_nobody(tmp_path: Path, kind: str) -> None:
    assert read_slide(tmp_path, sp(para("a")), None, {"x": (kind, "gone.xml")}).content == "a"


def test_of_very_many_pictures_only_some_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn_blocks, "MAX_IMAGES", 1)
    picture = '<p:pic><p:blipFill><a:blip r:embed="i"/></p:blipFill></p:pic>'
    outside = '<p:pic><p:blipFill><a:blip r:embed="none"/></p:blipFill></p:pic>'

    document = read_slide(
        tmp_path, outside + picture * 3, {"ppt/media/i.png": png(2, 1).getvalue()}, {"i": ("image", "../media/i.png")}
    )

    assert [(image.width, image.height) for image in document.images] == [(2, 1)]


def test_strict_presentations_are_read(tmp_path: Path) -> None:
    path = write_pptx(tmp_path / "sample.pptx", [slide(sp(para("strict")), strict=True)], strict=True)

    assert read(path).content == "strict"


@pytest.mark.parametrize("size", ["", '<p:sldSz cx="0" cy="1"/>', '<p:sldSz cx="-5" cy="x"/>'])
def test_slides_without_a_size_have_the_usual_one(tmp_path: Path, size: str) -> None:
    document = read(write_pptx(tmp_path / "sample.pptx", [slide("")], size=size))

    assert [(page.width, page.height, page.source) for page in document.pages] == [(720, 540, "none")]


def test_tables_that_are_not_wanted_are_paragraphs(tmp_path: Path) -> None:
    presented(tmp_path)

    document = read(tmp_path / "sample.pptx", ExtractionOptions(tables=False, pages="3"))

    assert document.tables == []
    assert "3\t4\t5" in document.content
