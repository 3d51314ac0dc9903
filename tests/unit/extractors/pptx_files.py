"""Presentations made of raw XML, for what no library writes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.pptx.extraction import extract
from tests.unit.extractors.docx_files import relationships, write_parts
from tests.unit.extractors.no_ocr import extracted

_OFFICE = "http://schemas.openxmlformats.org/"
_STRICT = "http://purl.oclc.org/ooxml/"
NAMESPACES = {
    "p": _OFFICE + "presentationml/2006/main",
    "r": _OFFICE + "officeDocument/2006/relationships",
    "a": _OFFICE + "drawingml/2006/main",
    "w": _OFFICE + "wordprocessingml/2006/main",
    "m": _OFFICE + "officeDocument/2006/math",
    "c": _OFFICE + "drawingml/2006/chart",
    "dgm": _OFFICE + "drawingml/2006/diagram",
    "mc": _OFFICE + "markup-compatibility/2006",
    "a14": "http://schemas.microsoft.com/office/drawing/2010/main",
}
_STRICT_NAMES = {
    "p": _STRICT + "presentationml/main",
    "r": _STRICT + "officeDocument/relationships",
    "a": _STRICT + "drawingml/main",
}


def root(name: str, inside: str, attributes: str = "", *, strict: bool = False) -> str:
    namespaces = NAMESPACES | (_STRICT_NAMES if strict else {})
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in namespaces.items())
    return f"<{name} {declared} {attributes}>{inside}</{name}>"


def tree(shapes: str) -> str:
    return f"<p:cSld><p:spTree><p:nvGrpSpPr/><p:grpSpPr/>{shapes}</p:spTree></p:cSld>"


def slide(shapes: str, attributes: str = "", *, strict: bool = False) -> str:
    return root("p:sld", tree(shapes), attributes, strict=strict)


def sp(body: str, place: str = "", transform: str = "", name: str = "") -> str:
    """A shape: `place` are the attributes of its placeholder, `body` its paragraphs."""
    kind = f"<p:nvPr>{f'<p:ph {place}/>' if place else ''}</p:nvPr>"
    return (
        f"<p:sp><p:nvSpPr><p:cNvPr id='1' name='x' {name}/>{kind}</p:nvSpPr><p:spPr>{transform}</p:spPr>"
        f"<p:txBody><a:bodyPr/>{body}</p:txBody></p:sp>"
    )


def para(text: str, properties: str = "", attributes: str = "") -> str:
    return f"<a:p><a:pPr {attributes}>{properties}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>"


def xfrm(x: int, y: int, width: int, height: int, more: str = "", attributes: str = "") -> str:
    return f'<a:xfrm {attributes}><a:off x="{x}" y="{y}"/><a:ext cx="{width}" cy="{height}"/>{more}</a:xfrm>'


def write_pptx(
    path: Path,
    slides: Sequence[str],
    parts: Mapping[str, str | bytes] | None = None,
    related: Mapping[str, tuple[str, str]] | None = None,
    *,
    size: str = '<p:sldSz cx="9144000" cy="6858000"/>',
    strict: bool = False,
) -> Path:
    """`parts` by their whole name; `related` are the relationships (kind, target) of every slide, by id."""
    names = {f"s{number}": ("slide", f"slides/slide{number}.xml") for number in range(1, len(slides) + 1)}
    listed = "".join(f'<p:sldId r:id="{name}"/>' for name in names)
    presentation = root("p:presentation", f"<p:sldIdLst>{listed}</p:sldIdLst>{size}", strict=strict)
    written: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{_OFFICE}package/2006/content-types"/>',
        "_rels/.rels": relationships({"main": ("officeDocument", "ppt/presentation.xml")}),
        "ppt/presentation.xml": presentation,
        "ppt/_rels/presentation.xml.rels": relationships(names),
    }
    for number, xml in enumerate(slides, start=1):
        written[f"ppt/slides/slide{number}.xml"] = xml
        written[f"ppt/slides/_rels/slide{number}.xml.rels"] = relationships(dict(related or {}))
    return write_parts(path, written | dict(parts or {}))


def read(path: Path, options: ExtractionOptions | None = None) -> Document:
    return extracted(extract, path, options)


def read_slide(
    tmp_path: Path,
    shapes: str,
    parts: Mapping[str, str | bytes] | None = None,
    related: Mapping[str, tuple[str, str]] | None = None,
) -> Document:
    return read(write_pptx(tmp_path / "sample.pptx", [slide(shapes)], parts, related))
