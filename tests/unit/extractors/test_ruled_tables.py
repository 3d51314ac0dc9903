"""Tables by the lines around their cells."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from actors.extractors.page_layout import LayoutWord
from actors.extractors.ruled_tables import Rule, Rules, take_tables


def grid(columns: list[float], rows: list[float]) -> Rules:
    """Lines at the given places, all across."""
    return Rules(level=[(y, columns[0], columns[-1]) for y in rows], plumb=[(x, rows[0], rows[-1]) for x in columns])


def word(text: str, x: float, y: float, *, bold: bool = False) -> LayoutWord:
    return LayoutWord(text, (x, y, x + 20, y + 10), 10, bold=bold, line=int(y))


def words_in_cells(columns: int, rows: int) -> list[LayoutWord]:
    return [
        word(f"{row}{column}", 100 * column + 10, 30 * row + 10) for row, column in product(range(rows), range(columns))
    ]


def test_cells_hold_the_words_between_their_lines() -> None:
    outside = word("outside", 500, 500)
    rules = grid([0, 100, 200], [0, 30, 60])
    (table,), rest = take_tables([*words_in_cells(2, 2), outside], rules)
    assert [(cell.row, cell.column, cell.text) for cell in table.table.cells] == [
        (0, 0, "00"),
        (0, 1, "01"),
        (1, 0, "10"),
        (1, 1, "11"),
    ]
    assert [row.text for row in table.rows] == ["00\t01", "10\t11"]
    assert rest == [outside]


def test_a_line_made_of_pieces_is_one() -> None:
    rules = grid([0, 100, 200], [0, 30, 60])
    rules.level = [(y + shift, x, x + 99) for y, _, _ in rules.level for x, shift in ((0, 0.0), (100, 1.0))]
    (table,), _ = take_tables(words_in_cells(2, 2), rules)
    assert (table.table.rows, table.table.columns) == (2, 2)


def test_a_cell_spans_where_no_line_divides_it() -> None:
    rules = grid([0, 100, 200, 300], [0, 30, 60, 90])
    rules.plumb[1] = (100, 30, 90)  # the first row's first two cells are one
    rules.level[2] = (60, 100, 300)  # the first column's last two cells are one
    words = [word for word in words_in_cells(3, 3) if word.text not in {"01", "20"}]
    (table,), _ = take_tables(words, rules)
    spans = {cell.text: (cell.row_span, cell.column_span) for cell in table.table.cells}
    assert spans["00"] == (1, 2)
    assert spans["10"] == (2, 1)
    assert spans["22"] == (1, 1)


def test_lines_of_one_cell_stay_apart_in_it_and_are_one_in_the_row() -> None:
    words = [*words_in_cells(2, 2), word("more", 10, 20)]
    words[0].bbox = (10, 2, 30, 12)
    (table,), _ = take_tables(words, grid([0, 100, 200], [0, 35, 70]))
    assert table.table.cells[0].text == "00\nmore"
    assert table.rows[0].text == "00 more\t01"


def test_a_bold_first_row_is_a_header() -> None:
    words = words_in_cells(2, 2)
    for each in words[:2]:
        each.bold = True
    (table,), _ = take_tables(words, grid([0, 100, 200], [0, 30, 60]))
    assert [cell.header for cell in table.table.cells] == [True, True, False, False]


def test_frames_empty_grids_and_crossed_lines_are_no_tables() -> None:
    words = words_in_cells(2, 2)
    assert take_tables(words, grid([0, 200], [0, 60]))[0] == []
    assert take_tables(words[:2], grid([0, 100, 200], [0, 30, 60]))[0] == []
    assert take_tables(words, Rules(level=[(30, 0, 200)], plumb=[(100, 0, 60)]))[0] == []
    assert take_tables(words, Rules(level=[(30, 0, 200)]))[0] == []


def test_two_tables_are_two_from_top_to_bottom() -> None:
    rules = grid([0, 100, 200], [300, 330, 360])
    above = grid([0, 100, 200], [0, 30, 60])
    rules = Rules(rules.level + above.level, rules.plumb + above.plumb)
    words = [
        *words_in_cells(2, 2),
        *(word(f"low{index}", x, y) for index, (x, y) in enumerate(product((10, 110), (310, 340)))),
    ]
    tables, _ = take_tables(words, rules)
    assert [table.bbox[1] for table in tables] == [0, 300]


def test_a_drawing_of_very_many_lines_is_left_alone() -> None:
    for lines in (800, 100):
        rules = grid([float(5 * x) for x in range(lines)], [float(5 * y) for y in range(lines)])
        assert take_tables(words_in_cells(3, 3), rules) == ([], [*words_in_cells(3, 3)])


def test_an_empty_row_is_kept_in_the_table_and_not_in_the_text() -> None:
    words = [each for each in words_in_cells(2, 3) if not each.text.startswith("1")]
    (table,), _ = take_tables(words, grid([0, 100, 200], [0, 30, 60, 90]))
    assert [row.text for row in table.rows] == ["00\t01", "", "20\t21"]
    assert table.table.rows == 3


coordinates = st.lists(st.integers(0, 40), min_size=2, max_size=6, unique=True).map(sorted)
pieces = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40)), max_size=12)


@given(coordinates, coordinates, pieces, pieces)
def test_cells_cover_the_grid_once_however_the_lines_lie(
    xs: list[int], ys: list[int], more_level: list[Rule], more_plumb: list[Rule]
) -> None:
    rules = grid([10.0 * x for x in xs], [10.0 * y for y in ys])
    rules.level += [(10.0 * y, 10.0 * min(a, b), 10.0 * max(a, b)) for y, a, b in more_level]
    rules.plumb += [(10.0 * x, 10.0 * min(a, b), 10.0 * max(a, b)) for x, a, b in more_plumb]
    words = [
        LayoutWord("w", (10 * x + 2, 10 * y + 2, 10 * x + 8, 10 * y + 8), 6) for x, y in product(range(40), repeat=2)
    ]
    for found in take_tables(words, rules)[0]:
        table = found.table
        covered = [
            (cell.row + down, cell.column + right)
            for cell in table.cells
            for down, right in product(range(cell.row_span), range(cell.column_span))
        ]
        assert sorted(covered) == list(product(range(table.rows), range(table.columns)))
