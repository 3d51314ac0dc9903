"""A document as unstructured's list of elements, for what was built upon unstructured."""

import hashlib

from actors.views.html import table_html
from actors.views.walk import Json, Place, list_item, walk

TYPES = {
    "title": "Title",
    "heading": "Title",
    "list_item": "ListItem",
    "table": "Table",
    "figure": "Image",
    "code": "CodeSnippet",
    "caption": "FigureCaption",
    "header": "Header",
    "footer": "Footer",
    "footnote": "Footer",
}
"""Ours to unstructured's; everything else is `NarrativeText`."""


def unstructured(document: Json) -> list[Json]:
    """`document` is whole, as `composed` makes it. An element's parent is the heading above it."""
    about = document["document"]
    sizes = {page["number"]: (page["width"], page["height"]) for page in document["pages"]}
    headings: list[tuple[int, str]] = []
    elements: list[Json] = []
    for place in walk(document, furniture=True):
        if not place.text.strip():
            continue
        block = place.block
        element = _element(place, about, sizes)
        if block["type"] in {"title", "heading"}:
            level = 0 if block["type"] == "title" else block.get("level") or 1
            headings = [above for above in headings if above[0] < level]
            element["metadata"]["category_depth"] = len(headings)
        if headings:
            element["metadata"]["parent_id"] = headings[-1][1]
        if block["type"] in {"title", "heading"}:
            headings.append((level, element["element_id"]))
        elements.append(element)
    return elements


def _element(place: Place, about: Json, sizes: dict[int, tuple[float, float]]) -> Json:
    block = place.block
    metadata: Json = {"filename": about["file_name"], "filetype": about["media_type"], "page_number": block["page"]}
    if about.get("language"):
        metadata["languages"] = [about["language"]]
    if block.get("bbox") is not None:
        metadata["coordinates"] = _coordinates(block["bbox"], *sizes[block["page"]])
    if place.table is not None:
        metadata["text_as_html"] = table_html(place.table)
    return {
        "type": TYPES.get(block["type"], "NarrativeText"),
        "element_id": hashlib.sha256(f"{about['sha256']} {block['id']}".encode()).hexdigest()[:32],
        "text": list_item(place.text).text if block["type"] == "list_item" else place.text,
        "metadata": metadata,
    }


def _coordinates(box: list[float], width: float, height: float) -> Json:
    left, top, right, bottom = box
    return {
        "points": [[left, top], [left, bottom], [right, bottom], [right, top]],
        "system": "PixelSpace",
        "layout_width": width,
        "layout_height": height,
    }
