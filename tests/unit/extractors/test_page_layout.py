"""Words become lines in the order in which people read."""

from collections.abc import Sequence
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from actors.extractors.document import Table
from actors.extractors.page_layout import LayoutTable, LayoutWord, Segment, line_of, rows_of, segments_of, with_tables
from actors.extractors.reading_order import lines_in_reading_order
from actors.extractors.source_order import is_read_as_drawn, lines_of_drawn_page


def word(text: str, x: float, y: float, *, size: float = 10, line: int = 0, upright: bool = True) -> LayoutWord:
    return LayoutWord(text, (x, y, x + 5 * len(text), y + size), size, line=line, upright=upright)


def segment(text: str, x: float, y: float, *, line: int = 0, upright: bool = True) -> Segment:
    place, words = x, []
    for each in text.split():
        words.append(word(each, place, y, line=line, upright=upright))
        place += 5 * len(each) + 5
    return Segment.of(words)


def texts(lines: Sequence[object]) -> list[str]:
    return [line.text for line in lines]  # type: ignore[attr-defined]


def sentence(number: int) -> str:
    return f"the line of number {number} goes on and on"


def test_a_wide_gap_divides_a_line() -> None:
    words = [word("one", 0, 0), word("two", 20, 0), word("far", 200, 0)]
    assert [[each.text for each in part.words] for part in segments_of(words)] == [["one", "two"], ["far"]]


def test_a_jump_down_divides_what_the_source_calls_one_line() -> None:
    assert len(segments_of([word("one", 0, 0), word("two", 20, 40)])) == 2


def test_text_that_is_not_upright_stays_with_its_line() -> None:
    turned = [word("up", 0, 100, upright=False), word("wards", 0, 60, upright=False)]
    assert len(segments_of([*turned, word("flat", 10, 60)])) == 2


def test_a_superscript_follows_without_a_blank() -> None:
    row = [Segment.of([word("note", 0, 0)]), Segment.of([word("1", 20.5, -3, size=6, line=1)])]
    assert line_of(row).text == "note1"


def test_parts_of_a_row_are_joined_with_a_blank() -> None:
    assert line_of([segment("price", 0, 0), segment("5.00", 200, 0, line=1)]).text == "price 5.00"


def test_a_row_of_right_to_left_text_begins_at_the_right() -> None:
    rows = rows_of([segment("שלום", 0, 0), segment("עולם", 100, 0)])
    assert texts([line_of(row) for row in rows]) == ["עולם שלום"]


def test_what_overlaps_is_no_row() -> None:
    assert len(rows_of([segment("over", 0, 0), segment("printed", 5, 2)])) == 2


def test_a_heading_over_two_columns_comes_before_both() -> None:
    left = [segment(sentence(number), 0, 40 + 14 * number) for number in range(5)]
    right = [segment(sentence(number + 10), 300, 40 + 14 * number) for number in range(5)]
    heading = segment("A heading that runs over both of the columns and on and on and on until its end", 60, 0)
    footer = segment("A footer that runs over both of the columns and on and on and on until its end", 60, 300)
    mixed = [part for pair in zip(left, right, strict=True) for part in pair]
    lines = texts(lines_in_reading_order([footer, *mixed, heading]))
    assert lines[0].startswith("A heading")
    assert lines[1:11] == [*(sentence(number) for number in range(5)), *(sentence(number + 10) for number in range(5))]
    assert lines[11].startswith("A footer")


def test_three_columns_are_three() -> None:
    columns = [
        [segment(sentence(10 * column + row), 300 * column, 14 * row) for row in range(4)] for column in range(3)
    ]
    mixed = [part for row in zip(*columns, strict=True) for part in row]
    assert texts(lines_in_reading_order(mixed)) == [
        sentence(10 * column + row) for column in range(3) for row in range(4)
    ]


def test_cells_of_a_table_are_read_row_by_row() -> None:
    cells = [segment(f"r{row}c{column}", 100 * column, 14 * row) for row, column in product(range(5), range(4))]
    lines = texts(lines_in_reading_order(cells))
    assert lines == [" ".join(f"r{row}c{column}" for column in range(4)) for row in range(5)]


