"""The parts of a Word document in their order: headings, paragraphs, notes, comments, headers and footers."""

import io
from datetime import UTC, datetime
from pathlib import Path

import docx
import pytest
from PIL import Image

from actors.extractors.document import ExtractionFailed, ExtractionOptions
from actors.extractors.docx.extraction import extract
from actors.extractors.extractor import ParseLimits
from tests.unit.extractors.docx_files import (
    blocks_of,
    p,
    r,
    read,
    read_body,
    relationships,
    root,
    write_docx,
    write_parts,
)
from tests.unit.extractors.no_ocr import NoOcr

STYLES = root(
    "w:styles",
    '<w:docDefaults><w:rPrDefault><w:rPr><w:lang w:val="de-CH"/></w:rPr></w:rPrDefault></w:docDefaults>'
    '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="Heading 2"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="H2"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Outlined"><w:name w:val="x"/><w:pPr><w:outlineLvl w:val="3"/></w:pPr>'
    '</w:style><w:style w:type="paragraph" w:styleId="A"><w:name w:val="a"/><w:basedOn w:val="B"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="B"><w:name w:val="b"/><w:basedOn w:val="A"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Cap"><w:name w:val="caption"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Code"><w:name w:val="HTML Preformatted"/></w:style>'
    '<w:style w:type="character" w:styleId="Hid"><w:name w:val="hid"/><w:rPr><w:vanish/></w:rPr></w:style>',
)


def style(name: str) -> str:
    return f'<w:pStyle w:val="{name}"/>'


def test_what_python_docx_writes_comes_back_with_its_structure(tmp_path: Path) -> None:
    written = docx.Document()
    written.add_heading("A title", 0)
    written.add_heading("A chapter", 1)
    written.add_paragraph("Some text.\twith a tab\nand a line break")
    written.add_paragraph("first", style="List Bullet")
    written.add_paragraph("one", style="List Number")
    written.add_paragraph("two", style="List Number")
    written.core_properties.title = "Report"
    written.core_properties.author = "Ada"
    written.core_properties.language = "en-GB"
    written.core_properties.created = datetime(2024, 1, 31, 12, 0, tzinfo=UTC)
    written.core_properties.modified = datetime(2024, 2, 1, tzinfo=UTC)
    written.save(str(tmp_path / "sample.docx"))

    document = read(tmp_path / "sample.docx")

    assert blocks_of(document) == [
        ("title", "A title"),
        ("heading", "A chapter"),
        ("paragraph", "Some text.\twith a tab\nand a line break"),
        ("list_item", "• first"),
        ("list_item", "1. one"),
        ("list_item", "2. two"),
    ]
    properties = document.properties
    assert (properties.title, properties.author, properties.language) == ("Report", "Ada", "en-GB")
    assert (properties.created, properties.modified) == ("2024-01-31T12:00:00Z", "2024-02-01T00:00:00Z")
    assert (document.pages[0].number, document.pages[0].width, document.pages[0].height) == (1, 612.0, 792.0)


@pytest.mark.parametrize(
    ("properties", "kind", "level"),
    [
        (style("H2"), "heading", 2),
        (style("Mine"), "heading", 2),
        (style("Outlined"), "heading", 4),
        (style("H2") + '<w:outlineLvl w:val="9"/>', "paragraph", None),
        (style("Missing"), "paragraph", None),
        (style("A"), "paragraph", None),
        ('<w:outlineLvl w:val="0"/>', "heading", 1),
        (style("T"), "title", None),
        (style("Cap"), "caption", None),
        (style("Code"), "code", None),
        ("", "paragraph", None),
    ],
)
def test_a_style_and_those_it_is_based_on_say_what_a_paragraph_is(
    tmp_path: Path, properties: str, kind: str, level: int | None
) -> None:
    document = read_body(tmp_path, p("text", properties), styles=STYLES)

    assert [(block.type, block.level) for block in document.blocks] == [(kind, level)]
    assert document.properties.language == "de-CH"


def test_code_keeps_its_indentation(tmp_path: Path) -> None:
    body = f"<w:p><w:pPr>{style('Code')}</w:pPr><w:r><w:t>if x:</w:t><w:br/><w:t>    y</w:t></w:r></w:p>"

    assert blocks_of(read_body(tmp_path, body, styles=STYLES)) == [("code", "if x:\n    y")]


