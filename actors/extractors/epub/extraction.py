"""Books (EPUB 2 and 3): a page for each document of the spine, in reading order; each is HTML."""

import posixpath
from pathlib import Path

from actors.extractors.assembly import PagePiece
from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions, Image
from actors.extractors.embedded_images import HEAD_BYTES, embedded_image, media_type_of
from actors.extractors.epub.book import Chapter, part_at, read_book
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.html.blocks import HtmlReading
from actors.extractors.html.extraction import data_image, html_blocks
from actors.extractors.html.parsing import decoded_html, parse_html
from actors.extractors.office.package import Package
from actors.extractors.page_by_page import PageByPage

_HTML = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """Pages have no measures. A document that a shop has encrypted is a page with an error.

    Raises ExtractionFailed: `corrupt-file`, `too-many-pages`.
    """
    package = Package(source)
    try:
        return _Extraction(package, options.tables).document(PageByPage(options, limits, ocr))
    finally:
        package.close()


class _Extraction:
    def __init__(self, package: Package, tables: bool) -> None:
        self._package, self._tables = package, tables
        self._book = read_book(package)
        self._document = Document(properties=self._book.properties)

    def document(self, pages: PageByPage) -> Document:
        return pages.document(self._document, self._book.chapters, self._page)

    def _page(self, chapter: Chapter, number: int) -> PagePiece:
        page = PagePiece(number, 0.0, 0.0, source="none")
        if chapter.part in self._book.encrypted:
            page.error = "The part is encrypted for one shop's readers."
            return page
        try:
            data = self._package.part(chapter.part or "")
            text = decoded_html(data).text if chapter.media_type in _HTML else ""
        except ExtractionFailed:
            page.error = "The part cannot be read."
            return page
        images = _Images(self._package, posixpath.dirname(chapter.part or ""))
        reading = HtmlReading(self._document, images, self._tables, number)
        page.blocks = list(html_blocks(parse_html(text), reading))
        page.source = "text" if page.blocks else "none"
        return page


class _Images:
    """Finds the pictures that a document in `folder` shows."""

    def __init__(self, package: Package, folder: str) -> None:
        self._package, self._folder = package, folder

    def __call__(self, source: str) -> Image | None:
        part = part_at(source, self._folder)
        if part not in self._package:
            return data_image(source)
        return embedded_image(self._package.head(part, HEAD_BYTES), media_type_of(part))
