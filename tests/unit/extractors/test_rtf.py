# ruff: noqa: RUF001 - quotation marks and dashes look like ASCII
import binascii
import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from actors.extractors import text as text_extractor
from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions
from actors.extractors.rtf import reader, stream
from actors.extractors.rtf.extraction import extract
from tests.unit.extractors.html_files import shown
from tests.unit.extractors.no_ocr import extracted


def read(tmp_path: Path, inside: str | bytes, options: ExtractionOptions | None = None) -> Document:
    path = tmp_path / "sample.rtf"
    data = inside.encode("cp1252") if isinstance(inside, str) else inside
    path.write_bytes(b"{\\rtf1\\ansi\\ansicpg1252 " + data + b"}")
    return extracted(extract, path, options)


FONTS = r"{\fonttbl{\f0\fcharset204 Arial Cyr;}{\f1\fcharset128 MS Mincho;}{\f9 Times;}}"


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (r"plain \b bold\b0  and {\i italic}\par", "plain bold and italic"),
        ("broken\r\nin the source\\par", "brokenin the source"),
        (r"a\par b\line c\page d\sect e", "a\n\nb\nc\n\nd\n\ne"),
        ("a\\\nb", "a\n\nb"),
        (r"x\tab y\~z\_\emdash\endash\bullet\lquote\rquote\ldblquote\rdblquote", "x\ty\xa0z\u2011—–•‘’“”"),
        (r"\{\}\\\-\:", "{}\\"),
        (r"gr\'fc\'dfe", "grüße"),
        (r"\u8364?\u8364\'80!", "€€!"),
        (r"{\uc2 \u8364\'81\'82x}{\uc0 \u8364y}\uc z", "€x€yz"),
        (r"\u-10179?\u-8704?", "\U0001f600"),
        (r"\u-10179?x", "\ufffdx"),
        (r"{\uc1\u65 {}B}\u65\tab C", "ABAC"),
        (r"{\u65}B", "AB"),
        (r"\u65\~B", "AB"),
        (
            FONTS + r"{\f0 \'cf\'f0}{\f1 \'8c\'ea}\f9 \'e9",
            "Пр語é",
        ),
        (r"{\fonttbl{\f0\fcharset2 Wingdings;}{\f1\fcharset2;}}{\f0 \'a7}{\f1 \'b7}", "▪•"),
        (r"\ansicpg1251 \'cf\ansicpg65001 \'c3\'a9\ansicpg99999 \'e9", "Пéé"),
        (r"\mac \'8e", "é"),
        (r"{\*\unknown skipped\par\cell\row}{\colortbl;\red0;}{\*\generator x;}shown", "shown"),
        (r"{\field{\*\fldinst HYPERLINK \"http://x\"}{\fldrslt the link}}", "the link"),
        (r"{\object{\*\objdata 0105}{\result shown}}", "shown"),
        (r"{\upr{ansi}{\*\ud{unicode}}}", "unicode"),
        (r"{\*\shppict}{\shp{\*\shpinst{\sp{\sn x}{\sv y}}{\shptxt boxed\par}}}", "boxed"),
        (r"kept{\deleted gone}{\deleted0  too}", "kept too"),
        ("\\", "}"),
        ("{unclosed {groups", "unclosed groups"),
        ("closed} twice}", "closed twice"),
        (r"\bin3 xyz\bin after\bin-5 y", "aftery"),
    ],
)
def test_text_is_what_a_reader_shows(tmp_path: Path, rtf: str, text: str) -> None:
    assert read(tmp_path, rtf).content == text


def test_hidden_text_is_left_out_and_said(tmp_path: Path) -> None:
    document = read(tmp_path, r"a{\v not}b\v no\plain  c\v x\v0  d")

    assert document.content == "ab c d"
    assert [warning.code for warning in document.warnings] == ["hidden-text"]


STYLES = (
    r"{\stylesheet{\ql Normal;}{\s1\outlinelevel0 My heading;}{\s2 heading 2;}{\s3 Title;}{\s4 caption;}"
    r"{\s5 HTML Preformatted;}{\*\cs9 Character;}}"
)


