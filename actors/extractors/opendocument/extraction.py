"""OpenDocument: texts (ODT), spreadsheets (ODS), presentations and drawings (ODP, ODG), and their templates.

Read from their XML directly: odfdo, which is kept up, gives the text of a document, but not the markers of its lists,
its notes and its places; odfpy is kept up no longer.
"""

from pathlib import Path

from actors.extractors.assembly import PagePiece
from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.office.package import Package
from actors.extractors.office.xml_tree import Element, attribute, child, children, corrupt
from actors.extractors.one_page import one_page
from actors.extractors.opendocument.encryption import opened
from actors.extractors.opendocument.lists import Lists
from actors.extractors.opendocument.pages import sheet_blocks, slide_blocks, text_blocks
from actors.extractors.opendocument.properties import properties_of
from actors.extractors.opendocument.story import Reading
from actors.extractors.opendocument.styles import Styles
from actors.extractors.page_by_page import PageByPage

_A4 = (595.28, 841.89)
_STYLES = "styles.xml"


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """A text is one page, as only a layout would tell where its pages break; sheets have no measures.

    Raises ExtractionFailed: `corrupt-file`, `password-required`, `wrong-password`, `too-many-pages`.
    """
    package = opened(Package(source), options.password)
    try:
        return _Extraction(package, options, limits, ocr).document()
    finally:
        package.close()


class _Extraction:
    def __init__(self, package: Package, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> None:
        self._package, self._options, self._limits, self._ocr = package, options, limits, ocr
        self._content = package.xml("content.xml")
        self._common = package.xml(_STYLES) if _STYLES in package else None
        self._styles = Styles(*(root for root in (self._content, self._common) if root is not None))
        self._document = Document(properties=properties_of(package, self._styles.language))

    def document(self) -> Document:
        body = child(self._content, "office:body")
        text, sheets = child(body, "office:text"), child(body, "office:spreadsheet")
        if text is not None:
            masters = child(self._common, "office:master-styles")
            blocks = text_blocks(self._reading(1), text, masters)
            size = self._styles.page_size() or _A4
            return one_page(self._document, blocks, self._options, self._limits, self._ocr, size)
        if sheets is not None:
            return self._pages(list(children(sheets, "table:table")))
        slides = child(body, "office:presentation")
        slides = child(body, "office:drawing") if slides is None else slides
        if slides is None:
            raise corrupt()
        return self._pages(list(children(slides, "draw:page")))

    def _pages(self, elements: list[Element]) -> Document:
        pages = PageByPage(self._options, self._limits, self._ocr)
        return pages.document(self._document, elements, self._page)

    def _page(self, element: Element, number: int) -> PagePiece:
        reading = self._reading(number)
        master = attribute(element, "draw:master-page-name")
        if master is None:
            page = PagePiece(number, 0.0, 0.0, list(sheet_blocks(reading, element)))
        else:
            reading.has_places = True
            page = PagePiece(number, *(self._styles.page_size(master) or _A4), list(slide_blocks(reading, element)))
        page.source = "text" if page.blocks else "none"
        return page

    def _reading(self, number: int) -> Reading:
        return Reading(self._package, self._styles, Lists(self._styles), self._document, self._options.tables, number)
