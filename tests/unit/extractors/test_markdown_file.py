from pathlib import Path

import pytest

from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.markdown_file import extract
from actors.views.markdown import markdown
from tests.unit.extractors.html_files import shown
from tests.unit.extractors.json_documents import as_json
from tests.unit.extractors.no_ocr import extracted


def read(tmp_path: Path, text: str | bytes, options: ExtractionOptions | None = None) -> Document:
    path = tmp_path / "sample.md"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return extracted(extract, path, options)


def test_markup_becomes_blocks(tmp_path: Path) -> None:
    text = "# Head\n\nSome *text* with `code` and [a link](http://x.test).\n\n1. one\n   - two\n\n```py\nx = 1\n```\n"

    assert shown(read(tmp_path, text)) == [
        *("heading/1 Head", "paragraph Some text with code and a link."),
        *("list_item/1 1. one", "list_item/2 • two", "code x = 1"),
    ]


def test_tables_have_headers_and_cells(tmp_path: Path) -> None:
    (table,) = read(tmp_path, "| a | b |\n|---|:-:|\n| 1 | **2** |\n").tables

    assert [(cell.text, cell.header) for cell in table.cells] == [("a", True), ("b", True), ("1", False), ("2", False)]


def test_html_in_it_is_read_and_never_runs(tmp_path: Path) -> None:
    document = read(tmp_path, '<p align="center">Raw <b>HTML</b></p>\n<script>alert(1)</script>\n\n~~gone~~\n')

    assert shown(document) == ["paragraph Raw HTML", "paragraph gone"]


def test_front_matter_is_what_the_document_says_of_itself(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        "---\ntitle: A title\nauthor: [Ann, Bob]\ndate: 2024-05-01\nlang: en\ndraft: true\nnested: {a: 1}\n---\nText\n",
    )

    said = document.properties
    assert (said.title, said.author, said.created, said.language) == (
        "A title",
        "Ann, Bob",
        "2024-05-01T00:00:00Z",
        "en",
    )
    assert [(pair.key, pair.value) for pair in document.key_values] == [
        *(("title", "A title"), ("author", "Ann, Bob"), ("date", "2024-05-01"), ("lang", "en"), ("draft", "True")),
    ]
    assert document.content == "Text"


@pytest.mark.parametrize("front", ["a: [", "- a\n- b", "just text", "a: !!python/object:os.system x", "[" * 1000])
def test_what_only_looks_like_front_matter_is_text(tmp_path: Path, front: str) -> None:
    document = read(tmp_path, f"---\n{front}\n---\nText\n")

    assert document.key_values == []
    assert document.content.endswith("Text")


def test_an_empty_front_matter_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "---\n---\nText").key_values == []


def test_other_encodings_are_read_and_said(tmp_path: Path) -> None:
    document = read(tmp_path, "# Größe\n".encode("cp1252"))

    assert document.content == "Größe"
    assert [warning.code for warning in document.warnings] == ["encoding"]


def test_what_is_read_can_be_written_again(tmp_path: Path) -> None:
    text = "# Head\n\nText\n\n- a\n- b\n\n| x | y |\n| --- | --- |\n| 1 | 2 |\n"

    assert markdown(as_json(read(tmp_path, text))) == text


@pytest.mark.parametrize(("depth", "content"), [(90, "deep"), (5000, "")])
def test_depth_is_bounded(tmp_path: Path, depth: int, content: str) -> None:
    assert read(tmp_path, "> " * depth + "deep").content == content
