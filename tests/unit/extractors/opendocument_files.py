"""OpenDocument files made of raw XML."""

from collections.abc import Mapping
from pathlib import Path

from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.opendocument.extraction import extract
from tests.unit.extractors.docx_files import write_parts
from tests.unit.extractors.no_ocr import extracted

_OASIS = "urn:oasis:names:tc:opendocument:xmlns:"
NAMESPACES = {
    **{
        name: f"{_OASIS}{name}:1.0" for name in ("office", "text", "table", "style", "meta", "presentation", "manifest")
    },
    "draw": _OASIS + "drawing:1.0",
    "fo": _OASIS + "xsl-fo-compatible:1.0",
    "svg": _OASIS + "svg-compatible:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xlink": "http://www.w3.org/1999/xlink",
}
MIMETYPE = "application/vnd.oasis.opendocument."


def root(name: str, inside: str) -> str:
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><office:{name} {declared}>{inside}</office:{name}>'


def write_odf(
    path: Path,
    body: str,
    form: str = "text",
    *,
    styles: str = "",
    common: str = "",
    parts: Mapping[str, str | bytes] | None = None,
) -> Path:
    """`styles` are the content's own, `common` what the styles part holds."""
    content = f"<office:automatic-styles>{styles}</office:automatic-styles>"
    content += f"<office:body><office:{form}>{body}</office:{form}></office:body>"
    written: dict[str, str | bytes] = {
        "mimetype": MIMETYPE + form,
        "content.xml": root("document-content", content),
        "styles.xml": root("document-styles", common),
    }
    return write_parts(path, written | dict(parts or {}))


def read(path: Path, options: ExtractionOptions | None = None) -> Document:
    return extracted(extract, path, options)


def read_odf(tmp_path: Path, body: str, form: str = "text", **more: str) -> Document:
    return read(
        write_odf(tmp_path / "sample.odf", body, form, styles=more.get("styles", ""), common=more.get("common", ""))
    )


def style(name: str, inside: str = "", family: str = "paragraph", attributes: str = "") -> str:
    return f'<style:style style:name="{name}" style:family="{family}" {attributes}>{inside}</style:style>'


def p(text: str, style_name: str = "") -> str:
    named = f' text:style-name="{style_name}"' if style_name else ""
    return f"<text:p{named}>{text}</text:p>"


def cell(text: str = "", attributes: str = "") -> str:
    return f"<table:table-cell {attributes}>{p(text) if text else ''}</table:table-cell>"


def row(*cells: str, attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


def table(*rows: str, attributes: str = 'table:name="T"') -> str:
    return f"<table:table {attributes}>{''.join(rows)}</table:table>"
