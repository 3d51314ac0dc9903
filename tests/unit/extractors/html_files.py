"""HTML as tests write it, and what is read of it."""

from pathlib import Path

from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.html.extraction import extract
from tests.unit.extractors.no_ocr import extracted


def read_html(tmp_path: Path, html: str | bytes, options: ExtractionOptions | None = None) -> Document:
    path = tmp_path / "sample.html"
    path.write_bytes(html.encode() if isinstance(html, str) else html)
    return extracted(extract, path, options)


def shown(document: Document) -> list[str]:
    """Each block as `type/level text`; furniture in brackets."""
    found = []
    for block in document.blocks:
        offset, size = block.span
        name = block.type if block.level is None else f"{block.type}/{block.level}"
        written = f"{name} {document.content[offset : offset + size]}".rstrip()
        found.append(f"[{written}]" if block.layer == "furniture" else written)
    return found
