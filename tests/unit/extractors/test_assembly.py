"""Pieces become content, and every span is exact."""

import json

from hypothesis import given
from hypothesis import strategies as st

from actors.extractors.assembly import (
    BlockPiece,
    LinePiece,
    PagePiece,
    WordPiece,
    assemble,
    clean_text,
    enclosing,
)
from actors.extractors.document import Cell, Document, FormField, Image, Table
from actors.extractors.document_json import document_json


def line(text: str) -> LinePiece:
    words, offset = [], 0
    for word in text.split(" "):
        words.append(WordPiece(word, offset, (0, 0, 1, 1)))
        offset += len(word) + 1
    return LinePiece(text, (0, 0, 1.23456, 1), words=words)


def page(number: int, *blocks: list[str]) -> PagePiece:
    return PagePiece(number, 10, 10, [BlockPiece("paragraph", [line(text) for text in lines]) for lines in blocks])


def test_lines_blocks_and_pages_are_divided_alike() -> None:
    document = assemble(Document(), [page(1, ["one", "two"], ["three"]), page(2), page(3, ["four"])])
    assert document.content == "one\ntwo\n\nthree\n\nfour"
    assert [page.span for page in document.pages] == [(0, 14), (14, 0), (16, 4)]
    assert [block.span for block in document.blocks] == [(0, 7), (9, 5), (16, 4)]
    assert [block.id for block in document.blocks] == ["b1", "b2", "b3"]
    assert document.pages[0].lines[0].bbox == (0, 0, 1.23, 1)


def test_a_word_keeps_its_own_height_where_its_line_has_another() -> None:
    words = [WordPiece("as", 0, (0, 0, 1.111, 9.999)), WordPiece("high", 3, (2, 3.333, 4, 5)), WordPiece("x", 8)]
    words.append(WordPiece("\x00y", 10, (5, 0, 6.666, 9.999), 0.12345))
    document = assemble(Document(), [PagePiece(1, 10, 10, [BlockPiece("paragraph", [_line_of(words)])])])
    found = document.pages[0].lines[0].words
    assert [word.bbox for word in found] == [(0, 0, 1.11, 10.0), (2, 3.33, 4, 5), None, (5, 0, 6.67, 10.0)]
    assert [word.confidence for word in found] == [1.0, 1.0, 1.0, 0.1235]
    assert found[-1].text == "\ufffdy"


def _line_of(words: list[WordPiece]) -> LinePiece:
    return LinePiece("as high x \x00y", (0, 0, 6.666, 9.999), 0.7, words)


def test_what_a_database_refuses_never_gets_in() -> None:
    assert clean_text("a\x00b\ud800c\x1bd\x0ce\uffff\tf\ng") == "a\ufffdb\ufffdc d\ne\ufffd\tf\ng"


def test_a_figure_needs_no_text_and_a_paragraph_does() -> None:
    blocks = [BlockPiece("figure", [], (1, 2, 3, 4)), BlockPiece("paragraph", [LinePiece("")])]
    document = assemble(Document(), [PagePiece(1, 10, 10, blocks)])
    assert [(block.type, block.bbox, block.span) for block in document.blocks] == [("figure", (1, 2, 3, 4), (0, 0))]


def test_tables_and_images_are_numbered() -> None:
    table = Table("", 0, 1, 1, "ruled", [Cell(0, 0, "a\x00")], (0.111, 0, 1, 1))
    document = Document(images=[Image("", 2, 5, 5, "image/png"), Image("", 2, 5, 5, "image/png")])
    assemble(document, [PagePiece(2, 10, 10, [BlockPiece("table", [line("a")], table=table)])])
    assert [image.id for image in document.images] == ["i1", "i2"]
    (found,) = document.tables
    assert (found.id, found.page, found.bbox, found.cells[0].text) == ("t1", 2, (0.11, 0, 1, 1), "a\ufffd")


def test_one_failed_page_makes_the_document_partial() -> None:
    failed = PagePiece(2, 10, 10, error="broken")
    assert assemble(Document(), [page(1, ["one"]), failed]).status == "partial"


def test_what_is_unset_is_left_out_of_the_json() -> None:
    document = assemble(Document(form_fields=[FormField("name", "text", None)]), [page(1, ["one two"])])
    document.pages[0].lines[0].words = []
    written = json.loads(document_json(document, "7"))
    assert written["engine"] == {"name": "muniment", "version": "7"}
    assert "error" not in written["pages"][0]
    assert "words" not in written["pages"][0]["lines"][0]
    assert written["form_fields"] == [{"name": "name", "type": "text", "value": None}]
    assert set(written["blocks"][0]) == {"id", "type", "page", "span", "bbox", "layer"}


def test_no_box_encloses_nothing() -> None:
    assert enclosing([None, None]) is None


texts = st.text(st.characters(exclude_characters=" "), min_size=1, max_size=6)
lines = st.lists(texts, min_size=1, max_size=4).map(" ".join)
pages = st.lists(st.lists(st.lists(lines, min_size=1, max_size=3), max_size=3), max_size=3)


@given(pages)
def test_every_span_says_where_its_text_stands(texts_of_pages: list[list[list[str]]]) -> None:
    pieces = [page(number, *blocks) for number, blocks in enumerate(texts_of_pages, start=1)]
    document = assemble(Document(), pieces)
    for each in document.pages:
        for found in each.lines:
            assert document.content[found.span[0] : sum(found.span)] == found.text
            for word in found.words:
                assert document.content[word.span[0] : sum(word.span)] == word.text
    json.loads(document_json(document, "1")).get("content").encode("utf-8")
