"""The kinds of file that can be extracted: one table, the one place to extend. Importing it loads no library."""

import hashlib
import importlib
from dataclasses import dataclass
from typing import cast

import orjson

from actors.extractors.document import ExtractionOptions
from actors.extractors.extractor import Extractor

ENGINE_NAME = "muniment"
ENGINE_VERSION = "4"
"""Raised whenever the same bytes and options would give another document: stored results of older ones are not used."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`module` has a function `extract`; it is imported where a file of the kind is first read."""

    name: str
    module: str
    media_types: frozenset[str]
    extensions: frozenset[str] = frozenset()
    """Count only for a file whose media type says nothing."""


PDF = Kind("pdf", "actors.extractors.pdf.extraction", frozenset({"application/pdf"}), frozenset({".pdf"}))
DOCX = Kind(
    "docx",
    "actors.extractors.docx.extraction",
    frozenset(
        {
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
            "application/vnd.ms-word.document.macroenabled.12",
            "application/vnd.ms-word.template.macroenabled.12",
        }
    ),
    frozenset({".docx", ".docm", ".dotx", ".dotm"}),
)
PPTX = Kind(
    "pptx",
    "actors.extractors.pptx.extraction",
    frozenset(
        {
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
            "application/vnd.openxmlformats-officedocument.presentationml.template",
            "application/vnd.ms-powerpoint.presentation.macroenabled.12",
        }
    ),
    frozenset({".pptx", ".ppsx", ".potx", ".pptm"}),
)
XLSX = Kind(
    "xlsx",
    "actors.extractors.xlsx.extraction",
    frozenset(
        {
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
            "application/vnd.ms-excel.sheet.macroenabled.12",
            "application/vnd.ms-excel.template.macroenabled.12",
        }
    ),
    frozenset({".xlsx", ".xlsm", ".xltx", ".xltm"}),
)
IMAGE = Kind(
    "image",
    "actors.extractors.image",
    frozenset({"image/png", "image/jpeg", "image/tiff", "image/webp", "image/bmp", "image/gif"}),
    frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif"}),
)
OPENDOCUMENT = Kind(
    "opendocument",
    "actors.extractors.opendocument.extraction",
    frozenset(
        f"application/vnd.oasis.opendocument.{form}"
        for form in ("text", "text-template", "spreadsheet", "presentation", "graphics")
    ),
    frozenset({".odt", ".ott", ".ods", ".odp", ".odg"}),
)
RTF = Kind("rtf", "actors.extractors.rtf.extraction", frozenset({"application/rtf"}), frozenset({".rtf"}))
EPUB = Kind("epub", "actors.extractors.epub.extraction", frozenset({"application/epub+zip"}), frozenset({".epub"}))
HTML = Kind(
    "html",
    "actors.extractors.html.extraction",
    frozenset({"text/html", "application/xhtml+xml"}),
    frozenset({".html", ".htm", ".xhtml"}),
)
MARKDOWN = Kind(
    "markdown",
    "actors.extractors.markdown_file",
    frozenset({"text/markdown"}),
    frozenset({".md", ".markdown"}),
)
CSV = Kind(
    "csv",
    "actors.extractors.csv_table",
    frozenset({"text/csv", "text/tab-separated-values"}),
    frozenset({".csv", ".tsv"}),
)
MAIL = Kind("mail", "actors.extractors.mail.extraction", frozenset({"message/rfc822"}), frozenset({".eml"}))
TEXT = Kind(
    "text",
    "actors.extractors.text",
    frozenset({"text/plain", "text/x-log"}),
    frozenset({".txt", ".text", ".log"}),
)

KINDS = (PDF, DOCX, PPTX, XLSX, OPENDOCUMENT, RTF, EPUB, IMAGE, HTML, MARKDOWN, CSV, MAIL, TEXT)
_BY_MEDIA_TYPE = {media_type: kind for kind in KINDS for media_type in kind.media_types}
_BY_EXTENSION = {extension: kind for kind in KINDS for extension in kind.extensions}

_SAYS_NOTHING = frozenset({"", "application/octet-stream", "application/x-ole-storage"})
"""An encrypted DOCX is an OLE storage like many others: its name decides."""


def kind_of(media_type: str, extension: str) -> Kind | None:
    """The kind of a file by what is stored of it, or None when no extractor reads it."""
    found = _BY_MEDIA_TYPE.get(media_type)
    if found is None and media_type in _SAYS_NOTHING:
        return _BY_EXTENSION.get(extension)
    return found


def extractor_for(media_type: str, extension: str) -> Extractor | None:
    kind = kind_of(media_type, extension)
    return cast("Extractor", importlib.import_module(kind.module).extract) if kind else None


def options_hash(options: ExtractionOptions) -> str:
    """Equal where the options make no difference to the result: the password and the time limit do not."""
    relevant = [options.ocr, options.languages, options.pages, options.tables]
    return hashlib.sha256(orjson.dumps(relevant)).hexdigest()[:16]


def work_hash(options_hash: str, kind: Kind) -> str:
    """Of options for a file of that kind: the same bytes are another document as text than as a table."""
    return f"{options_hash}-{kind.name}"
