"""What comes of a PDF."""

import itertools
from pathlib import Path
from typing import Any

import pypdf
import pypdfium2 as pdfium
import pytest
from fpdf import FPDF

from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions
from actors.extractors.extractor import PageFailed, ParseLimits
from actors.extractors.pdf import extraction as pdf_extractor
from tests.unit.extractors.fake_ocr import FakeOcr, recognised
from tests.unit.extractors.pdf_files import column, new_pdf, picture, raw_pdf, stream, written

SENTENCES = [f"This is sentence number {number} of a text that goes on and on." for number in range(12)]


def read(path: Path, engine: FakeOcr | None = None, limits: ParseLimits | None = None, **options: Any) -> Document:
    return pdf_extractor.extract(
        path,
        ExtractionOptions(**options),
        limits or ParseLimits(),
        engine or FakeOcr(path.parent),
    )


def failure_of(path: Path, **options: Any) -> str:
    with pytest.raises(ExtractionFailed) as caught:
        read(path, **options)
    return caught.value.code


def assert_spans_are_exact(document: Document) -> None:
    for page in document.pages:
        for line in page.lines:
            assert document.content[line.span[0] : sum(line.span)] == line.text
            for word in line.words:
                assert document.content[word.span[0] : sum(word.span)] == word.text


