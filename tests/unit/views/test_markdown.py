"""A document as Markdown: structure becomes marks, and what the document says stays text."""

from typing import Any

import pytest

from actors.extractors.assembly import BlockPiece, LinePiece, PagePiece, WordPiece, assemble
from actors.extractors.document import BlockType, Cell, Document, Table
from actors.views.markdown import markdown
from actors.views.selected_document import with_pages
from tests.unit.extractors.json_documents import as_json


def block(kind: BlockType, *lines: str, **more: Any) -> BlockPiece:
    return BlockPiece(kind, [LinePiece(line) for line in lines], **more)


def written(*blocks: BlockPiece) -> str:
    return markdown(as_json(assemble(Document(), [PagePiece(1, 600, 800, list(blocks))])))


def test_titles_and_headings_have_their_levels() -> None:
    text = written(
        block("title", "Report"), block("heading", "Part", "one", level=2), block("heading", "Deep", level=9)
    )
    assert text == "# Report\n\n## Part one\n\n###### Deep\n"


def test_headers_and_footers_are_left_out() -> None:
    assert written(block("header", "page 1", layer="furniture"), block("paragraph", "text")) == "text\n"


def test_a_document_without_text_is_empty() -> None:
    assert written() == ""
    assert written(block("figure"), block("heading", "  ")) == ""


def test_items_of_a_list_stand_together_and_nest() -> None:
    text = written(
        block("paragraph", "before"),
        block("list_item", "• one", level=1),
        block("list_item", "a) inner", level=2),
        block("list_item", "2. two", level=1),
        block("list_item", "plain", level=3),
        block("paragraph", "after"),
    )
    assert text == "before\n\n- one\n    - a) inner\n2. two\n    - plain\n\nafter\n"


def test_an_item_that_begins_deep_does_not_become_code() -> None:
    assert written(block("list_item", "- deep", level=4)) == "- deep\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("# no heading", r"\# no heading"),
        ("- no item", r"\- no item"),
        ("1. no number", r"1\. no number"),
        ("===", r"\==="),
        ("---", r"\---"),
        ("> no quotation", r"\> no quotation"),
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("a *b* _c_ `d` [e](f) ![g](h) &amp; | ~~i~~", r"a \*b\* \_c\_ \`d\` \[e\](f) !\[g\](h) \&amp; \| \~\~i\~\~"),
        ("3.14 is no item", "3.14 is no item"),
    ],
)
def test_what_looks_like_markup_stays_text(line: str, expected: str) -> None:
    assert written(block("paragraph", line)) == expected + "\n"


def test_code_is_fenced_by_more_backticks_than_it_has() -> None:
    assert written(block("code", "a ``` b")) == "````\na ``` b\n````\n"
    assert written(block("code", "plain")) == "```\nplain\n```\n"


def table_of(rows: int, columns: int, *cells: Cell) -> Table:
    return Table("", 1, rows, columns, "ruled", list(cells))


def test_a_table_has_its_first_row_as_head_and_spans_flattened() -> None:
    table = table_of(2, 2, Cell(0, 0, "wide", column_span=2), Cell(1, 0, "a | b"), Cell(1, 1, "two\nlines"))
    text = written(block("table", "wide", "a | b\ttwo lines", table=table))
    assert text == "| wide |  |\n| --- | --- |\n| a \\| b | two lines |\n"


def test_a_table_without_rows_and_a_block_without_its_table_lose_no_text() -> None:
    assert written(block("table", table=table_of(0, 0))) == ""
    assert written(block("table", "left over")) == "left over\n"


def test_selected_pages_keep_their_words_with_their_text() -> None:
    pages = [
        PagePiece(number, 600, 800, [BlockPiece("paragraph", [LinePiece(text, words=[WordPiece(text[:3], 0)])])])
        for number, text in ((1, "one page"), (2, "two pages"), (3, "three pages"))
    ]
    whole = as_json(assemble(Document(), pages))
    part = with_pages(whole, "2-3")
    assert part["content"] == "two pages\n\nthree pages"
    for page in part["pages"]:
        for line in page["lines"]:
            for item in (line, *line["words"]):
                offset, size = item["span"]
                assert part["content"][offset : offset + size] == item["text"]
