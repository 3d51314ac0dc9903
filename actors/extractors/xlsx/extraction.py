"""Workbooks (XLSX, XLSM and their templates; Transitional and Strict): a page for each sheet, its cells as one table.

Read from their XML directly: calamine (Rust) takes a tenth of the time, but gives numbers without their formats, and
takes the memory that the range of a sheet would fill; openpyxl gives formats, takes longer, and shows nothing by them.
"""

from pathlib import Path

from actors.extractors.assembly import PagePiece
from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.office.encryption import opened
from actors.extractors.office.package import Package, related_part
from actors.extractors.office.properties import properties_of
from actors.extractors.office.xml_tree import Element, attribute, child, children, corrupt, name_of
from actors.extractors.page_by_page import PageByPage
from actors.extractors.xlsx.cells import Values
from actors.extractors.xlsx.number_formats import NumberFormats
from actors.extractors.xlsx.shared_strings import shared_strings
from actors.extractors.xlsx.sheet import Reading, Sheet

_ROWS_PER_SIGN_OF_LIFE = 20_000


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """Sheets have no measures. A formula is its last result, a number what its format makes of it.

    Raises ExtractionFailed: `corrupt-file`, `password-required`, `wrong-password`, `too-many-pages`.
    """
    package = Package(opened(source, options.password))
    try:
        return _Extraction(package, options.tables, PageByPage(options, limits, ocr)).document()
    finally:
        package.close()


class _Extraction:
    def __init__(self, package: Package, tables: bool, pages: PageByPage) -> None:
        self._package, self._tables, self._pages = package, tables, pages
        part = related_part(package.relationships(""), "officeDocument") or "xl/workbook.xml"
        self._root = package.xml(part)
        if name_of(self._root) != "x:workbook":
            raise corrupt()
        self._relationships = package.relationships(part)
        self._document = Document()
        self._rows = 0

    def document(self) -> Document:
        sheets = list(children(child(self._root, "x:sheets"), "x:sheet"))
        self._document.properties = properties_of(self._package)
        reading = self._reading()
        return self._pages.document(self._document, sheets, lambda listed, number: self._page(reading, listed, number))

    def _reading(self) -> Reading:
        properties = child(self._root, "x:workbookPr")
        from_1904 = properties is not None and properties.get("date1904") in {"1", "true"}
        styles = related_part(self._relationships, "styles")
        root = self._package.xml(styles) if styles is not None and styles in self._package else None
        strings = shared_strings(self._package, related_part(self._relationships, "sharedStrings"))
        values = Values(strings, NumberFormats(root, from_1904=from_1904))
        return Reading(self._package, values, self._document, self._tables, self._show_life)

    def _show_life(self) -> None:
        self._rows += 1
        if self._rows % _ROWS_PER_SIGN_OF_LIFE == 0:
            self._pages.show_life()

    def _page(self, reading: Reading, listed: Element, number: int) -> PagePiece:
        page = PagePiece(number, 0.0, 0.0)
        part = self._relationships.get(attribute(listed, "r:id") or "")
        try:
            page.blocks = list(Sheet(reading, part, number).blocks(listed.get("name", "")))
        except ExtractionFailed:
            page.source, page.error = "none", "The sheet cannot be read."
            return page
        if listed.get("state", "visible") != "visible":
            self._document.warn("hidden-sheet", "The sheet is hidden in the workbook.", number)
        return page
