"""Words as PDFium tells them, in files that make it hard."""

from pathlib import Path

import pypdfium2 as pdfium
import pytest

from actors.extractors.page_layout import LayoutWord
from actors.extractors.pdf import text
from actors.extractors.pdf.bidi import direction_changes, with_ligatures_in_order
from actors.extractors.pdf.geometry import PageGeometry
from actors.extractors.pdf.pictures import pictures_on
from actors.extractors.pdf.rules import rules_on
from actors.extractors.pdf.text import PageText
from tests.unit.extractors.pdf_files import raw_pdf, stream

HELVETICA = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def page_of(path: Path, content: str, *more: str, resources: str = "") -> pdfium.PdfPage:
    """A page of 300 by 300 with `content`; `more` are objects from number 6 on."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R "
            f"/Resources << /Font << /F 5 0 R >> {resources} >> >>"
        ),
        stream(content),
        HELVETICA,
        *more,
    ]
    return pdfium.PdfDocument(raw_pdf(path, objects))[0]


def words_of(page: pdfium.PdfPage) -> list[LayoutWord]:
    return PageText(page.get_textpage(), PageGeometry.of(page)).words()


def test_size_is_what_the_page_shows_not_what_the_font_says(tmp_path: Path) -> None:
    (word,) = words_of(page_of(tmp_path / "a.pdf", "BT /F 1 Tf 24 0 0 24 50 100 Tm (large) Tj ET"))
    assert word.size == pytest.approx(24)
    assert word.upright


def test_text_that_runs_upwards_is_not_upright(tmp_path: Path) -> None:
    (word,) = words_of(page_of(tmp_path / "a.pdf", "BT /F 12 Tf 0 1 -1 0 50 100 Tm (upwards) Tj ET"))
    assert not word.upright
    assert word.bbox[3] - word.bbox[1] > word.bbox[2] - word.bbox[0]


def test_a_word_ends_with_its_line_and_keeps_its_hyphen(tmp_path: Path) -> None:
    content = "BT /F 12 Tf 20 200 Td (a sepa-) Tj 0 -14 Td (rated word) Tj ET"
    words = words_of(page_of(tmp_path / "a.pdf", content))
    assert [word.text for word in words] == ["a", "sepa-", "rated", "word"]
    assert words[1].line < words[2].line


def test_bold_is_told_by_name(tmp_path: Path) -> None:
    content = "BT /F 12 Tf 20 200 Td (plain) Tj /B 12 Tf 60 0 Td (bold) Tj ET"
    bold = HELVETICA.replace("Helvetica", "Helvetica-Bold")
    page = page_of(tmp_path / "a.pdf", content, resources=f"/Font << /F {HELVETICA} /B {bold} >>")
    by_text = {word.text: word.bold for word in words_of(page)}
    assert by_text == {"plain": False, "bold": True}


def mapped_font(*targets: str) -> tuple[str, ...]:
    """Font objects 6 and on, of a font that claims a great height: codes 1, 2, … stand for `targets`, each 600 wide."""
    pairs = "".join(
        f"<{code:04X}> <{target.encode('utf-16-be').hex()}> " for code, target in enumerate(targets, start=1)
    )
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap "
        "1 begincodespacerange <0000> <FFFF> endcodespacerange "
        f"{len(targets)} beginbfchar {pairs} endbfchar endcmap end end"
    )
    return (
        (
            "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H "
            "/DescendantFonts [7 0 R] /ToUnicode 8 0 R >>"
        ),
        (
            "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /CIDSystemInfo "
            "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 600 /FontDescriptor 9 0 R >>"
        ),
        stream(cmap),
        "<< /Type /FontDescriptor /FontName /X /Flags 4 /FontBBox [0 -9000 1000 9000] /Ascent 9000 /Descent -9000 >>",
    )


def mapped_words(path: Path, *targets: str) -> list[str]:
    codes = "".join(f"{code:04X}" for code in range(1, len(targets) + 1))
    page = page_of(
        path,
        f"BT /M 12 Tf 20 200 Td <{codes}> Tj ET",
        *mapped_font(*targets),
        resources="/Font << /M 6 0 R >>",
    )
    return [word.text for word in words_of(page)]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (("\ufb01", "n", "d"), ["find"]),
        (("\U0001d504", "x"), ["\U0001d504x"]),
        (("東", "京"), ["東京"]),
        (("a", "\u2029", "b"), ["a", "b"]),
    ],
    ids=["a ligature", "beyond sixteen bits", "no blanks", "a paragraph's end"],
)
def test_what_a_glyph_stands_for_is_spelt_out(tmp_path: Path, targets: tuple[str, ...], expected: list[str]) -> None:
    assert mapped_words(tmp_path / "a.pdf", *targets) == expected


def test_a_font_that_claims_a_great_height_is_not_believed(tmp_path: Path) -> None:
    page = page_of(
        tmp_path / "a.pdf", "BT /M 12 Tf 20 200 Td <0001> Tj ET", *mapped_font("a"), resources="/Font << /M 6 0 R >>"
    )
    (word,) = words_of(page)
    assert word.bbox[3] - word.bbox[1] == pytest.approx(12)
    assert word.bbox[3] == pytest.approx(300 - 200 + 2.4)


def test_letters_of_a_right_to_left_ligature_are_read_in_order(tmp_path: Path) -> None:
    # As drawn, from left to right: meem, then one glyph for lam and alef, then seen.
    assert mapped_words(tmp_path / "a.pdf", "\u0645", "\u0644\u0627", "\u0633") == ["\u0633\u0644\u0627\u0645"]


def test_a_change_of_direction_divides_words(tmp_path: Path) -> None:
    words = mapped_words(tmp_path / "a.pdf", "P", "y", "\u0645", "\u0646")
    assert sorted(words) == sorted(["Py", "\u0646\u0645"])


def test_directions_change_at_letters_only() -> None:
    assert list(direction_changes([ord(each) for each in "ab1\u06451\u0646cd"])) == [3, 6]


def test_only_letters_that_share_a_place_are_a_ligature() -> None:
    def box(index: int) -> tuple[float, float, float, float]:
        return (float(index // 2), 0.0, 1.0, 1.0)

    lam_alef = [0x0627, 0x0644, 0x61, 0x62]
    assert with_ligatures_in_order(lam_alef, box) == [0x0644, 0x0627, 0x61, 0x62]


def test_very_long_pages_are_read_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_MAX_CHARACTERS", 5)
    page = page_of(tmp_path / "a.pdf", "BT /F 12 Tf 20 200 Td (one two) Tj ET")
    assert [word.text for word in words_of(page)] == ["one", "t"]


def test_a_word_bent_around_a_corner_has_a_box_around_it(tmp_path: Path) -> None:
    content = "BT /F 12 Tf 20 200 Td (ab) Tj 13.3 -9 Td (cd) Tj ET"
    words = words_of(page_of(tmp_path / "a.pdf", content))
    assert min(word.bbox[0] for word in words) == pytest.approx(20, abs=1)
    assert max(word.bbox[3] for word in words) > 109


def rules_of(path: Path, content: str, *more: str, resources: str = "") -> tuple[int, int]:
    page = page_of(path, content, *more, resources=resources)
    rules = rules_on(page, PageGeometry.of(page))
    return len(rules.level), len(rules.plumb)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("20 100 m 120 100 l S", (1, 0)),
        ("20 100 100 50 re S", (2, 2)),
        ("20 100 100 1 re f", (1, 0)),
        ("20 100 1 90 re f", (0, 1)),
        ("20 100 100 50 re f", (0, 0)),
        ("20 100 100 50 re n", (0, 0)),
        ("20 100 m 30 120 90 120 120 100 c S", (0, 0)),
        ("20 100 m 120 100 l 130 140 m 130 200 l S", (1, 1)),
        ("20 100 m 30 120 90 120 120 100 c 130 100 m 230 100 l S", (1, 0)),
        ("20 100 m 120 160 l S", (0, 0)),
        ("20 100 m 22 100 l S", (0, 0)),
        ("BT /F 12 Tf 20 200 Td (text) Tj ET 20 100 m 120 100 l S", (1, 0)),
        ("q 2 0 0 2 10 10 cm 0 0 m 100 0 l S Q", (1, 0)),
    ],
)
def test_straight_lines_are_found_however_they_are_drawn(
    tmp_path: Path, content: str, expected: tuple[int, int]
) -> None:
    assert rules_of(tmp_path / "a.pdf", content) == expected


def form(content: str, entries: str = "") -> str:
    return stream(content, f"/Type /XObject /Subtype /Form /BBox [0 0 300 300] {entries}")


def test_lines_within_forms_are_found_where_the_forms_put_them(tmp_path: Path) -> None:
    page = page_of(
        tmp_path / "a.pdf",
        "q 1 0 0 1 50 60 cm /X Do Q",
        form("0 0 m 100 0 l S", "/Matrix [1 0 0 1 7 0]"),
        resources="/XObject << /X 6 0 R >>",
    )
    assert rules_on(page, PageGeometry.of(page)).level == [pytest.approx((240, 57, 157), abs=0.01)]


IMAGE = (
    "<< /Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8 "
    "/Length 4 {} >>\nstream\n\x01\x02\x03\x04\nendstream"
)


@pytest.mark.parametrize(
    ("entries", "media_type"),
    [("", "image/png"), ("/Filter /DCTDecode", "image/jpeg"), ("/Filter [/ASCIIHexDecode]", "image/png")],
)
def test_pictures_are_described(tmp_path: Path, entries: str, media_type: str) -> None:
    page = page_of(
        tmp_path / "a.pdf",
        "q 150 0 0 300 0 0 cm /I Do Q q 30 0 0 30 0 0 cm /I Do Q",
        IMAGE.format(entries),
        resources="/XObject << /I 6 0 R >>",
    )
    pictures = pictures_on(page, PageGeometry.of(page), 4)
    assert pictures.covered == pytest.approx(0.5)
    assert [(image.page, image.width, image.height, image.media_type) for image in pictures.images] == [
        (4, 2, 2, media_type)
    ] * 2


def test_a_picture_in_a_form_is_where_the_form_is(tmp_path: Path) -> None:
    page = page_of(
        tmp_path / "a.pdf",
        "q 0.5 0 0 0.5 0 0 cm /X Do Q",
        form("q 300 0 0 300 0 0 cm /I Do Q", "/Resources << /XObject << /I 7 0 R >> >>"),
        IMAGE.format(""),
        resources="/XObject << /X 6 0 R >>",
    )
    (image,) = pictures_on(page, PageGeometry.of(page), 1).images
    assert image.bbox == pytest.approx((0, 150, 150, 300))


def test_a_form_without_a_picture_is_none(tmp_path: Path) -> None:
    page = page_of(tmp_path / "a.pdf", "/X Do", form("0 0 m 100 0 l S"), resources="/XObject << /X 6 0 R >>")
    pictures = pictures_on(page, PageGeometry.of(page), 1)
    assert (pictures.images, pictures.drawn) == ([], True)


def test_more_pictures_than_are_listed_still_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.extractors.pdf.pictures._MAX_IMAGES", 1)
    page = page_of(
        tmp_path / "a.pdf",
        "q 30 0 0 30 0 0 cm /I Do Q q 300 0 0 300 0 0 cm /I Do Q",
        IMAGE.format(""),
        resources="/XObject << /I 6 0 R >>",
    )
    pictures = pictures_on(page, PageGeometry.of(page), 1)
    assert len(pictures.images) == 1
    assert pictures.covered == pytest.approx(1.0)
