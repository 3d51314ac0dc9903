"""A document as extraction reads it: `muniment.document/1`.

Origin top left; `bbox` is `(x0, y0, x1, y1)` in the page's unit; a span is `(offset, length)` in Unicode code points of
`content`; pages count from 1, rows and columns from 0; confidence runs from 0 to 1.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Box = tuple[float, float, float, float]
Span = tuple[int, int]


@dataclass(frozen=True)
class DocumentFile:
    """Which file it was, and what it says about itself (`title` to `language`; times as RFC 3339 text)."""

    file_id: str
    sha256: str
    file_name: str
    media_type: str
    size: int
    page_count: int | None = None
    title: str | None = None
    author: str | None = None
    created: str | None = None
    modified: str | None = None
    language: str | None = None


@dataclass(frozen=True)
class Engine:
    name: str
    version: str
    options_hash: str = ""


@dataclass(frozen=True)
class DocumentWarning:
    code: str
    message: str = ""
    page: int | None = None


@dataclass(frozen=True)
class Word:
    text: str
    span: Span
    bbox: Box | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Line:
    """`words` is only there when they were asked for."""

    text: str
    span: Span
    bbox: Box | None = None
    confidence: float | None = None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class DocumentPage:
    """`source` says where the text came from; `error` is set on a page that failed."""

    number: int
    width: float
    height: float
    span: Span
    unit: Literal["pt", "px"] = "pt"
    rotation: float = 0
    source: Literal["text", "ocr", "mixed", "none"] = "text"
    confidence: float | None = None
    lines: tuple[Line, ...] = field(default=(), repr=False)
    error: Any = None


@dataclass(frozen=True)
class Block:
    id: str
    type: str
    page: int
    span: Span
    level: int | None = None
    bbox: Box | None = None
    layer: Literal["body", "furniture"] = "body"


@dataclass(frozen=True)
class Cell:
    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1
    header: bool = False


@dataclass(frozen=True)
class Table:
    id: str
    page: int
    rows: int
    columns: int
    method: str = ""
    bbox: Box | None = None
    confidence: float | None = None
    cells: tuple[Cell, ...] = field(default=(), repr=False)

    def grid(self) -> "list[list[str]]":
        """The texts as rows of columns; a spanning cell's text stands in its first place, the rest is empty.

        `pandas.DataFrame(table.grid())` makes a data frame of it.
        """
        rows = [[""] * self.columns for _ in range(self.rows)]
        for cell in self.cells:
            rows[cell.row][cell.column] = cell.text
        return rows


@dataclass(frozen=True)
class FormField:
    name: str
    type: str
    value: Any
    page: int | None = None


@dataclass(frozen=True)
class KeyValue:
    key: str
    value: str
    page: int | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Image:
    id: str
    page: int
    width: float
    height: float
    media_type: str | None = None
    bbox: Box | None = None


@dataclass(frozen=True)
class Chunk:
    """A piece of the text for retrieval, whole blocks of one section; `heading_path` has the headings above it."""

    id: str
    text: str
    span: Span
    pages: tuple[int, ...] = ()
    heading_path: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Document:
    """What was read from one file. `chunks` are only there when they were asked for.

    document = client.extract("report.pdf")
    document.content                      # the whole text in reading order
    document.text_of(document.pages[0])   # one page's
    document.tables[0].grid()             # rows of cell texts
    """

    schema: str
    file: DocumentFile = field(metadata={"json_name": "document"})
    status: Literal["succeeded", "partial"]
    engine: Engine
    content: str
    warnings: tuple[DocumentWarning, ...] = ()
    pages: tuple[DocumentPage, ...] = ()
    blocks: tuple[Block, ...] = ()
    tables: tuple[Table, ...] = ()
    form_fields: tuple[FormField, ...] = ()
    key_values: tuple[KeyValue, ...] = ()
    images: tuple[Image, ...] = ()
    chunks: tuple[Chunk, ...] = ()
    timings: dict[str, Any] = field(default_factory=dict)

    def text_of(self, part: DocumentPage | Line | Word | Block | Chunk) -> str:
        """The part's text, by its span of `content`."""
        offset, length = part.span
        return self.content[offset : offset + length]

    def __repr__(self) -> str:
        return (
            f"<Document {self.file.file_name!r} {self.status}: {len(self.pages)} pages, {len(self.tables)} tables, "
            f"{len(self.content)} characters>"
        )
