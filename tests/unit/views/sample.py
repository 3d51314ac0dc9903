"""One document with a block of every kind, as the services see it: read back from the JSON that is stored."""

from typing import Any

from actors.extractors.document import Block, Cell, Document, Image, Page, Properties, Table
from actors.views.composed_document import composed
from tests.unit.extractors.json_documents import as_json

FILE = {
    "file_id": "fs_1",
    "sha256": "ff" * 32,
    "file_name": "report <1>.pdf",
    "media_type": "application/pdf",
    "size": 1000,
}


class Sample:
    """Adds blocks to a content, each with its span."""

    def __init__(self, **properties: Any) -> None:
        self.document = Document(properties=Properties(page_count=2, **properties))

    def add(self, kind: Any, text: str, page: int = 1, **more: Any) -> "Sample":
        document = self.document
        document.content += "\n\n" if document.content else ""
        span = (len(document.content), len(text))
        document.content += text
        document.blocks.append(Block(f"b{len(document.blocks) + 1}", kind, page, span, **more))
        return self

    def whole(self, pages: int = 2) -> dict[str, Any]:
        self.document.pages = [Page(number, 600, 800) for number in range(1, pages + 1)]
        return composed(as_json(self.document), file=dict(FILE), engine_version="1", options_hash="h")


def sample() -> dict[str, Any]:
    made = Sample(title="Ships & harbours", language="en")
    made.add("header", "Page header", layer="furniture", bbox=(0, 0, 600, 20))
    made.add("title", "Ships & harbours", bbox=(50, 50, 300, 80))
    made.add("paragraph", "Two lines of <text>\nwith a break.", bbox=(50, 90, 300, 120))
    made.add("heading", "Lists", level=2)
    made.add("list_item", "• first", level=1)
    made.add("list_item", "2. nested", level=2)
    made.add("list_item", "• second", level=1)
    made.add("list_item", "3) third", level=1)
    made.add("code", "if a < b:\n    pass", page=2)
    made.add("table", "a\tb\nc", page=2, bbox=(50, 200, 300, 260))
    made.add("figure", "", page=2)
    made.add("caption", "Figure 1", page=2)
    made.add("footnote", "* a note", page=2, layer="furniture")
    made.document.tables = [
        Table(
            "t1",
            2,
            2,
            2,
            "ruled",
            [Cell(0, 0, "a", header=True), Cell(0, 1, "b", row_span=2), Cell(1, 0, "c\nd")],
            bbox=(50, 200, 300, 260),
        )
    ]
    made.document.images = [Image("i1", 2, 100, 50, "image/png", (10, 10, 110, 60))]
    return made.whole()
