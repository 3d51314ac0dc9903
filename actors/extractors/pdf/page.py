"""One page of a PDF: its text, its pictures, whether it has to be read by OCR, and its rendering for that."""

import math
from dataclasses import dataclass
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from actors.extractors.document import Image
from actors.extractors.page_image import save_page_image
from actors.extractors.page_layout import LayoutWord
from actors.extractors.pdf.geometry import PageGeometry
from actors.extractors.pdf.pictures import Pictures, pictures_on
from actors.extractors.pdf.rules import rules_on
from actors.extractors.pdf.text import PageText
from actors.extractors.ruled_tables import Rules

_PIXELS_PER_POINT = 200 / 72
_MAX_PIXELS_PER_POINT = 600 / 72
_LONG_SIDE = 1600
"""Pixels to which a very small page is enlarged, if its picture has as many."""
_FEW_CHARACTERS = 100
"""Fewer on a page that a picture covers are a stamp or a page number, not the page's text."""
_COVERED = 0.5
_UNREADABLE = 0.3
"""Share of characters without meaning from which a text layer is taken for garbage."""
_MAX_ANNOTATIONS = 5000
_FLATTENED = {
    pdfium_c.FPDF_ANNOT_WIDGET,
    pdfium_c.FPDF_ANNOT_FREETEXT,
    pdfium_c.FPDF_ANNOT_STAMP,
}
"""Annotations whose text is part of the page as it is seen."""


@dataclass(slots=True)
class PageReading:
    width: float
    height: float
    rotation: int
    words: list[LayoutWord]
    rules: Rules
    images: list[Image]
    resolution: float
    """Pixels per point that its rendering for OCR should have."""
    needs_ocr: bool


def read_page(document: pdfium.PdfDocument, number: int, ocr: str, *, tables: bool) -> PageReading:
    """Read page `number` (from 1). Raises PdfiumError when it cannot be loaded."""
    page = _loaded(document, number)
    try:
        geometry = PageGeometry.of(page)
        text = PageText(page.get_textpage(), geometry)
        pictures = pictures_on(page, geometry, number)
        needs_ocr = ocr == "force" or (ocr == "auto" and _needs_ocr(text, pictures))
        width, height = geometry.size
        return PageReading(
            width=width,
            height=height,
            rotation=geometry.rotation,
            words=[] if needs_ocr else text.words(),
            rules=rules_on(page, geometry) if tables and not needs_ocr and pictures.drawn else Rules(),
            images=pictures.images,
            resolution=_resolution(pictures, max(width, height)),
            needs_ocr=needs_ocr,
        )
    finally:
        page.close()


def save_rendering(document: pdfium.PdfDocument, number: int, resolution: float, path: Path, max_pixels: int) -> None:
    """Draw page `number` in grey as it is seen. Raises PdfiumError or ValueError when it cannot be drawn."""
    page = _loaded(document, number)
    try:
        width, height = page.get_size()
        scale = min(resolution, math.sqrt(max_pixels / max(width * height, 1.0)))
        bitmap = page.render(scale=scale, grayscale=True)
        save_page_image(bitmap.to_pil(), path, max_pixels)
    finally:
        page.close()


def _needs_ocr(text: PageText, pictures: Pictures) -> bool:
    count = text.character_count
    if count == 0:
        return pictures.drawn
    if count < _FEW_CHARACTERS and pictures.covered > _COVERED and not text.is_invisible():
        return True
    return text.unreadable_share() > _UNREADABLE


def _resolution(pictures: Pictures, long_side: float) -> float:
    enlarged = min(_LONG_SIDE / max(long_side, 1.0), pictures.resolution, _MAX_PIXELS_PER_POINT)
    return max(_PIXELS_PER_POINT, enlarged)


def _loaded(document: pdfium.PdfDocument, number: int) -> pdfium.PdfPage:
    page = document[number - 1]
    if not _has_visible_annotations(page):
        return page
    # Only what is flattened into the page is in its text; the page must be loaded anew to see it.
    pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY)
    page.close()
    return document[number - 1]


def _has_visible_annotations(page: pdfium.PdfPage) -> bool:
    return any(
        _annotation_kind(page, index) in _FLATTENED
        for index in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS))
    )


def _annotation_kind(page: pdfium.PdfPage, index: int) -> int:
    annotation = pdfium_c.FPDFPage_GetAnnot(page, index)
    kind: int = pdfium_c.FPDFAnnot_GetSubtype(annotation)
    pdfium_c.FPDFPage_CloseAnnot(annotation)
    return kind
