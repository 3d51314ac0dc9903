"""Tables that no lines, or only level ones, tell from text."""

import pytest

from actors.extractors.aligned_tables import take_aligned_tables
from actors.extractors.page_layout import LayoutTable, LayoutWord, Segment, segments_of
from actors.extractors.ruled_tables import Rule
from benchmarks.structure.cases import cases
from benchmarks.structure.muniment_side import MunimentReader
from benchmarks.structure.score import score

WIDTH = 5.0
"""Of a character."""
Lines = list[tuple[float, list[tuple[float, str]]]]


def words(lines: Lines, *, bold: int = 0) -> list[LayoutWord]:
    """Texts at their left edges, line by line at the given tops; the first `bold` lines are so."""
    made = []
    for number, (top, texts) in enumerate(lines):
        for left, text in texts:
            x = left
            for word in text.split():
                box = (x, top, x + WIDTH * len(word), top + 10)
                made.append(LayoutWord(word, box, 10, bold=number < bold, line=number))
                x += WIDTH * (len(word) + 0.6)
    return made


def rows(*texts: list[str], step: float = 14, columns: tuple[float, ...] = (50, 200, 300, 400)) -> Lines:
    return [
        (100 + step * row, [(columns[at], text) for at, text in enumerate(line) if text])
        for row, line in enumerate(texts)
    ]


def found(lines: Lines, level: list[Rule] | None = None, *, bold: int = 0) -> list[LayoutTable]:
    return take_aligned_tables(segments_of(words(lines, bold=bold)), level or [])[0]


def texts_in(segments: list[Segment]) -> str:
    return " ".join(word.text for segment in segments for word in segment.words)


def texts_of(table: LayoutTable) -> list[list[str]]:
    made = [[""] * table.table.columns for _ in range(table.table.rows)]
    for cell in table.table.cells:
        made[cell.row][cell.column] = cell.text
    return made


PRICES = [["Part", "Count", "Price"], ["Valve", "12", "3.50"], ["Pump", "7", "19.00"], ["Ferry", "", "4.25"]]


def test_columns_of_data_below_a_header_are_a_table() -> None:
    (table,) = found(rows(*PRICES))
    assert texts_of(table) == PRICES
    assert [row.text for row in table.rows][:2] == ["Part\tCount\tPrice", "Valve\t12\t3.50"]
    assert [cell.text for cell in table.table.cells if cell.header] == PRICES[0]
    assert table.table.method == "aligned"
    assert 0.5 < table.table.confidence <= 1


def test_text_around_a_table_stays_text() -> None:
    prose = "the harbour of the town is as old as the town itself and much larger than it"
    lines: Lines = [(86, [(50, prose)]), *rows(*PRICES), (100 + 14 * 4, [(50, prose)])]
    (table,), rest = take_aligned_tables(segments_of(words(lines)))
    assert texts_of(table) == PRICES
    assert texts_in(rest) == f"{prose} {prose}"


def test_lines_of_one_cell_are_one_cell_by_the_space_between_rows() -> None:
    lines = rows(*PRICES, step=26)
    lines += [(136, [(50, "of brass"), (200, "about")])]
    (table,) = found(sorted(lines, key=lambda line: line[0]))
    assert texts_of(table)[1] == ["Valve\nof brass", "12\nabout", "3.50"]


def test_lines_of_one_cell_are_one_cell_by_what_begins_a_row() -> None:
    lines = rows(
        ["Part", "Remark", "Price"],
        ["Valve", "made of", "3.50"],
        ["", "brass", ""],
        ["Pump", "heavy", "19.00"],
        ["Ferry", "sold", "2.00"],
        ["", "already", ""],
    )
    (table,) = found(lines)
    assert texts_of(table)[1:] == [
        ["Valve", "made of\nbrass", "3.50"],
        ["Pump", "heavy", "19.00"],
        ["Ferry", "sold\nalready", "2.00"],
    ]


def test_a_heading_within_a_table_is_a_row_of_it() -> None:
    lines = rows(*PRICES[:3], ["Sold or given away"], ["Ferry", "3", "4.25"], ["Boat", "1", "9.00"])
    (table,) = found(lines)
    assert texts_of(table)[3] == ["Sold or given away", "", ""]


def test_a_long_heading_within_a_table_spans_columns() -> None:
    lines = rows(*PRICES[:3], ["Sold or given away before the war"], *PRICES[1:], columns=(50, 130, 400))
    (table,) = found(lines)
    (wide,) = [cell for cell in table.table.cells if cell.column_span > 1]
    assert (wide.row, wide.column, wide.column_span) == (3, 0, 2)


def test_lines_below_headings_say_how_many_columns_they_span() -> None:
    lines = rows(
        ["", "2021", "", "2022"],
        ["Part", "Plan", "Real", "Plan"],
        ["Valve", "1.00", "2.00", "3.00"],
        ["Pump", "1.50", "2.50", "3.50"],
    )
    level: list[Rule] = [(98, 50, 430), (112, 195, 340), (126, 50, 430), (155, 50, 430)]
    (table,) = found(lines, level)
    assert [(cell.text, cell.row_span, cell.column_span) for cell in table.table.cells][:3] == [
        ("Part", 2, 1),
        ("2021", 1, 2),
        ("2022", 1, 1),
    ]
    assert sum(cell.header for cell in table.table.cells) == 6


