"""PDF: text with places from the file, and OCR for the pages that have none."""

from collections.abc import Iterator
from pathlib import Path

import pypdfium2 as pdfium

from actors.extractors.aligned_tables import take_aligned_tables
from actors.extractors.assembly import PagePiece, assemble
from actors.extractors.blocks import LaidOutPage, group_into_blocks
from actors.extractors.document import (
    Document,
    ExtractionFailed,
    ExtractionOptions,
    ExtractionWarning,
    RecognisedPage,
)
from actors.extractors.extractor import OcrRequester, PageFailed, PageImage, ParseLimits
from actors.extractors.figures import figure_boxes
from actors.extractors.label_values import label_values
from actors.extractors.page_layout import segments_of, with_tables
from actors.extractors.page_ocr import page_confidence, recognised_lines
from actors.extractors.page_selection import selected_pages
from actors.extractors.pdf.file import open_pdf
from actors.extractors.pdf.page import PageReading, read_page, save_rendering
from actors.extractors.pdf.properties import form_fields_of, properties_of
from actors.extractors.ruled_tables import take_tables
from actors.extractors.source_order import lines_of_drawn_page


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """The document; measured in points, as its pages are seen (rotation applied, form fields filled in).

    Raises ExtractionFailed: `corrupt-file`, `password-required`, `wrong-password`, `too-many-pages`.
    """
    pdf = open_pdf(source, options.password)
    try:
        return _Extraction(pdf, options, limits, ocr).document(source)
    finally:
        pdf.close()


class _Extraction:
    """Reads a document page by page; pages for OCR go out as others are still being read."""

    def __init__(
        self, pdf: pdfium.PdfDocument, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester
    ) -> None:
        self._pdf, self._options, self._limits, self._ocr = pdf, options, limits, ocr
        self._document = Document(properties=properties_of(pdf))
        self._numbers = selected_pages(options.pages, len(pdf), limits.max_pages)
        self._pieces: dict[int, PagePiece] = {}
        self._pages: dict[int, LaidOutPage] = {}
        self._done = 0
        self._words = 0
        self._unreadable = 0

    def document(self, source: Path) -> Document:
        for number, found in self._ocr.recognise_pages(self._unread_pages()):
            self._take_recognised(number, found)
            self._advance()
        if self._unreadable and self._unreadable == len(self._numbers):
            raise ExtractionFailed("corrupt-file", "parse", "No page of the file can be read.")
        group_into_blocks([self._pages[number] for number in self._numbers if number in self._pages])
        for number, page in self._pages.items():
            self._pieces[number].blocks = page.blocks
            self._document.key_values += label_values((line.piece for line in page.lines), number)
        if self._pdf.formenv is not None:
            document = self._document
            document.form_fields = form_fields_of(source, self._options.password, document.warnings)
        return assemble(self._document, (self._pieces[number] for number in self._numbers))

    def _unread_pages(self) -> Iterator[PageImage]:
        """Read all pages; those without text of their own come out to be recognised."""
        for number in self._numbers:
            reading = self._read(number)
            if reading is not None and reading.needs_ocr:
                yield self._image(number, reading.resolution)
            else:
                self._advance()

    def _read(self, number: int) -> PageReading | None:
        try:
            reading = read_page(self._pdf, number, self._options.ocr, tables=self._options.tables)
        except pdfium.PdfiumError:
            self._unreadable += 1
            self._pieces[number] = PagePiece(number, 0.0, 0.0, source="none", error="The page cannot be read.")
            return None
        self._pieces[number] = PagePiece(
            number, reading.width, reading.height, rotation=reading.rotation, source="none"
        )
        self._document.images.extend(reading.images)
        if not reading.needs_ocr:
            self._take_lines(number, reading)
        return reading

    def _take_lines(self, number: int, reading: PageReading) -> None:
        tables, words = take_tables(reading.words, reading.rules)
        segments = segments_of(words)
        if self._options.tables:
            aligned, segments = take_aligned_tables(segments, reading.rules.level)
            tables += aligned
        lines = with_tables(lines_of_drawn_page(segments), tables)
        self._pieces[number].source = "text" if lines else "none"
        figures = figure_boxes(reading.images, reading.width, reading.height)
        self._keep(number, LaidOutPage(reading.height, lines, figures))

    def _image(self, number: int, resolution: float) -> PageImage:
        def save(path: Path) -> None:
            try:
                save_rendering(self._pdf, number, resolution, path, self._limits.max_ocr_pixels)
            except pdfium.PdfiumError as error:
                raise ValueError("the page cannot be drawn") from error

        return PageImage(number, save)

    def _take_recognised(self, number: int, found: RecognisedPage | PageFailed) -> None:
        piece = self._pieces[number]
        if isinstance(found, PageFailed):
            piece.error = found.reason
            return
        lines = recognised_lines(found, piece.width, piece.height)
        piece.source = "ocr" if lines else "none"
        piece.confidence = page_confidence(found)
        if found.rotation:
            self._warn("page-turned", f"The page was read turned by {found.rotation} degrees.", number)
        self._keep(number, LaidOutPage(piece.height, lines))

    def _keep(self, number: int, page: LaidOutPage) -> None:
        """Words of a document that has very many are left out: they would be most of its size."""
        pieces = [piece for line in page.lines for piece in (line.table.rows if line.table else [line.piece])]
        self._words += sum(len(piece.words) for piece in pieces)
        if self._words > self._limits.max_words:
            if not any(warning.code == "words-omitted" for warning in self._document.warnings):
                self._warn("words-omitted", "From this page on lines are given without their words.", number)
            for piece in pieces:
                piece.words = []
        self._pages[number] = page

    def _warn(self, code: str, message: str, page: int) -> None:
        self._document.warnings.append(ExtractionWarning(code, message, page))

    def _advance(self) -> None:
        self._done += 1
        self._ocr.progress(self._done, len(self._numbers))
