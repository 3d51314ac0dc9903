"""Word documents (DOCX, DOCM and their templates; Transitional and Strict), read from their XML directly.

python-docx builds an object for every run and knows neither Strict nor text boxes, notes, content controls or tracked
changes; it serves for the document's properties.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from actors.extractors.assembly import BlockPiece
from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.docx.furniture import furniture
from actors.extractors.docx.notes import comments, notes
from actors.extractors.docx.numbering import Numbering
from actors.extractors.docx.story import Reading, Story
from actors.extractors.docx.styles import Styles
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.office.encryption import opened
from actors.extractors.office.package import Package, Relationship, related_part
from actors.extractors.office.properties import properties_of
from actors.extractors.office.xml_tree import Element, attribute, child, corrupt, descendants, name_of, whole_number
from actors.extractors.one_page import one_page

_US_LETTER = (612.0, 792.0)
_TWIPS_PER_POINT = 20


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """One page, for where pages break only a layout of the whole document could tell; its size is the first section's.

    In order: headers, body, footnotes, endnotes, comments, footers. Raises ExtractionFailed: `corrupt-file`,
    `password-required`, `wrong-password`.
    """
    package = Package(opened(source, options.password))
    try:
        return _Extraction(package, options, limits, ocr).document()
    finally:
        package.close()


class _Extraction:
    def __init__(self, package: Package, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> None:
        self._package, self._options, self._limits, self._ocr = package, options, limits, ocr
        self._part = related_part(package.relationships(""), "officeDocument") or "word/document.xml"
        self._root = package.xml(self._part)
        self._relationships = package.relationships(self._part)
        self._reading = Reading(
            package,
            Styles(_related_xml(package, self._relationships, "styles")),
            Numbering(_related_xml(package, self._relationships, "numbering")),
            Document(),
            with_tables=options.tables,
        )

    def document(self) -> Document:
        body = child(self._root, "w:body")
        if name_of(self._root) != "w:document" or body is None:
            raise corrupt()
        reading = self._reading
        document = reading.document
        document.properties = properties_of(self._package, reading.styles.language)
        blocks = self._blocks(body)
        return one_page(document, blocks, self._options, self._limits, self._ocr, _page_size(body))

    def _blocks(self, body: Element) -> Iterator[BlockPiece]:
        yield from self._furniture(body, "header")
        story = Story(self._reading, self._part, self._root)
        yield from story.all_blocks(body)
        yield from notes(self._reading, self._relationships)
        yield from comments(self._reading, self._relationships)
        yield from self._furniture(body, "footer")

    def _furniture(self, body: Element, kind: Literal["header", "footer"]) -> Iterator[BlockPiece]:
        settings = _related_xml(self._package, self._relationships, "settings")
        return furniture(self._reading, self._relationships, body, settings, kind)


def _related_xml(package: Package, relationships: dict[str, Relationship], kind: str) -> Element | None:
    part = related_part(relationships, kind)
    return package.xml(part) if part is not None and part in package else None


def _page_size(body: Element) -> tuple[float, float]:
    size = next(descendants(body, "w:pgSz"), None)
    width, height = (whole_number(attribute(size, f"w:{side}")) for side in ("w", "h"))
    if not width or not height or width < 0 or height < 0:
        return _US_LETTER
    return width / _TWIPS_PER_POINT, height / _TWIPS_PER_POINT
