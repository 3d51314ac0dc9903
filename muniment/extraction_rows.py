"""What was extracted, as flat rows: one for each document, page or chunk. The schemas are Arrow's."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import pyarrow as pa

from muniment.document import Document, DocumentPage
from muniment.many import Extracted, rows

Rows = Literal["documents", "pages", "chunks"]

_FILE = [("file_id", pa.string()), ("file_name", pa.string()), ("sha256", pa.string())]

SCHEMAS: Mapping[Rows, pa.Schema] = {
    "documents": pa.schema(
        [
            ("source", pa.string()),
            *_FILE[:2],
            ("media_type", pa.string()),
            *_FILE[2:],
            ("state", pa.string()),
            ("error", pa.string()),
            ("message", pa.string()),
            ("pages", pa.int64()),
            ("title", pa.string()),
            ("language", pa.string()),
            ("tables", pa.int64()),
            ("content", pa.string()),
        ]
    ),
    "pages": pa.schema(
        [
            *_FILE,
            ("page", pa.int64()),
            ("width", pa.float64()),
            ("height", pa.float64()),
            ("unit", pa.string()),
            ("source", pa.string()),
            ("confidence", pa.float64()),
            ("error", pa.string()),
            ("text", pa.string()),
        ]
    ),
    "chunks": pa.schema(
        [
            *_FILE,
            ("chunk_id", pa.string()),
            ("pages", pa.list_(pa.int64())),
            ("heading_path", pa.list_(pa.string())),
            ("offset", pa.int64()),
            ("text", pa.string()),
        ]
    ),
}
"""`documents` has the columns of `ManyResults.to_pandas`. A page's `source` is where its text came from, its measures
are in its `unit`; a chunk's `offset` counts code points of the document's content."""


def rows_of(outcome: Extracted, kind: Rows) -> Iterator[dict[str, Any]]:
    """Of one outcome. One without a document has a row in `documents` alone."""
    if kind == "documents":
        yield from rows([outcome])
    elif outcome.document is not None:
        file = outcome.document.file
        about = {"file_id": file.file_id, "file_name": file.file_name, "sha256": file.sha256}
        for row in _PARTS[kind](outcome.document):
            yield about | row


def _pages(document: Document) -> Iterator[dict[str, Any]]:
    for page in document.pages:
        yield {
            "page": page.number,
            "width": page.width,
            "height": page.height,
            "unit": page.unit,
            "source": page.source,
            "confidence": page.confidence,
            "error": _reason(page),
            "text": document.text_of(page),
        }


def _reason(page: DocumentPage) -> str | None:
    return None if page.error is None else str(page.error)


def _chunks(document: Document) -> Iterator[dict[str, Any]]:
    for chunk in document.chunks:
        yield {
            "chunk_id": chunk.id,
            "pages": list(chunk.pages),
            "heading_path": list(chunk.heading_path),
            "offset": chunk.span[0],
            "text": chunk.text,
        }


_PARTS: Mapping[Rows, Callable[[Document], Iterator[dict[str, Any]]]] = {"pages": _pages, "chunks": _chunks}
