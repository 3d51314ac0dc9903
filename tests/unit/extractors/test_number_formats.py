"""Numbers as a person sees them in a spreadsheet."""

# ruff: noqa: DTZ001, DTZ007 - a spreadsheet knows no zones
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from actors.extractors.xlsx.number_formats import NumberFormats, formatted_number

CASES = [
    ("General", 0.1 + 0.2, "0.3"),
    ("General", 1e20, "1E+20"),
    ("General", 123456789012, "123456789012"),
    ("General", -1.5, "-1.5"),
    ('General" kg"', 2, "2 kg"),
    ("0", 1.5, "2"),
    ("0", -0.2, "0"),
    ("#", 0, ""),
    ("00000", 42, "00042"),
    ("0.00", 1.005, "1.01"),
    ("0.0#", 1.5, "1.5"),
    ("0.##", 1, "1."),
    ("#.##", 0.5, ".5"),
    (".00", 12.345, "12.35"),
    ("0.0??", 1.5, "1.5"),
    ("??0", 5, "5"),
    ("#,##0", 1234567.5, "1,234,568"),
    ("0,000", 12, "0,012"),
    ("#,##0.00", -1234.5, "-1,234.50"),
    ("#,##0,", 1234567, "1,235"),
    ('0.0,,"M"', 12345678, "12.3M"),
    ("0%", 0.256, "26%"),
    ("0.00%", 0.12345, "12.35%"),
    ("0.00E+00", 12345.678, "1.23E+04"),
    ("0.00E-00", 12345.678, "1.23E04"),
    ("0.00E+00", 0.00012345, "1.23E-04"),
    ("0.0E+0", 9.96, "1.0E+1"),
    ("0.0E+0", 0, "0.0E+0"),
    ('##0.0E+0" x"', 12345, "12.3E+3 x"),
    ("# ?/?", 1.5, "1 1/2"),
    ("# ?/?", 2, "2"),
    ("# ??/??", 0.3333, "1/3"),
    ("?/?", 1.5, "3/2"),
    ("# ?/8", 1.3, "1 2/8"),
    ("# ?/8", 2.99, "3"),
    ("# ?/8", 0.01, "0"),
    ("?/16", 1.5, "24/16"),
    ("#,##0;(#,##0)", -5, "(5)"),
    ("#,##0;(#,##0);-", 0, "-"),
    ("#,##0_);[Red](#,##0)", -1234, "(1,234)"),
    ('"$"#,##0.00', 5, "$5.00"),
    ("[$€-407] #,##0.00", 5, "€ 5.00"),
    ("[$-409]0.0", 5, "5.0"),
    ("[Red]0;[Blue]-0", -5, "-5"),
    ("000-00-0000", 123456789, "123-45-6789"),
    ("(000) 000-0000", 5551234567, "(555) 123-4567"),
    ("[>100]0.0;[<=100]0.00", 50, "50.00"),
    ("[>100]0.0;[<=100]0.00", 500, "500.0"),
    ('[=1]"one";[<>1]"other"', 1, "one"),
    ('[=1]"one";[<>1]"other"', 2, "other"),
    ('[=1]"one";[=0]"none"', 2, ""),
    ('[<0]"less";0', 2, "2"),
    ('[>=2]"many";0', 2, "many"),
    ("@", 5, ""),
    (";;;", 5, ""),
    ('"a;b"0', 5, "a;b5"),
    ('"open', 5, "open"),
    ("0\\x", 3, "3x"),
    ("*-0", 3, "3"),
    ("yyyy-mm-dd", 45292, "2024-01-01"),
    ("d-mmm-yy", 45292, "1-Jan-24"),
    ('dddd", "mmmm d', 45292, "Monday, January 1"),
    ("ddd mmmmm", 45292, "Mon J"),
    ("yyyy-mm-dd h:mm", 45292.25, "2024-01-01 6:00"),
    ("h:mm AM/PM", 0.75, "6:00 PM"),
    ("h A/P", 0.25, "6 A"),
    ("hh:mm:ss", 0.5, "12:00:00"),
    ("h:m", 1.5 / 24, "1:30"),
    ("mm:ss.0", 1.25 / 86400, "00:01.2"),
    ("h:mm:ss", 1.75 / 86400, "0:00:02"),
    ("[h]:mm:ss", 1.5, "36:00:00"),
    ("[mm]:ss", 1 / 24, "60:00"),
    ("[s]", 1 / 24, "3600"),
    ("d/m/yyyy", 1, "1/1/1900"),
    ("d/m/yyyy", 59, "28/2/1900"),
    ("d/m/yyyy", 61, "1/3/1900"),
    ("yyyy", -1, "-1"),
    ("yyyy", 1e9, "1000000000"),
    ("0" * 300, 5, "5"),
    ("%" * 250 + "0", 1e300, "1E+300"),
]


@pytest.mark.parametrize(("code", "value", "shown"), CASES)
def test_a_number_is_shown_as_its_format_says(code: str, value: float, shown: str) -> None:
    assert formatted_number(code, value) == shown


def test_some_workbooks_count_from_1904() -> None:
    assert formatted_number("yyyy-mm-dd", 0, from_1904=True) == "1904-01-01"
    assert formatted_number("yyyy-mm-dd", 2958400, from_1904=True) == "2958400"


_CODES = st.text('0#?.,%/E+-;[]()_*@\\" $€hmsdyAPGenral=<>019', max_size=20)


@given(_CODES, st.floats(allow_nan=False, allow_infinity=False))
def test_no_format_fails_on_any_number(code: str, value: float) -> None:
    assert isinstance(formatted_number(code, value), str)


@given(st.integers(-(10**14), 10**14), st.integers(0, 5))
def test_places_are_what_python_rounds_to(value: int, places: int) -> None:
    code = "#,##0" + ("." + "0" * places if places else "")
    assert formatted_number(code, value) == f"{value:,.{places}f}"


@given(st.floats(1, 2_958_465))
def test_a_date_has_the_parts_of_its_moment(serial: float) -> None:
    shown = datetime.strptime(formatted_number("yyyy mm dd hh:mm:ss", serial), "%Y %m %d %H:%M:%S")
    first = datetime(1899, 12, 31 if serial < 60 else 30)

    assert abs((shown - first).total_seconds() - serial * 86400) <= 1


def test_styles_name_formats_of_their_own_and_built_in_ones() -> None:
    styles = etree.fromstring(
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<numFmts><numFmt numFmtId="164" formatCode="0.000"/><numFmt numFmtId="165"/></numFmts>'
        '<cellXfs><xf numFmtId="164"/><xf numFmtId="14"/><xf numFmtId="9"/><xf/><xf numFmtId="165"/></cellXfs>'
        "</styleSheet>"
    )
    formats = NumberFormats(styles, from_1904=False)

    shown = [formats.text(style, 0.5) for style in (0, 2, 3, 4, 99, -1)]
    assert shown == ["0.500", "50%", "0.5", "0.5", "0.5", "0.5"]
    assert formats.text(1, 45292) == "2024-01-01"
    assert NumberFormats(None, from_1904=False).text(0, 1) == "1"
