"""A document as docling's `DoclingDocument` (docling-core, schema 1.10), for what was built upon docling."""

from typing import Any

from actors.views.walk import Json, Place, list_item, walk

SCHEMA_VERSION = "1.10.0"
HASH_DIGITS = 16
"""`binary_hash` is an integer of 64 bits: the first half of a half of the SHA-256."""
LABELS = {
    "title": "title",
    "heading": "section_header",
    "list_item": "list_item",
    "code": "code",
    "caption": "caption",
    "header": "page_header",
    "footer": "page_footer",
    "footnote": "footnote",
}
"""Ours to docling's; everything else is `text`."""


def docling(document: Json) -> Json:
    """`document` is whole, as `composed` makes it."""
    writer = _Writer()
    for place in walk(document, furniture=True):
        writer.add(place)
    for image in document["images"]:
        writer.add_picture(image)
    about = document["document"]
    return {
        "schema_name": "DoclingDocument",
        "version": SCHEMA_VERSION,
        "name": about["file_name"].rpartition(".")[0] or about["file_name"],
        "origin": {
            "mimetype": about["media_type"],
            "binary_hash": int(about["sha256"][:HASH_DIGITS], 16),
            "filename": about["file_name"],
        },
        "furniture": _root("furniture", []),
        "body": _root("body", writer.body),
        "groups": writer.groups,
        "texts": writer.texts,
        "pictures": writer.pictures,
        "tables": writer.tables,
        "key_value_items": [],
        "form_items": [],
        "pages": {
            str(page["number"]): {
                "size": {"width": page["width"], "height": page["height"]},
                "page_no": page["number"],
            }
            for page in document["pages"]
        },
    }


def _root(name: str, children: list[Json]) -> Json:
    return {
        "self_ref": f"#/{name}",
        "children": children,
        "content_layer": name,
        "name": "_root_",
        "label": "unspecified",
    }


class _Writer:
    def __init__(self) -> None:
        self.body: list[Json] = []
        self.groups: list[Json] = []
        self.texts: list[Json] = []
        self.tables: list[Json] = []
        self.pictures: list[Json] = []
        self._in_list = False

    def add(self, place: Place) -> None:
        block = place.block
        if block["type"] == "list_item":
            self._add_item(place)
            return
        self._in_list = False
        if place.table is not None:
            self._add_table(place, place.table)
        else:
            self._add_text(place)

    def add_picture(self, image: Json) -> None:
        item = self._item("pictures", self.pictures, "picture", "body", _provenance(image, 0))
        item |= {"captions": [], "references": [], "footnotes": [], "annotations": []}
        self._place(item, self.body, "#/body")

    def _add_text(self, place: Place) -> None:
        block = place.block
        label = LABELS.get(block["type"], "text")
        item = self._text(place, label)
        if label == "section_header":
            item["level"] = block.get("level") or 1
        if label == "code":
            item |= {"captions": [], "references": [], "footnotes": [], "code_language": "unknown"}
        self._place(item, self.body, "#/body")

    def _add_item(self, place: Place) -> None:
        """Items that follow each other are one list."""
        if not self._in_list:
            group: Json = {
                "self_ref": f"#/groups/{len(self.groups)}",
                "parent": {"$ref": "#/body"},
                "children": [],
                "content_layer": "body",
                "name": "list",
                "label": "list",
            }
            self.groups.append(group)
            self.body.append({"$ref": group["self_ref"]})
            self._in_list = True
        group = self.groups[-1]
        found = list_item(place.text)
        item = self._text(place, "list_item")
        item |= {
            "text": found.text,
            "enumerated": found.number is not None,
            "marker": "-" if found.number is None else f"{found.number}.",
        }
        self._place(item, group["children"], group["self_ref"])

    def _text(self, place: Place, label: str) -> Json:
        layer = place.block["layer"]
        item = self._item("texts", self.texts, label, layer, _provenance(place.block, len(place.text)))
        item |= {"orig": place.text, "text": place.text}
        return item

    def _add_table(self, place: Place, table: Json) -> None:
        item = self._item("tables", self.tables, "table", place.block["layer"], _provenance(table, len(place.text)))
        item |= {
            "captions": [],
            "references": [],
            "footnotes": [],
            "annotations": [],
            "data": {
                "table_cells": [_cell(cell) for cell in table["cells"]],
                "num_rows": table["rows"],
                "num_cols": table["columns"],
            },
        }
        self._place(item, self.body, "#/body")

    def _item(self, kind: str, items: list[Json], label: str, layer: str, provenance: list[Json]) -> Json:
        item: Json = {
            "self_ref": f"#/{kind}/{len(items)}",
            "children": [],
            "content_layer": layer,
            "label": label,
            "prov": provenance,
        }
        items.append(item)
        return item

    def _place(self, item: Json, children: list[Json], parent: str) -> None:
        item["parent"] = {"$ref": parent}
        children.append({"$ref": item["self_ref"]})


def _provenance(item: Json, length: int) -> list[Json]:
    """Where it is on its page; nothing for documents without places."""
    box: Any = item.get("bbox")
    if box is None:
        return []
    left, top, right, bottom = box
    place = {"l": left, "t": top, "r": right, "b": bottom, "coord_origin": "TOPLEFT"}
    return [{"page_no": item["page"], "bbox": place, "charspan": [0, length]}]


def _cell(cell: Json) -> Json:
    return {
        "row_span": cell["row_span"],
        "col_span": cell["column_span"],
        "start_row_offset_idx": cell["row"],
        "end_row_offset_idx": cell["row"] + cell["row_span"],
        "start_col_offset_idx": cell["column"],
        "end_col_offset_idx": cell["column"] + cell["column_span"],
        "text": cell["text"],
        "column_header": cell["header"],
        "row_header": False,
        "row_section": False,
    }
