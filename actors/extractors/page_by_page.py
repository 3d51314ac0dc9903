"""Files whose pages are parts of their own (slides, sheets, chapters), read one after the other."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from actors.extractors.assembly import PagePiece, assemble
from actors.extractors.document import Document, ExtractionOptions
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.office.xml_tree import corrupt
from actors.extractors.page_selection import selected_pages

T = TypeVar("T")


class PageByPage:
    def __init__(self, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> None:
        self._options, self._limits, self._ocr = options, limits, ocr
        self._done = self._total = 0

    def document(self, document: Document, parts: Sequence[T], read: Callable[[T, int], PagePiece]) -> Document:
        """`document` with a page for each selected part; `read` is given the part and its number.

        Raises ExtractionFailed: `too-many-pages`, and `corrupt-file` when no page could be read.
        """
        document.properties.page_count = len(parts)
        numbers = selected_pages(self._options.pages, len(parts), self._limits.max_pages)
        self._total = len(numbers)
        pages = []
        for number in numbers:
            pages.append(read(parts[number - 1], number))
            self._done += 1
            self.show_life()
        if pages and all(page.error for page in pages):
            raise corrupt()
        return assemble(document, pages)

    def show_life(self) -> None:
        """Tell how far the parse is; also from within a page that takes long."""
        self._ocr.progress(self._done, self._total)
