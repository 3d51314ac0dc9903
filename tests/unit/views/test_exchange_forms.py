"""Documents in the forms of docling and unstructured."""

import json
from typing import Any

import pytest

from actors.views.docling import docling
from actors.views.unstructured import unstructured
from tests.unit.views.sample import Sample, sample


def test_a_docling_document_has_all_of_ours() -> None:
    made = docling(sample())
    assert made["name"] == "report <1>"
    assert made["origin"]["binary_hash"] == 2**64 - 1
    labels = [(item["label"], item["text"]) for item in made["texts"]]
    assert labels == [
        ("page_header", "Page header"),
        ("title", "Ships & harbours"),
        ("text", "Two lines of <text>\nwith a break."),
        ("section_header", "Lists"),
        ("list_item", "first"),
        ("list_item", "nested"),
        ("list_item", "second"),
        ("list_item", "third"),
        ("code", "if a < b:\n    pass"),
        ("text", ""),
        ("caption", "Figure 1"),
        ("footnote", "* a note"),
    ]
    assert [len(group["children"]) for group in made["groups"]] == [4]
    assert made["texts"][5]["marker"] == "2."
    assert made["texts"][3]["level"] == 2
    table = made["tables"][0]["data"]
    assert (table["num_rows"], table["num_cols"], len(table["table_cells"])) == (2, 2, 3)
    assert made["pictures"][0]["prov"][0]["bbox"] == {
        "l": 10,
        "t": 10,
        "r": 110,
        "b": 60,
        "coord_origin": "TOPLEFT",
    }
    assert made["pages"]["2"] == {"size": {"width": 600, "height": 800}, "page_no": 2}
    assert [child["$ref"] for child in made["body"]["children"]][:3] == ["#/texts/0", "#/texts/1", "#/texts/2"]


def test_two_lists_apart_are_two_groups_and_a_file_may_have_no_extension() -> None:
    made = Sample().add("list_item", "a").add("paragraph", "b").add("list_item", "c").whole()
    made["document"]["file_name"] = "LICENSE"
    assert len(docling(made)["groups"]) == 2
    assert docling(made)["name"] == "LICENSE"


@pytest.mark.parametrize("document", [sample(), Sample().whole(0)], ids=["all", "nothing"])
def test_docling_reads_what_we_write(document: dict[str, Any]) -> None:
    models = pytest.importorskip("docling_core.types.doc", reason="docling-core is not installed")
    read = models.DoclingDocument.model_validate_json(json.dumps(docling(document)))
    markdown = read.export_to_markdown()
    for text in ("Ships & harbours", "nested", "Figure 1") if document["content"] else ():
        assert text in markdown.replace("&amp;", "&")


def test_elements_know_the_heading_above_them() -> None:
    elements = unstructured(sample())
    assert [element["type"] for element in elements] == [
        "Header",
        "Title",
        "NarrativeText",
        "Title",
        *["ListItem"] * 4,
        "CodeSnippet",
        "Table",
        "FigureCaption",
        "Footer",
    ]
    header, title, paragraph, heading, item = elements[:5]
    assert "parent_id" not in header["metadata"]
    assert paragraph["metadata"]["parent_id"] == title["element_id"]
    assert (heading["metadata"]["parent_id"], heading["metadata"]["category_depth"]) == (title["element_id"], 1)
    assert item["metadata"]["parent_id"] == heading["element_id"]
    assert elements[9]["metadata"]["text_as_html"].startswith("<table>")
    assert title["metadata"]["coordinates"]["points"] == [[50, 50], [50, 80], [300, 80], [300, 50]]
    assert title["metadata"]["languages"] == ["en"]
    assert len({element["element_id"] for element in elements}) == len(elements)


def test_a_heading_ends_those_of_its_level() -> None:
    made = Sample()
    for level in (1, 2, 1):
        made.add("heading", "x", level=level)
    assert [element["metadata"].get("category_depth") for element in unstructured(made.whole())] == [0, 1, 0]


def test_unstructured_reads_what_we_write() -> None:
    staging = pytest.importorskip("unstructured.staging.base", reason="unstructured is not installed")
    elements = unstructured(sample())
    read = staging.elements_from_json(text=json.dumps(elements))
    assert [element.category for element in read] == [element["type"] for element in elements]
