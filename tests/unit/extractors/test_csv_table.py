import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.extractors import text as text_extractor
from actors.extractors.csv_table import delimiter_of, extract, rows_of
from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions
from tests.unit.extractors.html_files import shown
from tests.unit.extractors.no_ocr import extracted


def read(tmp_path: Path, data: str | bytes, options: ExtractionOptions | None = None) -> Document:
    path = tmp_path / "sample.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return extracted(extract, path, options)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
        ("a;b\n1,5;2,5\n", [["a", "b"], ["1,5", "2,5"]]),
        ("a\tb\n1,2\t3;4\n", [["a", "b"], ["1,2", "3;4"]]),
        ("a|b\n1|2\n", [["a", "b"], ["1", "2"]]),
        ("one\ntwo\n", [["one"], ["two"]]),
        ('"a,1",b\n"say ""x""",c\n', [["a,1", "b"], ['say "x"', "c"]]),
        ('a,b\n"two\nlines",c\n', [["a", "b"], ["two\nlines", "c"]]),
        ("sep=|\na|b;c\n", [["a", "b;c"]]),
        ("sep=\na,b\n", [["sep="], ["a", "b"]]),
        ("\n\na,b\n,\n1,2\n", [["a", "b"], ["1", "2"]]),
        ("a,b\n1\n2,3,4\n5,6\n", [["a", "b"], ["1"], ["2", "3", "4"], ["5", "6"]]),
        ("", []),
    ],
)
def test_rows_are_found_in_every_dialect(text: str, rows: list[list[str]]) -> None:
    assert rows_of(text) == rows


@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(
            st.lists(st.text("ab 1.", min_size=1).filter(str.strip), min_size=width, max_size=width),
            min_size=1,
            max_size=8,
        )
    ),
    st.sampled_from("\t;,|"),
)
def test_what_a_writer_wrote_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows(rows)

    assert delimiter_of(written.getvalue()) == delimiter
    assert rows_of(written.getvalue()) == rows


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("name,price\npen,1.50\n", True),
        ("1,2\n3,4\n", False),
        ("2024-01-01,x\n2024-01-02,y\n", False),
        ("€ 5.00,x\n1,y\n", False),
        ("a,\n1,2\n", False),
        ("a,a\n1,2\n", False),
        ("a,b\n", False),
    ],
)
def test_a_first_row_of_names_is_a_header(tmp_path: Path, text: str, is_named: bool) -> None:
    (table,) = read(tmp_path, text).tables

    assert {cell.header for cell in table.cells if cell.row == 0} == {is_named}
    assert not any(cell.header for cell in table.cells if cell.row > 0)


def test_a_formula_is_nothing_but_text(tmp_path: Path) -> None:
    (table,) = read(tmp_path, "a,b\n=cmd|' /C calc'!A0,+1\n").tables

    assert [cell.text for cell in table.cells][2:] == ["=cmd|' /C calc'!A0", "+1"]


def test_rows_are_lines_of_the_text(tmp_path: Path) -> None:
    document = read(tmp_path, 'a,b\n"x\ny",2\n')

    assert shown(document) == ["table a\tb\nx y\t2"]
    assert (document.tables[0].rows, document.tables[0].columns) == (2, 2)


def test_other_encodings_are_read_and_said(tmp_path: Path) -> None:
    document = read(tmp_path, "Größe;Straße\n1;2\n".encode("cp1252"))

    assert document.tables[0].cells[0].text == "Größe"
    assert [warning.code for warning in document.warnings] == ["encoding"]


def test_tables_that_are_not_wanted_are_paragraphs(tmp_path: Path) -> None:
    document = read(tmp_path, "a,b\n1,2\n", ExtractionOptions(tables=False))

    assert (shown(document), document.tables) == (["paragraph a\tb\n1\t2"], [])


def test_an_empty_file_is_an_empty_page(tmp_path: Path) -> None:
    assert (read(tmp_path, "").pages[0].source, read(tmp_path, "").tables) == ("none", [])


def test_a_field_as_long_as_the_file_is_read(tmp_path: Path) -> None:
    assert len(read(tmp_path, "a,b\n1," + "x" * 300_000).tables[0].cells[3].text) == 300_000


def test_more_lines_than_are_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_extractor, "MAX_LINES", 3)

    with pytest.raises(ExtractionFailed) as failure:
        read(tmp_path, "1\n2\n3\n4")

    assert failure.value.code == "out-of-memory"
