"""The document that extraction yields: `muniment.document/1`.

Origin of coordinates is the top left corner of the page as it is read (rotation applied); `bbox` is
`(x0, y0, x1, y1)` in the page's unit. A span is `(offset, length)` in Unicode code points of `content`. Pages count
from 1, rows and columns from 0; confidence runs from 0 to 1.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA = "muniment.document/1"

Box = tuple[float, float, float, float]
Span = tuple[int, int]
BlockType = Literal[
    "title",
    "heading",
    "paragraph",
    "list_item",
    "table",
    "figure",
    "code",
    "caption",
    "header",
    "footer",
    "footnote",
]


@dataclass(slots=True)
class Word:
    text: str
    bbox: Box | None
    span: Span
    confidence: float = 1.0


@dataclass(slots=True)
class Line:
    text: str
    bbox: Box | None
    span: Span
    confidence: float = 1.0
    words: list[Word] = field(default_factory=list)


@dataclass(slots=True)
class Page:
    """`source` says where the text came from; `error` is set on a page that failed and then holds a reason."""

    number: int
    width: float
    height: float
    unit: Literal["pt", "px"] = "pt"
    rotation: int = 0
    source: Literal["text", "ocr", "mixed", "none"] = "text"
    span: Span = (0, 0)
    confidence: float = 1.0
    lines: list[Line] = field(default_factory=list)
    error: str | None = None


@dataclass(slots=True)
class Block:
    id: str
    type: BlockType
    page: int
    span: Span
    bbox: Box | None = None
    level: int | None = None
    layer: Literal["body", "furniture"] = "body"


@dataclass(slots=True)
class Cell:
    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1
    header: bool = False


@dataclass(slots=True)
class Table:
    id: str
    page: int
    rows: int
    columns: int
    method: str
    cells: list[Cell]
    bbox: Box | None = None
    confidence: float = 1.0


@dataclass(slots=True)
class FormField:
    name: str
    type: str
    value: str | bool | list[str] | None
    page: int | None = None


@dataclass(slots=True)
class KeyValue:
    key: str
    value: str
    page: int | None = None
    confidence: float = 1.0


@dataclass(slots=True)
class Image:
    id: str
    page: int
    width: int
    height: int
    media_type: str
    bbox: Box | None = None


@dataclass(slots=True)
class ExtractionWarning:
    """`code` is the machine's word, `message` a person's."""

    code: str
    message: str
    page: int | None = None


@dataclass(slots=True)
class Properties:
    """What the file says about itself; times are RFC 3339."""

    page_count: int | None = None
    title: str | None = None
    author: str | None = None
    created: str | None = None
    modified: str | None = None
    language: str | None = None
    """BCP 47; told by the text where the file does not say it."""


@dataclass(slots=True)
class Document:
    """What an extractor makes of one file's bytes, before the service adds which file it was."""

    properties: Properties = field(default_factory=Properties)
    status: Literal["succeeded", "partial"] = "succeeded"
    warnings: list[ExtractionWarning] = field(default_factory=list)
    content: str = ""
    pages: list[Page] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    form_fields: list[FormField] = field(default_factory=list)
    key_values: list[KeyValue] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)

    def warn(self, code: str, message: str, page: int | None = None) -> None:
        """Once for each page."""
        warning = ExtractionWarning(code, message, page)
        if warning not in self.warnings:
            self.warnings.append(warning)


@dataclass(frozen=True, slots=True)
class ExtractionOptions:
    """How to read a file. `pages` is a selection such as `1-3,7`, or empty for all."""

    ocr: Literal["auto", "force", "never"] = "auto"
    languages: tuple[str, ...] = ()
    pages: str = ""
    password: str | None = field(default=None, repr=False)
    tables: bool = True
    timeout_seconds: float = 600.0


class ExtractionFailed(Exception):
    """The whole file cannot be read. `code` is one of the API's job error codes.

    Codes: corrupt-file, password-required, wrong-password, too-many-pages, image-too-large, timeout, out-of-memory,
    worker-crashed, internal. Raised by extractors, in the child and in the parent (positional: it crosses processes
    by pickle).
    """

    def __init__(self, code: str, phase: str, message: str, retryable: bool = False) -> None:
        super().__init__(code, phase, message, retryable)
        self.code, self.phase, self.message, self.retryable = code, phase, message, retryable

    def __str__(self) -> str:
        return self.message

    def as_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "phase": self.phase,
            "retryable": self.retryable,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class RecognisedLine:
    """One line of text found by OCR, in pixels of the image that was recognised."""

    text: str
    bbox: Box
    confidence: float
    polygon: tuple[tuple[float, float], ...] = ()
    """The four corners, in reading order, of a line that may be skewed."""
    positions: tuple[float, ...] = ()
    """Where the middle of each character of `text` stands, as a share of the line's length."""


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    """What OCR found on one page image; `rotation` is how far (0, 90, 180, 270, clockwise) it was turned first."""

    width: int
    height: int
    lines: tuple[RecognisedLine, ...]
    rotation: int = 0