def test_the_strict_dialect_is_read_like_the_other(tmp_path: Path) -> None:
    body = p("Strict text") + f"<w:tbl><w:tr><w:tc>{p('cell')}</w:tc></w:tr></w:tbl>"
    path = write_docx(tmp_path / "strict.docx", body, strict=True)

    assert blocks_of(read(path)) == [("paragraph", "Strict text"), ("table", "cell")]


def test_notes_follow_the_body_in_the_order_of_their_references(tmp_path: Path) -> None:
    footnotes = root(
        "w:footnotes",
        f'<w:footnote w:id="0" w:type="separator">{p("---")}</w:footnote>'
        f'<w:footnote w:id="2">{p("first note")}</w:footnote><w:footnote w:id="3">{p("second note")}</w:footnote>'
        f'<w:footnote w:id="4"><w:tbl><w:tr><w:tc>{p("in a note")}</w:tc></w:tr></w:tbl></w:footnote>'
        f'<w:footnote w:id="9">{p("nobody refers to this")}</w:footnote>',
    )
    endnotes = root("w:endnotes", f'<w:endnote w:id="2">{p("an endnote")}</w:endnote>')
    references = "".join(f'<w:r><w:footnoteReference w:id="{number}"/></w:r>' for number in (3, 2, 4, 3, 77))
    body = f"<w:p>{r('Text')}<w:r><w:endnoteReference w:id='2'/></w:r>{references}</w:p>"

    document = read_body(tmp_path, body, footnotes=footnotes, endnotes=endnotes)

    assert blocks_of(document) == [
        ("paragraph", "Text"),
        ("footnote", "second note"),
        ("footnote", "first note"),
        ("table", "in a note"),
        ("footnote", "an endnote"),
    ]


def test_references_to_notes_that_are_not_there_are_nothing(tmp_path: Path) -> None:
    body = "<w:p><w:r><w:t>Text</w:t><w:footnoteReference/></w:r></w:p>"

    assert blocks_of(read_body(tmp_path, body)) == [("paragraph", "Text")]


def test_comments_are_no_part_of_the_text(tmp_path: Path) -> None:
    table = f"<w:tbl><w:tr><w:tc>{p('cell')}</w:tc></w:tr></w:tbl>"
    comments = root("w:comments", f'<w:comment w:id="1" w:author="B">{p("See?")}{table}</w:comment>')
    document = read_body(tmp_path, p("Text"), comments=comments)

    assert blocks_of(document) == [("paragraph", "Text"), ("paragraph", "See?"), ("paragraph", "cell")]
    assert [block.layer for block in document.blocks] == ["body", "furniture", "furniture"]
    assert document.tables == []


def sections(*references: str, title_page: bool = False) -> str:
    return f"<w:sectPr>{''.join(references)}{'<w:titlePg/>' if title_page else ''}</w:sectPr>"


def reference(kind: str, name: str, pages: str = "default") -> str:
    return f'<w:{kind}Reference r:id="{name}" w:type="{pages}"/>'


def test_headers_stand_first_and_footers_last_each_once(tmp_path: Path) -> None:
    logo = "<w:p><w:r><w:drawing><a:blip/></w:drawing></w:r></w:p>"
    header = root("w:hdr", p("Letterhead", style("H2")) + logo)
    footer = root("w:ftr", f"{p('Page 2')}<w:tbl><w:tr><w:tc>{p('cell')}</w:tc></w:tr></w:tbl>")
    first = sections(reference("header", "header1"), reference("footer", "footer1"), reference("header", "gone"))
    body = f"<w:p><w:pPr>{first}</w:pPr>{r('Text')}</w:p>" + sections(
        reference("header", "header1"), reference("header", "header2"), reference("header", "header3")
    )

    document = read_body(
        tmp_path, body, header1=header, header2=header, footer1=footer, header3=root("w:hdr", ""), styles=STYLES
    )

    assert blocks_of(document) == [
        ("header", "Letterhead"),
        ("figure", ""),
        ("paragraph", "Text"),
        ("footer", "Page 2"),
        ("footer", "cell"),
    ]
    assert [block.layer for block in document.blocks] == ["furniture", "furniture", "body", "furniture", "furniture"]
    assert document.blocks[0].level is None
    assert document.tables == []


