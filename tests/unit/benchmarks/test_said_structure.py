"""What a program says of structure in Markdown or HTML, as the score takes it."""

from benchmarks.compare.html_structure import structure_of_html
from benchmarks.compare.markdown_structure import grids_of, structure_of_markdown
from benchmarks.structure.truth import Cell

TEXT = """# The *first* title

Some text
on two lines &amp; more.

- one
- two
  1. inner

| a | b |
|---|---|
| 1 |  |
| 3 | **4** |

## Below
"""


def test_headings_lists_tables_and_text_are_found() -> None:
    found = structure_of_markdown(TEXT)
    assert found.headings == [(1, "The first title"), (2, "Below")]
    assert found.list_items == ["one", "two", "inner"]
    assert grids_of(found) == [[["a", "b"], ["1", ""], ["3", "4"]]]
    assert found.pieces[:2] == ["The first title", "Some text on two lines & more."]


def test_tables_with_spans_are_found_in_html() -> None:
    found = structure_of_html(
        "<h2>A  head</h2><ul><li>one</li></ul>"
        "<table><tr><th rowspan=2>a</th><th colspan=2>b</th></tr><tr><td>c</td><td>d</td></tr></table>"
    )
    assert (found.headings, found.list_items) == ([(2, "A head")], ["one"])
    assert found.tables == [(Cell(0, 0, "a", 2, 1), Cell(0, 1, "b", 1, 2), Cell(1, 1, "c"), Cell(1, 2, "d"))]
    assert grids_of(found) == [[["a", "b", ""], ["", "c", "d"]]]
    assert structure_of_html("").tables == []


def test_prose_has_no_structure() -> None:
    found = structure_of_markdown("Just text, 3 | 4.")
    assert (found.headings, found.list_items, grids_of(found)) == ([], [], [])
