"""The markers of list items, as Word counts them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.extractors.office.list_numbers import formatted
from tests.unit.extractors.docx_files import p, read_body, root


def level(number: int, text: str, number_format: str = "decimal", more: str = "", start: int = 1) -> str:
    return (
        f'<w:lvl w:ilvl="{number}"><w:start w:val="{start}"/><w:numFmt w:val="{number_format}"/>'
        f'{more}<w:lvlText w:val="{text}"/></w:lvl>'
    )


def numbering(
    *levels: str, lists: str = '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>', more: str = ""
) -> str:
    abstract = f'<w:abstractNum w:abstractNumId="0">{"".join(levels)}</w:abstractNum>'
    return root("w:numbering", abstract + more + lists)


def item(text: str, depth: int = 0, list_id: str = "1") -> str:
    return p(text, f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{list_id}"/></w:numPr>')


def lines(tmp_path: Path, body: str, numbers: str, styles: str = "") -> list[str]:
    parts = {"numbering": numbers} | ({"styles": styles} if styles else {})
    return read_body(tmp_path, body, **parts).content.split("\n\n")


def test_levels_count_by_themselves_and_start_again_below(tmp_path: Path) -> None:
    numbers = numbering(level(0, "%1."), level(1, "%2)", "lowerLetter"), level(2, "%1.%2.%3", "upperRoman"))
    body = item("x") + item("x", 1) + item("x", 1) + item("x", 2) + item("x") + item("x", 1)

    assert lines(tmp_path, body, numbers) == ["1. x", "a) x", "b) x", "1.b.I x", "2. x", "a) x"]


def test_depth_is_the_level_of_the_block(tmp_path: Path) -> None:
    document = read_body(tmp_path, item("x") + item("x", 2), numbering=numbering(level(0, "%1."), level(2, "%3.")))

    assert [(block.type, block.level) for block in document.blocks] == [("list_item", 1), ("list_item", 3)]


def test_legal_numbers_are_decimal_all_through(tmp_path: Path) -> None:
    numbers = numbering(level(0, "%1.", "upperRoman"), level(1, "%1.%2", more="<w:isLgl/>"))

    assert lines(tmp_path, item("x") + item("x", 1), numbers) == ["I. x", "1.1 x"]


def test_a_deeper_level_without_one_above_counts_that_as_begun(tmp_path: Path) -> None:
    numbers = numbering(level(0, "%1."), level(1, "%1.%2"))

    assert lines(tmp_path, item("x", 1) + item("x"), numbers) == ["1.1 x", "2. x"]


def test_a_level_may_go_on_counting_through_those_above(tmp_path: Path) -> None:
    never = '<w:lvlRestart w:val="0"/>'
    numbers = numbering(level(0, "%1."), level(1, "%2)", more=never))

    assert lines(tmp_path, item("x", 1) + item("x") + item("x", 1), numbers) == ["1) x", "2. x", "2) x"]


def test_a_level_may_start_again_only_after_some_above(tmp_path: Path) -> None:
    numbers = numbering(level(0, "%1."), level(1, "%2."), level(2, "%3)", more='<w:lvlRestart w:val="1"/>'))
    body = item("x", 2) + item("x", 1) + item("x", 2) + item("x") + item("x", 2)

    assert lines(tmp_path, body, numbers) == ["1) x", "2. x", "2) x", "2. x", "1) x"]


def test_lists_of_one_kind_count_on_and_an_override_starts_again_once(tmp_path: Path) -> None:
    lists = (
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="0"/></w:num>'
        '<w:num w:numId="3"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/>'
        "</w:lvlOverride></w:num>"
    )
    body = item("x") + item("x", list_id="2") + item("x", list_id="3") + item("x", list_id="3")

    assert lines(tmp_path, body, numbering(level(0, "%1."), lists=lists)) == ["1. x", "2. x", "5. x", "6. x"]


def test_an_override_may_define_the_level_anew(tmp_path: Path) -> None:
    lists = (
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0">'
        + level(0, "§%1", start=3)
        + "</w:lvlOverride></w:num>"
    )

    assert lines(tmp_path, item("x"), numbering(level(0, "%1."), lists=lists)) == ["§3 x"]


def test_a_list_may_have_its_levels_from_a_numbering_style(tmp_path: Path) -> None:
    more = (
        f'<w:abstractNum w:abstractNumId="7"><w:styleLink w:val="S"/>{level(0, "(%1)")}</w:abstractNum>'
        '<w:abstractNum w:abstractNumId="8"><w:numStyleLink w:val="S"/></w:abstractNum>'
        '<w:abstractNum w:abstractNumId="9"><w:numStyleLink w:val="nowhere"/></w:abstractNum>'
    )
    lists = "".join(f'<w:num w:numId="{each}"><w:abstractNumId w:val="{each}"/></w:num>' for each in (8, 9))
    body = item("x", list_id="8") + item("y", list_id="9")

    assert lines(tmp_path, body, numbering(lists=lists, more=more)) == ["(1) x", "y"]


@pytest.mark.parametrize(
    ("text", "font", "marker"),
    [
        ("\uf0b7", "Symbol", "•"),
        ("\uf0a7", "Wingdings", "▪"),
        ("o", "Courier New", "◦"),
        ("\uf0b7", "", "•"),
        ("\ue123", "", "•"),
        ("–", "", "–"),  # noqa: RUF001 - a dash is a bullet too
    ],
)
def test_bullets_are_what_their_font_shows(tmp_path: Path, text: str, font: str, marker: str) -> None:
    fonts = f'<w:rPr><w:rFonts w:ascii="{font}"/></w:rPr>' if font else ""

    assert lines(tmp_path, item("x"), numbering(level(0, text, "bullet", fonts))) == [f"{marker} x"]


def test_an_empty_item_counts_and_shows_nothing(tmp_path: Path) -> None:
    assert lines(tmp_path, item("x") + item("") + item("x"), numbering(level(0, "%1."))) == ["1. x", "3. x"]


def test_a_list_that_is_not_defined_gives_no_marker(tmp_path: Path) -> None:
    lists = '<w:num w:numId="1"><w:abstractNumId w:val="99"/></w:num>'
    body = item("a", list_id="0") + item("b", list_id="42") + item("c")

    assert lines(tmp_path, body, numbering(lists=lists)) == ["a", "b", "c"]


STYLES = root(
    "w:styles",
    '<w:style w:type="paragraph" w:styleId="L1"><w:name w:val="l1"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr>'
    '</w:pPr></w:style><w:style w:type="paragraph" w:styleId="L2"><w:name w:val="l2"/><w:pPr><w:numPr>'
    '<w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="L3"><w:name w:val="heading 3"/><w:basedOn w:val="L1"/><w:pPr><w:numPr/>'
    "</w:pPr></w:style>",
)


def test_a_style_may_bring_its_list_and_level(tmp_path: Path) -> None:
    numbers = numbering(level(0, "%1."), level(1, "%1.%2"), level(2, "%1.%2.%3", more='<w:pStyle w:val="L1"/>'))
    own = '<w:numPr><w:ilvl w:val="0"/></w:numPr>'
    body = p("x", '<w:pStyle w:val="L2"/>') + p("y", '<w:pStyle w:val="L1"/>') + p("z", f'<w:pStyle w:val="L2"/>{own}')

    assert lines(tmp_path, body, numbers, STYLES) == ["1.1 x", "1.1.1 y", "2. z"]


def test_a_heading_keeps_its_number(tmp_path: Path) -> None:
    document = read_body(
        tmp_path, p("x", '<w:pStyle w:val="L3"/>'), numbering=numbering(level(0, "%1.")), styles=STYLES
    )

    assert (document.content, document.blocks[0].type, document.blocks[0].level) == ("1. x", "heading", 3)


def test_a_style_whose_list_is_not_defined_is_no_list(tmp_path: Path) -> None:
    assert lines(tmp_path, p("x", '<w:pStyle w:val="L1"/>'), root("w:numbering", ""), STYLES) == ["x"]


@pytest.mark.parametrize(
    ("number_format", "number", "text"),
    [
        ("decimal", 7, "7"),
        ("decimalZero", 7, "07"),
        ("lowerLetter", 27, "aa"),
        ("upperLetter", 2, "B"),
        ("lowerRoman", 1994, "mcmxciv"),
        ("upperRoman", 40, "XL"),
        ("upperRoman", 40_000, "40000"),
        ("ordinal", 1, "1st"),
        ("ordinal", 12, "12th"),
        ("ordinal", 23, "23rd"),
        ("numberInDash", 3, "- 3 -"),
        ("decimalEnclosedCircle", 3, "③"),
        ("decimalEnclosedCircle", 21, "21"),
        ("decimalEnclosedParen", 3, "(3)"),
        ("decimalEnclosedFullstop", 3, "3."),
        ("decimalFullWidth", 12, "１２"),  # noqa: RUF001
        ("chineseCounting", 3, "三"),
        ("chineseCounting", 10, "十"),
        ("japaneseCounting", 21, "二十一"),
        ("chineseCounting", 105, "一百〇五"),
        ("chineseCounting", 110, "一百一十"),
        ("chineseCounting", 200, "二百"),
        ("chineseCounting", 2024, "二〇二四"),
        ("ideographTraditional", 11, "甲"),
        ("russianLower", 3, "в"),
        ("none", 5, ""),
        ("bullet", 5, ""),
        ("unheard-of", 5, "5"),
        ("lowerRoman", 0, "0"),
    ],
)
def test_numbers_are_written_in_the_format_of_the_list(number_format: str, number: int, text: str) -> None:
    assert formatted(number, number_format) == text


@given(st.integers(-5, 2**31), st.sampled_from(["lowerLetter", "upperRoman", "chineseCounting", "hebrew1", "aiueo"]))
def test_every_number_has_a_short_form(number: int, number_format: str) -> None:
    assert 0 < len(formatted(number, number_format)) <= 100
