"""What blocks of a page are beside paragraphs: captions, footnotes, figures; and labels with their values."""

from pathlib import Path

import pytest

from actors.extractors.assembly import BlockPiece, LinePiece
from actors.extractors.captions import is_caption
from actors.extractors.document import Box, Document, ExtractionOptions, Image
from actors.extractors.extractor import ParseLimits
from actors.extractors.figures import figure_boxes, with_figures
from actors.extractors.footnotes import footnote_starts
from actors.extractors.label_values import label_values
from actors.extractors.page_layout import LayoutLine
from actors.extractors.pdf import extraction as pdf_extractor
from tests.unit.extractors.fake_ocr import FakeOcr
from tests.unit.extractors.pdf_files import column, new_pdf, picture, written

PARAGRAPH = [f"This is sentence number {number} of a text that goes on and on." for number in range(5)]


def read(path: Path) -> Document:
    return pdf_extractor.extract(path, ExtractionOptions(), ParseLimits(), FakeOcr(path.parent))


def blocks_of(document: Document) -> list[tuple[str, str]]:
    return [(block.type, document.content[block.span[0] : sum(block.span)]) for block in document.blocks]


@pytest.mark.parametrize(
    "text",
    [
        "Figure 3: How it works",
        "FIG. 1 \u2013 Les dimensions",
        "Fig. 2a. Two ways",
        "Table 12. Results",
        "Tab. IV: Noise",
        "Tabelle 4",
        "Abbildung 0.1: Formen",
        "Figure A.2: More of it",
        "Рис. 5. Схема",
        "図3: 構成",
    ],
)
def test_captions_begin_with_what_they_name_and_its_number(text: str) -> None:
    assert is_caption(text)


@pytest.mark.parametrize(
    "text", ["Figure 3 shows how it works.", "Tables are useful.", "Fig tree: a plant", "Table 1. " + "word " * 200, ""]
)
def test_sentences_on_figures_are_no_captions(text: str) -> None:
    assert not is_caption(text)


def test_a_page_of_a_paper_has_its_figure_caption_and_notes(tmp_path: Path) -> None:
    pdf = new_pdf(size=10)
    column(pdf, PARAGRAPH, 60, 80)
    pdf.image(picture(), 60, 180, 200, 150)
    pdf.image(picture(8, 8), 400, 180, 10, 10)
    column(pdf, ["Figure 1: A grey picture"], 60, 350)
    column(pdf, PARAGRAPH, 60, 400)
    pdf.set_font("Helvetica", size=8)
    column(pdf, ["set small, and no note"], 60, 500)
    column(pdf, ["1 The first note, which is so long", "that it has two lines.", "2 The second note."], 60, 760, 10)
    assert blocks_of(read(written(pdf, tmp_path / "a.pdf"))) == [
        ("paragraph", "\n".join(PARAGRAPH)),
        ("figure", ""),
        ("caption", "Figure 1: A grey picture"),
        ("paragraph", "\n".join(PARAGRAPH)),
        ("paragraph", "set small, and no note"),
        ("footnote", "1 The first note, which is so long\nthat it has two lines."),
        ("footnote", "2 The second note."),
    ]


def line(text: str, top: float, size: float, left: float = 60.0) -> LayoutLine:
    box = (left, top, left + 200, top + size)
    return LayoutLine(LinePiece(text, box), box, size, bold=False)


def test_small_print_above_text_of_its_column_is_no_note() -> None:
    lines = [
        line("1 Beside a figure", 500, 8),
        line("Text of the body", 600, 10),
        line("2 In the other column", 500, 8, left=320),
        line("12", 800, 8),
        line("3 Below everything", 780, 8),
    ]
    assert footnote_starts(lines, 842, 10) == {2: True, 4: True}