def test_styles_and_outline_levels_tell_what_a_paragraph_is(tmp_path: Path) -> None:
    rtf = (
        STYLES + r"\pard\s1 One\par\pard\s2 Two\par\pard\s3 Name\par\pard\s4 Fig. 1\par\pard\s5   x = 1\par"
        r"\pard\outlinelevel2 Three\par\pard\outlinelevel9 text\par\pard\outlinelevel0\s2 first\par\pard\s77 plain\par"
    )

    assert shown(read(tmp_path, rtf)) == [
        *("heading/1 One", "heading/2 Two", "title Name", "caption Fig. 1", "code   x = 1"),
        *("heading/3 Three", "paragraph text", "heading/1 first", "paragraph plain"),
    ]


def test_items_of_lists_have_the_markers_that_were_written(tmp_path: Path) -> None:
    rtf = (
        r"{\listtext\tab 1.\tab}\pard\ls1\ilvl0 one\par{\pntext\f1\'b7\tab}\pard\ilvl1 two\par"
        r"\pard\bullet\tx360\tab three\par\pard 2.\tab four\par"
        r"\pard\ilvl99{\listtext -}five\par{\listtext{\v 9}x}six\par"
    )

    assert shown(read(tmp_path, rtf)) == [
        *("list_item/1 1. one", "list_item/2 · two", "list_item/1 • three", "list_item/1 2. four"),
        *("list_item/9 - five", "list_item/9 x six"),
    ]


def cells(*texts: str) -> str:
    return r"\pard\intbl " + "".join(rf"{text}\cell " for text in texts) + r"\row "


def test_cells_are_where_their_edges_are(tmp_path: Path) -> None:
    rtf = (
        r"before\par\trowd\trleft0\trhdr\cellx2010\cellx3000 "
        + cells("wide", "c")
        + r"\trowd\cellx1000\cellx2000\cellx3000 "
        + cells(r"1\par line", "2", "3")
        + r"\pard after\par"
    )

    document = read(tmp_path, rtf)

    assert shown(document) == ["paragraph before", "table wide\tc\n1 line\t2\t3", "paragraph after"]
    (table,) = document.tables
    assert (table.rows, table.columns) == (2, 3)
    assert [(cell.row, cell.column, cell.column_span, cell.text, cell.header) for cell in table.cells] == [
        *((0, 0, 2, "wide", True), (0, 2, 1, "c", True)),
        *((1, 0, 1, "1\nline", False), (1, 1, 1, "2", False), (1, 2, 1, "3", False)),
    ]


def test_merged_cells_are_merged(tmp_path: Path) -> None:
    rtf = (
        r"\trowd\clvmgf\cellx1000\clmgf\cellx2000\clmrg\cellx3000 "
        + cells("tall", "wide", "")
        + r"\trowd\clvmrg\cellx1000\cellx2000\clvmrg\cellx3000 "
        + cells("", "x", "y")
        + r"\trowd\clmrg\cellx1000 "
        + cells("odd")
    )

    (table,) = read(tmp_path, rtf).tables

    assert [(cell.row, cell.column, cell.row_span, cell.column_span, cell.text) for cell in table.cells] == [
        *((0, 0, 2, 1, "tall"), (0, 1, 1, 2, "wide"), (1, 1, 1, 1, "x"), (1, 2, 1, 1, "y"), (2, 0, 1, 1, "odd")),
    ]


@pytest.mark.parametrize("rtf", [r"\pard\intbl a\cell b\cell", r"\pard\intbl a\cell b\par"])
def test_a_row_that_does_not_end_is_one(tmp_path: Path, rtf: str) -> None:
    (table,) = read(tmp_path, rtf).tables

    assert [cell.text for cell in table.cells] == ["a", "b"]


def test_a_table_of_very_many_cells_is_divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_MAX_CELLS", 3)
    rtf = (r"\trowd\cellx1000\cellx2000 " + cells("a", "b")) * 4 + r"\trowd "

    assert [table.rows for table in read(tmp_path, rtf).tables] == [2, 2]


def test_lists_in_cells_keep_their_markers_and_nested_tables_are_text(tmp_path: Path) -> None:
    rtf = (
        r"\trowd\cellx1000\pard\intbl{\listtext -\tab}item\par "
        r"inner 1\nestcell inner 2\nestcell{\*\nesttableprops\trowd\cellx1\nestrow}\cell\row\pard"
    )

    (table,) = read(tmp_path, rtf).tables

    assert [cell.text for cell in table.cells] == ["- item\ninner 1\tinner 2"]


