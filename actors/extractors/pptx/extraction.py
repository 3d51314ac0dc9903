"""Presentations (PPTX, PPTM, shows and templates; Transitional and Strict): a page for each slide.

Read from their XML directly, as DOCX is: python-pptx takes longer for less, as it knows neither Strict nor the bullets
that a shape takes over from its layout.
"""

from pathlib import Path

from actors.extractors.assembly import PagePiece
from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.office.encryption import opened
from actors.extractors.office.package import Package, related_part
from actors.extractors.office.properties import properties_of
from actors.extractors.office.xml_tree import Element, attribute, child, children, corrupt, name_of, whole_number
from actors.extractors.page_by_page import PageByPage
from actors.extractors.pptx.geometry import EMU_PER_POINT
from actors.extractors.pptx.placeholders import Layouts
from actors.extractors.pptx.slide import Reading, Slide

_STANDARD = (720.0, 540.0)
"""Points of a slide of 4:3."""


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """Slides in points, with the places of their shapes; speaker's notes stand as footnotes after each.

    Raises ExtractionFailed: `corrupt-file`, `password-required`, `wrong-password`, `too-many-pages`.
    """
    package = Package(opened(source, options.password))
    try:
        return _Extraction(package, options.tables).document(PageByPage(options, limits, ocr))
    finally:
        package.close()


class _Extraction:
    def __init__(self, package: Package, tables: bool) -> None:
        self._package = package
        part = related_part(package.relationships(""), "officeDocument") or "ppt/presentation.xml"
        self._root = package.xml(part)
        if name_of(self._root) != "p:presentation":
            raise corrupt()
        self._relationships = package.relationships(part)
        self._document = Document()
        self._reading = Reading(package, Layouts(package), self._document, tables)

    def document(self, pages: PageByPage) -> Document:
        slides = [attribute(each, "r:id") or "" for each in children(child(self._root, "p:sldIdLst"), "p:sldId")]
        self._document.properties = properties_of(self._package)
        return pages.document(self._document, slides, self._page)

    def _page(self, relationship: str, number: int) -> PagePiece:
        page = PagePiece(number, *_slide_size(self._root), source="none")
        related = self._relationships.get(relationship)
        try:
            slide = Slide(self._reading, related.target if related is not None else "", number)
            page.blocks = list(slide.blocks())
        except ExtractionFailed:
            page.error = "The slide cannot be read."
            return page
        if slide.is_hidden:
            self._document.warn("hidden-slide", "The slide is not shown in the presentation.", number)
        page.source = "text" if page.blocks else "none"
        return page


def _slide_size(root: Element) -> tuple[float, float]:
    size = child(root, "p:sldSz")
    width, height = (whole_number(None if size is None else size.get(side)) or 0 for side in ("cx", "cy"))
    return (width / EMU_PER_POINT, height / EMU_PER_POINT) if width > 0 and height > 0 else _STANDARD