def test_a_band_that_is_no_prose_is_read_row_by_row() -> None:
    prose = [
        segment(sentence(row + 10 * column), 300 * column, 14 * row) for row, column in product(range(8), range(2))
    ]
    divider = segment("a line that runs over both of the columns and on and on and on until its end", 60, 150)
    cells = [segment(f"a{row}", 20, 200 + 14 * row) for row in range(2)]
    cells += [segment(f"b{row}", 320, 200 + 14 * row) for row in range(2)]
    assert texts(lines_in_reading_order([*prose, divider, *cells]))[-2:] == ["a0 b0", "a1 b1"]


def test_turned_text_comes_last() -> None:
    assert texts(lines_in_reading_order([segment("aside", 0, 0, upright=False), segment("text", 50, 50)])) == [
        "text",
        "aside",
    ]


def test_columns_drawn_one_after_the_other_are_read_as_drawn() -> None:
    drawn = [
        segment(sentence(row + 10 * column), 250 * column, 14 * row, line=row)
        for column, row in product(range(2), range(8))
    ]
    assert is_read_as_drawn(drawn)
    assert texts(lines_of_drawn_page(drawn)) == [
        sentence(row + 10 * column) for column, row in product(range(2), range(8))
    ]


def test_columns_of_prose_drawn_row_by_row_are_read_column_by_column() -> None:
    drawn = [
        segment(sentence(row + 10 * column), 300 * column, 14 * row, line=2 * row + column)
        for row, column in product(range(8), range(2))
    ]
    assert texts(lines_of_drawn_page(drawn))[:8] == [sentence(row) for row in range(8)]


def test_text_drawn_from_bottom_to_top_is_read_from_top_to_bottom() -> None:
    drawn = [segment(sentence(row), 0, 14 * row, line=10 - row) for row in reversed(range(8))]
    assert not is_read_as_drawn(drawn)
    assert texts(lines_of_drawn_page(drawn)) == [sentence(row) for row in range(8)]


def test_labels_drawn_in_any_order_are_read_in_rows() -> None:
    above = [segment(sentence(row), 0, 14 * row, line=row) for row in range(6)]
    labels = [
        segment(text, x, 100 + y, line=20)
        for text, x, y in (("a2", 0, 14), ("a1", 0, 0), ("b2", 50, 14), ("b1", 50, 0))
    ]
    lines = texts(lines_of_drawn_page([*above, *labels]))
    assert lines[-2:] == ["a1 b1", "a2 b2"]


def test_right_to_left_and_turned_lines_are_joined_as_drawn() -> None:
    hebrew = [segment("עולם", 0, 0), segment("שלום", 60, 0)]
    turned = [segment("on", 300, 50, upright=False), segment("edge", 340, 50, upright=False, line=1)]
    assert texts(lines_of_drawn_page([*hebrew, *turned])) == ["שלום עולם", "on edge"]


def test_a_table_stands_before_the_line_beneath_it() -> None:
    lines = lines_in_reading_order([segment("above", 0, 0), segment("beneath", 0, 200)])
    boxes = [(0.0, 50.0, 100.0, 90.0), (0.0, 300.0, 100.0, 400.0)]
    tables = [LayoutTable(Table("", 1, 2, 2, "ruled", []), [], box) for box in boxes]
    ordered = with_tables(lines, tables)
    assert [line.table and line.bbox[1] for line in ordered] == [None, 50.0, None, 300.0]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 700), st.integers(1, 12)), max_size=40))
def test_no_word_is_lost_or_read_twice(places: list[tuple[int, int, int]]) -> None:
    words = [word("x" * length, x, y, line=y) for x, y, length in places]
    for read in (lines_of_drawn_page, lines_in_reading_order):
        found = [piece.text for line in read(segments_of(words)) for piece in line.piece.words]
        assert sorted(found) == sorted(each.text for each in words)