@pytest.mark.parametrize("shown", [True, False])
def test_headers_for_first_and_even_pages_count_where_they_are_switched_on(tmp_path: Path, shown: bool) -> None:
    settings = root("w:settings", "<w:evenAndOddHeaders/>" if shown else "")
    body = p("Text") + sections(
        reference("header", "header1", "first"), reference("header", "header2", "even"), title_page=shown
    )

    document = read_body(
        tmp_path,
        body,
        header1=root("w:hdr", p("first")),
        header2=root("w:hdr", p("even")),
        settings=settings,
    )

    assert document.content == ("first\n\neven\n\nText" if shown else "Text")


def test_a_header_whose_part_is_missing_is_nothing(tmp_path: Path) -> None:
    body = p("Text") + sections(reference("header", "h"))
    path = write_parts(
        tmp_path / "sample.docx",
        {
            "word/document.xml": root("w:document", f"<w:body>{body}</w:body>"),
            "word/_rels/document.xml.rels": relationships({"h": ("header", "gone.xml")}),
        },
    )

    assert read(path).content == "Text"


def test_the_first_section_says_how_large_the_page_is(tmp_path: Path) -> None:
    body = p("A4") + '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/></w:sectPr>'
    page = read_body(tmp_path, body).pages[0]

    assert (page.width, page.height) == (595.3, 841.9)


def test_a_page_of_no_size_is_us_letter(tmp_path: Path) -> None:
    page = read_body(tmp_path, '<w:sectPr><w:pgSz w:w="-5" w:h="x"/></w:sectPr>').pages[0]

    assert (page.width, page.height, page.source) == (612.0, 792.0, "none")


def test_pages_beyond_the_one_do_not_exist(tmp_path: Path) -> None:
    path = write_docx(tmp_path / "sample.docx", p("Text"))

    assert read(path, ExtractionOptions(pages="2")).pages == []


def test_a_long_document_shows_that_it_is_being_read(tmp_path: Path) -> None:
    path = write_docx(tmp_path / "long.docx", p("x") * 1001)
    ocr = NoOcr()

    extract(path, ExtractionOptions(), ParseLimits(), ocr)

    assert ocr.reports == [(0, 1), (0, 1), (1, 1)]


def test_a_document_without_a_body_cannot_be_read(tmp_path: Path) -> None:
    path = write_docx(tmp_path / "sample.docx", "")
    other = write_docx(tmp_path / "other.docx", "", {"document.xml": root("w:glossaryDocument", "<w:body/>")})

    assert read(path).content == ""
    with pytest.raises(ExtractionFailed) as failure:
        read(other)
    assert failure.value.code == "corrupt-file"


def test_pictures_are_figures_with_their_own_size(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (30, 20)).save(picture)
    written = docx.Document()
    written.add_paragraph("Before")
    written.add_picture(str(picture))
    written.add_paragraph("After", style="Caption")
    stream = io.BytesIO()
    written.save(stream)
    (tmp_path / "sample.docx").write_bytes(stream.getvalue())

    document = read(tmp_path / "sample.docx")

    assert blocks_of(document) == [("paragraph", "Before"), ("figure", ""), ("caption", "After")]
    (image,) = document.images
    assert (image.id, image.width, image.height, image.media_type) == ("i1", 30, 20, "image/png")


def test_properties_that_are_missing_are_none(tmp_path: Path) -> None:
    properties = read_body(tmp_path, p("Text")).properties

    assert (properties.page_count, properties.title, properties.created, properties.language) == (1, None, None, None)


CORE = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
TERMS = "http://purl.org/dc/terms/"


def created(written: str) -> str:
    return f'<coreProperties xmlns="{CORE}"><x:created xmlns:x="{TERMS}">{written}</x:created></coreProperties>'


@pytest.mark.parametrize(
    ("core", "expected"),
    [
        (created("2024-01-31"), "2024-01-31T00:00:00Z"),
        (created("2024-01-31T12:00:00+01:00"), "2024-01-31T11:00:00Z"),
        (created("someday"), None),
        (created("9999-12-31T23:59:59-14:00"), None),
        ("<somethingElse/>", None),
    ],
)
def test_properties_that_make_no_sense_are_none(tmp_path: Path, core: str, expected: str | None) -> None:
    path = write_parts(
        tmp_path / "sample.docx",
        {
            "_rels/.rels": relationships(
                {"m": ("officeDocument", "word/document.xml"), "c": ("core-properties", "c.xml")}
            ),
            "word/document.xml": root("w:document", "<w:body/>"),
            "c.xml": core,
        },
    )

    assert read(path).properties.created == expected