def test_text_comes_with_the_places_of_its_words(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.text(100, 200, "Hello small world")
    document = read(written(pdf, tmp_path / "a.pdf"))
    page = document.pages[0]
    assert (page.source, page.unit, page.number) == ("text", "pt", 1)
    assert document.content == "Hello small world"
    hello = page.lines[0].words[0]
    assert hello.text == "Hello"
    assert hello.bbox is not None
    assert hello.bbox[0] == pytest.approx(100, abs=1.5)
    assert hello.bbox[1] < 195
    assert 200 <= hello.bbox[3] < 206
    assert_spans_are_exact(document)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_places_are_those_of_the_page_as_it_is_seen(tmp_path: Path, rotation: int) -> None:
    pdf = new_pdf()
    pdf.text(100, 200, "corner")
    reader = pypdf.PdfReader(written(pdf, tmp_path / "plain.pdf"))
    writer = pypdf.PdfWriter()
    writer.add_page(reader.pages[0]).rotate(rotation)
    writer.write(tmp_path / "turned.pdf")
    document = read(tmp_path / "turned.pdf")
    page = document.pages[0]
    assert page.rotation == rotation
    assert (page.width > page.height) == (rotation != 180)
    box = page.lines[0].bbox
    assert box is not None
    expected = {90: (641.9, 100), 180: (475, 641.9), 270: (200, 475)}[rotation]
    assert (box[0] if rotation != 270 else box[2], box[1]) == pytest.approx(expected, abs=45)
    assert document.content == "corner"


def test_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    pdf = new_pdf(size=10)
    left = [f"left column line {number} with some words" for number in range(8)]
    right = [f"right column line {number} with some words" for number in range(8)]
    for index, (one, other) in enumerate(zip(left, right, strict=True)):
        column(pdf, [one], 40, 100 + 14 * index)
        column(pdf, [other], 320, 100 + 14 * index)
    content = read(written(pdf, tmp_path / "a.pdf")).content
    assert content.split("\n") == [*left, "", *right]


def test_a_page_drawn_in_reading_order_keeps_it(tmp_path: Path) -> None:
    pdf = new_pdf(size=10)
    pdf.text(300, 800, "7")  # the page number is drawn first and stands last
    column(pdf, SENTENCES[:6], 40, 100)
    column(pdf, ["a label", "another"], 200, 300)
    column(pdf, SENTENCES[6:], 40, 350)
    pdf.text(40, 40, "a header drawn last")
    lines = read(written(pdf, tmp_path / "a.pdf")).content.split()
    assert lines[:2] == ["a", "header"]
    assert lines[-1] == "7"


def test_headings_lists_and_what_repeats_are_told_apart(tmp_path: Path) -> None:
    pdf = new_pdf(size=10)
    for page in range(1, 5):
        if page > 1:
            pdf.add_page()
        pdf.set_font("Helvetica", size=10)
        pdf.text(40, 30, "Annual report")
        pdf.text(280, 820, f"page {page}")
        pdf.set_font("Helvetica", size=24 if page == 1 else 16)
        pdf.text(40, 100, f"Heading {page}")
        pdf.set_font("Helvetica", size=10)
        column(pdf, SENTENCES[:4], 40, 140)
        column(pdf, ["1. first thing", "2. second thing"], 60, 220)
    document = read(written(pdf, tmp_path / "a.pdf"))
    kinds = [(block.type, block.level, block.layer) for block in document.blocks if block.page == 2]
    assert kinds == [
        ("header", None, "furniture"),
        ("heading", 2, "body"),
        ("paragraph", None, "body"),
        ("list_item", None, "body"),
        ("list_item", None, "body"),
        ("footer", None, "furniture"),
    ]
    assert document.blocks[1].type == "title"


def test_a_ruled_table_becomes_a_table_at_its_place(tmp_path: Path) -> None:
    pdf = new_pdf(size=10)
    pdf.text(50, 60, "before the table")
    pdf.set_xy(50, 100)
    with pdf.table(width=300, col_widths=(1, 1, 1), align="LEFT") as table:
        for row in (("Name", "Height", "Age"), ("Ada", "170 cm", "36"), ("Bob", "both", "both")):
            table.row(row)
    pdf.text(50, 300, "after the table")
    document = read(written(pdf, tmp_path / "a.pdf"))
    (table_found,) = document.tables
    assert (table_found.rows, table_found.columns, table_found.method) == (3, 3, "ruled")
    assert [cell.text for cell in table_found.cells if cell.row == 1] == ["Ada", "170 cm", "36"]
    assert [cell.header for cell in table_found.cells] == [True] * 3 + [False] * 6
    assert document.content.split("\n\n")[0] == "before the table"
    assert "Ada\t170 cm\t36" in document.content
    assert document.content.endswith("after the table")
    assert [block.type for block in document.blocks] == ["paragraph", "table", "paragraph"]
    assert_spans_are_exact(document)


def test_tables_are_not_looked_for_when_nobody_wants_them(tmp_path: Path) -> None:
    pdf = new_pdf(size=10)
    with pdf.table() as table:
        for row in itertools.repeat(("a", "b", "c"), 3):
            table.row(row)
    assert read(written(pdf, tmp_path / "a.pdf"), tables=False).tables == []


def test_a_scanned_page_is_recognised_and_keeps_its_place(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.text(50, 50, "first page")
    pdf.add_page()
    pdf.image(picture(), 0, 0, pdf.w, pdf.h)
    pdf.add_page()
    pdf.text(50, 50, "third page")
    ocr = FakeOcr(tmp_path, lambda _: recognised({"scanned words": (100, 100, 300, 120)}, (1654, 2339), rotation=0))
    document = read(written(pdf, tmp_path / "a.pdf"), ocr)
    assert [page.source for page in document.pages] == ["text", "ocr", "text"]
    assert document.content.split("\n\n") == ["first page", "scanned words", "third page"]
    line = document.pages[1].lines[0]
    assert line.confidence == 0.9
    assert line.bbox == pytest.approx((36, 36, 108, 43.2), abs=0.1)
    assert ocr.told[-1] == (3, 3)
    assert ocr.images[0].size == (1654, 2339)
    assert document.images[0].page == 2
    assert document.images[0].bbox == pytest.approx((0, 0, 595.28, 841.89), abs=0.1)
    assert_spans_are_exact(document)


def test_a_page_that_was_turned_to_be_read_says_so(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.image(picture(), 0, 0, pdf.w, pdf.h)
    ocr = FakeOcr(tmp_path, lambda _: recognised({"aside": (10, 10, 30, 200)}, (1654, 2339), rotation=90))
    document = read(written(pdf, tmp_path / "a.pdf"), ocr)
    assert [warning.code for warning in document.warnings] == ["page-turned"]


def test_a_page_that_cannot_be_recognised_fails_alone(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.text(50, 50, "fine")
    pdf.add_page()
    pdf.image(picture(), 0, 0, pdf.w, pdf.h)
    document = read(written(pdf, tmp_path / "a.pdf"), FakeOcr(tmp_path, lambda _: PageFailed("no engine")))
    assert document.status == "partial"
    assert [page.error for page in document.pages] == [None, "no engine"]


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("Scanned with a toy", "FILL", "ocr"),
        ("Scanned with a toy", "INVISIBLE", "text"),
        (" ".join(SENTENCES), "FILL", "text"),
    ],
    ids=["a stamp on a picture", "text that OCR software left", "a text over a picture"],
)
def test_each_page_decides_whether_it_needs_ocr(tmp_path: Path, text: str, mode: str, expected: str) -> None:
    pdf = new_pdf(size=8)
    pdf.image(picture(), 0, 0, pdf.w, pdf.h)
    pdf.text_mode = mode
    column(pdf, [text[start : start + 60] for start in range(0, len(text), 60)], 40, 100)
    ocr = FakeOcr(tmp_path, lambda _: recognised({"seen": (1, 1, 9, 9)}, (10, 10)))
    assert read(written(pdf, tmp_path / "a.pdf"), ocr).pages[0].source == expected


def test_ocr_can_be_forced_and_forbidden(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.text(50, 50, "fine")
    pdf.add_page()
    pdf.image(picture(), 0, 0, pdf.w, pdf.h)
    path = written(pdf, tmp_path / "a.pdf")
    ocr = FakeOcr(tmp_path, lambda _: recognised({"seen": (1, 1, 9, 9)}, (10, 10)))
    assert [page.source for page in read(path, ocr, ocr="force").pages] == ["ocr", "ocr"]
    assert [page.source for page in read(path, ocr, ocr="never").pages] == ["text", "none"]


def test_a_blank_page_is_nothing_to_recognise(tmp_path: Path) -> None:
    ocr = FakeOcr(tmp_path)
    assert read(written(new_pdf(), tmp_path / "a.pdf"), ocr).pages[0].source == "none"
    assert ocr.images == []


def test_text_that_says_nothing_is_recognised_instead(tmp_path: Path) -> None:
    unmapped = "<" + "".join(f"{0xE000 + index:04X}" for index in range(20)) + ">"
    cmap = stream(
        "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange "
        "1 beginbfrange <0000> <FFFF> <0000> endbfrange endcmap end"
    )
    path = raw_pdf(
        tmp_path / "a.pdf",
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            (
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R "
                "/Resources << /Font << /F 5 0 R >> >> >>"
            ),
            stream(f"BT /F 12 Tf 20 200 Td {unmapped} Tj ET"),
            (
                "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H "
                "/DescendantFonts [6 0 R] /ToUnicode 7 0 R >>"
            ),
            (
                "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /CIDSystemInfo "
                "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 500 >>"
            ),
            cmap,
        ],
    )
    ocr = FakeOcr(tmp_path, lambda _: recognised({"seen": (1, 1, 9, 9)}, (10, 10)))
    assert read(path, ocr).content == "seen"


def test_properties_are_those_the_file_states(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.set_title("A title")
    pdf.set_author("An author")
    pdf.set_lang("de-DE")
    properties = read(written(pdf, tmp_path / "a.pdf")).properties
    assert (properties.title, properties.author, properties.language) == ("A title", "An author", "de-DE")
    assert properties.page_count == 1
    assert properties.created is not None
    assert properties.created.endswith(("Z", "+00:00"))


def test_a_selection_of_pages_is_all_that_is_read(tmp_path: Path) -> None:
    pdf = new_pdf()
    for number in range(1, 6):
        pdf.text(50, 50, f"page {number}")
        if number < 5:
            pdf.add_page()
    document = read(written(pdf, tmp_path / "a.pdf"), pages="4,1-2")
    assert [page.number for page in document.pages] == [1, 2, 4]
    assert document.properties.page_count == 5


def test_too_many_pages_are_refused(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.add_page()
    path = written(pdf, tmp_path / "a.pdf")
    with pytest.raises(ExtractionFailed) as caught:
        read(path, limits=ParseLimits(max_pages=1))
    assert caught.value.code == "too-many-pages"
    assert len(read(path, limits=ParseLimits(max_pages=1), pages="2").pages) == 1


def encrypted(path: Path, *, user: str) -> Path:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica")
    pdf.cell(text="for your eyes only")
    pdf.set_encryption(owner_password="owner", user_password=user)
    return written(pdf, path)


def test_passwords_open_files_and_wrong_ones_do_not(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "a.pdf", user="sesame")
    assert failure_of(path) == "password-required"
    assert failure_of(path, password="wrong") == "wrong-password"
    assert read(path, password="sesame").content == "for your eyes only"


def test_an_owners_password_keeps_nobody_from_reading(tmp_path: Path) -> None:
    assert read(encrypted(tmp_path / "a.pdf", user="")).content == "for your eyes only"


def test_words_of_very_large_documents_are_left_out_with_a_warning(tmp_path: Path) -> None:
    pdf = new_pdf()
    pdf.text(50, 50, "three small words")
    pdf.add_page()
    pdf.text(50, 50, "three more words")
    pdf.add_page()
    pdf.text(50, 50, "and the end")
    document = read(written(pdf, tmp_path / "a.pdf"), limits=ParseLimits(max_words=4))
    assert [len(page.lines[0].words) for page in document.pages] == [3, 0, 0]
    assert [(warning.code, warning.page) for warning in document.warnings] == [("words-omitted", 2)]


def test_a_page_that_cannot_be_loaded_fails_alone_unless_all_do(tmp_path: Path) -> None:
    def with_kids(name: str, kids: str, count: int) -> Path:
        return raw_pdf(
            tmp_path / name,
            [
                "<< /Type /Catalog /Pages 2 0 R >>",
                f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R >>",
                stream(""),
                "(no page at all)",
            ],
        )

    document = read(with_kids("half.pdf", "3 0 R 5 0 R", 2))
    assert [page.error for page in document.pages] == [None, "The page cannot be read."]
    assert document.status == "partial"
    assert failure_of(with_kids("none.pdf", "5 0 R", 1)) == "corrupt-file"


def test_a_page_that_cannot_be_drawn_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = new_pdf()
    pdf.image(picture(), 0, 0, pdf.w, pdf.h)
    path = written(pdf, tmp_path / "a.pdf")

    def refuse(*_: object) -> None:
        raise pdfium.PdfiumError("no bitmap")

    monkeypatch.setattr(pdf_extractor, "save_rendering", refuse)
    assert read(path).pages[0].error == "not drawn"


@pytest.mark.parametrize("content", [b"", b"no pdf", b"%PDF-1.7\n%%EOF", b"%PDF-1.4\n1 0 obj\n<</Type/Catalog"])
def test_what_is_no_pdf_is_corrupt(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    assert failure_of(path) == "corrupt-file"


def test_a_huge_media_box_is_drawn_small(tmp_path: Path) -> None:
    path = raw_pdf(
        tmp_path / "a.pdf",
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 14400 14400] /Contents 4 0 R >>",
            stream("0 0 100 100 re f"),
        ],
    )
    ocr = FakeOcr(tmp_path)
    read(path, ocr, limits=ParseLimits(max_ocr_pixels=10_000))
    width, height = ocr.images[0].size
    assert 0 < width * height <= 10_000
