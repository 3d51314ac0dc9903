"""DOCX files made of raw XML, for what no library writes."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.docx.extraction import extract
from tests.unit.extractors.no_ocr import extracted

_OFFICE = "http://schemas.openxmlformats.org/"
_STRICT = "http://purl.oclc.org/ooxml/"
NAMESPACES = {
    "w": _OFFICE + "wordprocessingml/2006/main",
    "r": _OFFICE + "officeDocument/2006/relationships",
    "m": _OFFICE + "officeDocument/2006/math",
    "a": _OFFICE + "drawingml/2006/main",
    "wp": _OFFICE + "drawingml/2006/wordprocessingDrawing",
    "dgm": _OFFICE + "drawingml/2006/diagram",
    "c": _OFFICE + "drawingml/2006/chart",
    "mc": _OFFICE + "markup-compatibility/2006",
    "v": "urn:schemas-microsoft-com:vml",
    "w14": "http://schemas.microsoft.com/office/word/2010/wordml",
    "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
    "unknown": "urn:nobody-knows",
}
_STRICT_NAMES = {
    "w": _STRICT + "wordprocessingml/main",
    "r": _STRICT + "officeDocument/relationships",
    "m": _STRICT + "officeDocument/math",
}
_TYPES = _OFFICE + "officeDocument/2006/relationships/"
_KINDS = {"media": "image", "charts": "chart", "diagrams": "diagramData"}


def root(name: str, inside: str, *, strict: bool = False) -> str:
    namespaces = NAMESPACES | (_STRICT_NAMES if strict else {})
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in namespaces.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><{name} {declared}>{inside}</{name}>'


def relationships(targets: dict[str, tuple[str, str]], outside: frozenset[str] = frozenset()) -> str:
    """`targets` are (kind, target) by id."""
    entries = "".join(
        f'<Relationship Id="{name}" Type="{_TYPES}{kind}" Target="{target}"'
        + (' TargetMode="External"/>' if name in outside else "/>")
        for name, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_OFFICE}package/2006/relationships">{entries}</Relationships>'


def write_docx(path: Path, body: str, parts: Mapping[str, str | bytes] | None = None, *, strict: bool = False) -> Path:
    """A document with that body; each of `parts` (styles, numbering, header1, ...) becomes `word/NAME.xml`.

    Those with a dot or slash in their name are written under it as they are; the relationship's id is the name.
    """
    named: dict[str, str | bytes] = {}
    targets = {}
    for part, data in (parts or {}).items():
        name = part if "." in part else f"{part}.xml"
        named[f"word/{name}"] = data
        folder = name.partition("/")[0] if "/" in name else ""
        targets[part] = (_KINDS.get(folder) or part.rstrip("0123456789"), name)
    return write_parts(
        path,
        {
            "[Content_Types].xml": f'<Types xmlns="{_OFFICE}package/2006/content-types"/>',
            "_rels/.rels": relationships({"main": ("officeDocument", "word/document.xml")}),
            "word/document.xml": root("w:document", f"<w:body>{body}</w:body>", strict=strict),
            "word/_rels/document.xml.rels": relationships(targets),
            **named,
        },
    )


def write_parts(path: Path, parts: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def p(text: str, properties: str = "") -> str:
    """A paragraph of one run."""
    return f"<w:p><w:pPr>{properties}</w:pPr>{r(text)}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def read(path: Path, options: ExtractionOptions | None = None) -> Document:
    return extracted(extract, path, options)


def read_body(tmp_path: Path, body: str, **parts: str | bytes) -> Document:
    return read(write_docx(tmp_path / "sample.docx", body, parts))


def blocks_of(document: Document) -> list[tuple[str, str]]:
    """Type and text of each block."""
    return [(block.type, document.content[block.span[0] : block.span[0] + block.span[1]]) for block in document.blocks]
