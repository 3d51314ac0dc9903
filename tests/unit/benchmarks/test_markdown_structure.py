"""What a program says of structure in Markdown, as the score takes it."""

from benchmarks.compare.markdown_structure import grids_of, structure_of_markdown

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


def test_prose_has_no_structure() -> None:
    found = structure_of_markdown("Just text, 3 | 4.")
    assert (found.headings, found.list_items, grids_of(found)) == ([], [], [])