def test_notes_headers_footers_and_comments_have_their_places(tmp_path: Path) -> None:
    rtf = (
        r"{\header Head\par}{\headerf Head\par}"
        r"{\footer Foot {\pict\pngblip 00}\par \trowd\cellx9\pard\intbl a\cell\row}"
        r"Text{\footnote\pard\s0 The note\par{\pict 00}}{\*\annotation Why?} goes on\par"
    )

    assert shown(read(tmp_path, rtf)) == [
        *("[header Head]", "paragraph Text goes on", "footnote The note", "figure"),
        *("[paragraph Why?]", "[footer Foot]", "[figure]", "[footer a]"),
    ]


def png(width: int, height: int) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height)).save(written, "PNG")
    return written.getvalue()


def test_pictures_are_listed_with_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_IMAGES", 4)
    data = png(7, 5)
    digits = binascii.hexlify(data)
    rtf = (
        b"see {\\*\\shppict{\\pict\\pngblip\\picw7 "
        + digits[:40]
        + b"\r\n"
        + digits[40:]
        + b"}}"
        + b"{\\nonshppict{\\pict\\wmetafile8 00}}"
        + b"{\\pict\\pngblip\\bin%d %b}" % (len(data), data)
        + b"{\\pict\\emfblip\\picwgoal150\\pichgoal300 zz}{\\pict 0}{\\pict 0}\\par"
    )

    document = read(tmp_path, rtf)

    assert [(image.width, image.height, image.media_type) for image in document.images] == [
        *((7, 5, "image/png"), (7, 5, "image/png"), (10, 20, "image/emf"), (0, 0, "application/octet-stream")),
    ]
    assert shown(document) == ["paragraph see", *["figure"] * 5]


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    rtf = (
        r"\deflang1031\paperw11906\paperh16838{\info{\title A {\b deck}}{\author J\'fcrgen}"
        r"{\creatim\yr2024\mo5\dy1\hr10\min30}{\revtim\yr2024\mo13}{\*\company Inc}{\nofpages3}}x"
    )

    document = read(tmp_path, rtf)

    said = document.properties
    assert (said.title, said.author, said.language, said.page_count) == ("A deck", "Jürgen", "de-DE", 1)
    assert (said.created, said.modified) == ("2024-05-01T10:30:00Z", None)
    assert [(page.width, page.height) for page in document.pages] == [(595.3, 841.9)]
    assert document.content == "x"


def test_a_file_that_says_nothing_is_a_letter(tmp_path: Path) -> None:
    document = read(tmp_path, "x")

    assert (document.pages[0].width, document.properties.title, document.properties.language) == (612, None, None)


def test_tables_that_are_not_wanted_are_paragraphs(tmp_path: Path) -> None:
    document = read(tmp_path, r"\trowd\cellx9\cellx99 " + cells("a", "b"), ExtractionOptions(tables=False))

    assert (shown(document), document.tables) == (["paragraph a\tb"], [])


def test_what_is_no_rich_text_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "sample.rtf"
    path.write_bytes(b"no rich text")

    with pytest.raises(ExtractionFailed) as failure:
        extracted(extract, path)

    assert failure.value.code == "corrupt-file"


def test_more_bytes_than_are_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_extractor, "MAX_BYTES", 3)

    with pytest.raises(ExtractionFailed) as failure:
        read(tmp_path, "more")

    assert failure.value.code == "out-of-memory"


def test_groups_may_be_nested_without_end(tmp_path: Path) -> None:
    assert read(tmp_path, "{" * 20_000 + "deep" + "}" * 20_000).content == "deep"


_PARTS = st.sampled_from(
    [
        *(
            "{",
            "}",
            "\\par ",
            "\\cell ",
            "\\row ",
            "\\trowd ",
            "\\cellx",
            "\\intbl ",
            "\\'e9",
            "\\u",
            "\\uc",
            "\\*",
            "\\pict ",
        ),
        *(
            "{\\footnote ",
            "{\\header ",
            "{\\fonttbl ",
            "{\\stylesheet ",
            "\\f1",
            "\\s1",
            "\\bin",
            "9",
            "-1",
            "x",
            "\\",
            ";",
        ),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_PARTS, max_size=40))
def test_any_order_of_words_is_read(tmp_path: Path, parts: list[str]) -> None:
    assert read(tmp_path, "".join(parts)).status == "succeeded"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    with suppress(ExtractionFailed):
        read(tmp_path, data)
