"""Books made of raw XML."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.unit.extractors.docx_files import write_parts

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)


def opf(chapters: Sequence[str], metadata: str = "", media_type: str = "application/xhtml+xml") -> str:
    items = "".join(
        f'<item id="i{n}" href="text/{name}" media-type="{media_type}"/>' for n, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(chapters)))
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata>{metadata}</metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    )


def write_epub(
    path: Path, chapters: Mapping[str, str], parts: Mapping[str, str | bytes] | None = None, metadata: str = ""
) -> Path:
    """`chapters` are bodies by their file's name; `parts` by their whole name."""
    written: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": opf(list(chapters), metadata),
    }
    for name, body in chapters.items():
        written[f"OEBPS/text/{name}"] = (
            '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml">'
            f"<head><title/></head><body>{body}</body></html>"
        )
    return write_parts(path, written | dict(parts or {}))