def test_a_page_without_small_print_or_with_none_that_is_marked_has_no_notes() -> None:
    assert footnote_starts([line("1 As large as the text", 700, 10)], 842, 10) == {}
    assert footnote_starts([line("a line", 700, 8), line("1 High on the page", 100, 8)], 842, 10) == {}


def image(*box: float) -> Image:
    return Image("", 1, 10, 10, "image/png", (box[0], box[1], box[2], box[3]))


def test_pieces_of_a_picture_are_one_figure_and_ornaments_and_backgrounds_none() -> None:
    stripes = [image(50, 100 + 20 * number, 250, 120 + 20 * number) for number in range(5)]
    others = [image(300, 100, 310, 400), image(50, 300, 250, 400), Image("", 1, 10, 10, "image/png")]
    assert figure_boxes([*stripes, *others], 600, 800) == [(50, 100, 250, 200), (50, 300, 250, 400)]
    assert figure_boxes([image(0, 0, 600, 800)], 600, 800) == []


def test_a_page_drawn_from_very_many_pictures_has_no_figures() -> None:
    tiles = [image(10 * number, 100, 10 * number + 30, 200) for number in range(101)]
    assert figure_boxes(tiles, 2000, 800) == []


def piece(top: float, left: float = 50.0, *, is_footer: bool = False) -> BlockPiece:
    box: Box = (left, top, left + 200, top + 20)
    return BlockPiece("footer", [], box, layer="furniture") if is_footer else BlockPiece("paragraph", [], box)


def test_a_figure_stands_before_what_is_below_it_in_its_column() -> None:
    above, below, beside, footer = piece(50), piece(400), piece(300, left=320), piece(780, is_footer=True)
    types = [block.type for block in with_figures([above, below, beside, footer], [(50, 100, 250, 380)])]
    assert types == ["paragraph", "figure", "paragraph", "paragraph", "footer"]


def test_a_figure_below_everything_ends_the_body() -> None:
    types = [block.type for block in with_figures([piece(50), piece(780, is_footer=True)], [(50, 100, 250, 380)])]
    assert types == ["paragraph", "figure", "footer"]
    assert [block.type for block in with_figures([], [(50, 100, 250, 380)])] == ["figure"]


def pairs(*texts: str) -> list[tuple[str, str]]:
    return [(pair.key, pair.value) for pair in label_values([LinePiece(text, confidence=0.9) for text in texts], 2)]


def test_labels_one_below_the_other_have_values() -> None:
    assert pairs("Invoice", "Invoice no: 4711", "Date : 6 Jun 1995", "Thank you") == [
        ("Invoice no", "4711"),
        ("Date", "6 Jun 1995"),
    ]
    (first, _) = label_values([LinePiece("a: 1", confidence=0.9), LinePiece("b\uff1a 2")], 2)
    assert (first.page, first.confidence) == (2, 0.9)


@pytest.mark.parametrize(
    "texts",
    [
        ["Note: this stands alone", "and goes on"],
        ["at 10:30 we", "left at 11:15"],
        ["https://example.org/a", "https://example.org/b"],
        ["He said: " + "word " * 20, "She said: " + "word " * 20],
        ["What all of us want to know: it", "What none of us will be told: why"],
        ["A list of things:", "Another one:"],
    ],
)
def test_sentences_with_colons_are_no_labels(texts: list[str]) -> None:
    assert pairs(*texts) == []


def test_a_form_tells_its_labels_and_values(tmp_path: Path) -> None:
    pdf = new_pdf(size=10)
    for number, (label, value) in enumerate([("Invoice no:", "4711"), ("Date:", "6 Jun 1995")]):
        pdf.text(60, 100 + 20 * number, label)
        pdf.text(180, 100 + 20 * number, value)
    document = read(written(pdf, tmp_path / "a.pdf"))
    assert [(pair.key, pair.value, pair.page) for pair in document.key_values] == [
        ("Invoice no", "4711", 1),
        ("Date", "6 Jun 1995", 1),
    ]