def test_a_heading_between_two_columns_spans_both() -> None:
    lines = rows(
        ["", "", "", "2022"],
        ["Part", "Plan", "Real", "Plan"],
        ["Valve", "1.00", "2.00", "3.00"],
        ["Pump", "1", "2", "3"],
    )
    lines[0] = (100, [(250, "2021"), (400, "2022")])
    level: list[Rule] = [(98, 50, 430), (112, 395, 430), (126, 50, 430), (155, 50, 430)]
    (table,) = found(lines, level)
    (wide,) = [cell for cell in table.table.cells if cell.column_span > 1]
    assert (wide.text, wide.row, wide.column, wide.column_span) == ("2021", 0, 1, 2)


def test_a_last_line_goes_on_with_its_cell_where_it_stands_below_it() -> None:
    lines = rows(
        ["Part", "Remark", "Price"], ["Valve", "made", "3.50"], ["Pump", "heavy", "19.00"], ["", "iron"], ["Done"]
    )
    (table,), rest = take_aligned_tables(segments_of(words(lines)))
    assert texts_of(table)[2] == ["Pump", "heavy\niron", "19.00"]
    assert texts_in(rest) == "Done"


def test_level_lines_make_a_table_of_what_alignment_alone_does_not() -> None:
    lines = rows(["Name", "Place"], ["Ada", "Harbour"], ["Bruno", "Market"])
    assert found(lines) == []
    (table,) = found(lines, [(98, 50, 235), (112, 50, 235), (141, 50, 235)])
    assert texts_of(table) == [["Name", "Place"], ["Ada", "Harbour"], ["Bruno", "Market"]]


def test_two_columns_are_a_table_with_a_header_and_data() -> None:
    lines = rows(["Part", "Price"], ["Valve", "3.50"], ["Pump", "19.00"], ["Ferry", "4.25"])
    (table,) = found(lines, bold=1)
    assert table.table.columns == 2


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(rows(*[[f"Chapter {n} . . . . . . .", "about", str(n)] for n in range(1, 8)]), id="leaders"),
        pytest.param(rows(["Contents", "Page"], *[["Chapter", str(n)] for n in range(1, 8)]), id="pages"),
        pytest.param(rows(*[[f"Name {n}:", str(n)] for n in range(1, 8)]), id="labels"),
        pytest.param(rows(*[[f"{n}.", "Item"] for n in range(1, 8)]), id="list"),
        pytest.param(rows(*[["let a", "= 5;", f"// {n}"] for n in range(1, 8)]), id="code"),
        pytest.param(rows(*[["f(x)", ":=", str(n)] for n in range(1, 8)]), id="formulas"),
        pytest.param(rows(*[["1", "2", "3"]] * 6), id="nothing but numbers"),
        pytest.param(
            rows(["Ada Holm", "Bruno Lund", "Clara Dahl"], *[["Harbour", "Market", "Bridge"]] * 5), id="names"
        ),
        pytest.param(rows(["Ada", "a@b.test", "12"], *[["Elif", "c@d.test", "13"]] * 5), id="addresses"),
        pytest.param(
            rows(*[["The harbour of the town is", "as old as the town", "and larger than it"]] * 8), id="prose"
        ),
        pytest.param(rows(["Part", "", ""], ["Valve", "", "2"], ["Pump", "4", ""], ["Ferry", "", "1"]), id="empty"),
        pytest.param(rows(["Part", "1", "2"], ["Valve", "3", "4"], ["Pump", "5", "6"]), id="few rows without a header"),
        pytest.param(
            [
                (100 + 14 * n, [(50 + 9 * (n % 2), "Part"), (200 + 25 * (n % 3), "12"), (320 + 23 * (n % 4), "7")])
                for n in range(9)
            ],
            id="not aligned",
        ),
        pytest.param(rows(["Part", "Count", "Price"], ["Valve", "12", "3.50"]), id="two rows"),
        pytest.param(rows(*PRICES, step=40), id="far apart"),
    ],
)
def test_what_only_looks_like_a_table_is_none(lines: Lines) -> None:
    assert found(lines) == []


def test_pages_with_very_many_pieces_are_left_alone() -> None:
    assert found(rows(*PRICES, *[["Valve", "12", "3.50"]] * 1100)) == []


@pytest.mark.parametrize(("kind", "least"), [("booktabs", 0.95), ("borderless", 0.95), ("spanning booktabs", 0.9)])
def test_written_tables_are_found_cell_by_cell(kind: str, least: float) -> None:
    reader = MunimentReader()
    try:
        scores = [score(case.truth, reader(case.pdf))["cells"] for case in cases(per_kind=3, kinds=[kind])]
    finally:
        reader.close()
    assert sum(scores) / len(scores) >= least
