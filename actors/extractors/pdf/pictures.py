"""The pictures on a PDF page: where they are, and how much of the page they cover."""

import ctypes
from dataclasses import dataclass, field

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from actors.extractors.document import Box, Image
from actors.extractors.pdf.geometry import PageGeometry

_MAX_IMAGES = 200
_MAX_OBJECTS = 20_000
_MAX_FORM_OBJECTS = 50
_MAX_FORM_DEPTH = 3
_FILTER_TYPES = {"DCTDecode": "image/jpeg", "JPXDecode": "image/jp2", "CCITTFaxDecode": "image/tiff"}
_PICTURE_KINDS = {pdfium_c.FPDF_PAGEOBJ_IMAGE, pdfium_c.FPDF_PAGEOBJ_FORM}


@dataclass(slots=True)
class Pictures:
    images: list[Image] = field(default_factory=list)
    covered: float = 0.0
    """Share of the page that the largest picture covers."""
    resolution: float = 0.0
    """Pixels per point of that picture."""
    drawn: bool = False
    """Whether anything but text is on the page."""


def pictures_on(page: pdfium.PdfPage, geometry: PageGeometry, number: int) -> Pictures:
    pictures = Pictures()
    for index in range(min(pdfium_c.FPDFPage_CountObjects(page), _MAX_OBJECTS)):
        raw = pdfium_c.FPDFPage_GetObject(page, index)
        kind = pdfium_c.FPDFPageObj_GetType(raw)
        pictures.drawn = pictures.drawn or kind != pdfium_c.FPDF_PAGEOBJ_TEXT
        image = _image_in(raw, 0) if kind in _PICTURE_KINDS else None
        if image is not None:
            _add(pictures, raw, image, geometry, number)
    return pictures


def _add(
    pictures: Pictures,
    placed: pdfium_c.FPDF_PAGEOBJECT,
    image: pdfium_c.FPDF_PAGEOBJECT,
    geometry: PageGeometry,
    number: int,
) -> None:
    page_width, page_height = geometry.size
    box = _clipped(_bounds(placed, geometry), page_width, page_height)
    width, height = _pixel_size(image)
    covered = (box[2] - box[0]) * (box[3] - box[1]) / max(page_width * page_height, 1.0)
    if covered > pictures.covered:
        pictures.covered = covered
        pictures.resolution = max(width, height) / max(box[2] - box[0], box[3] - box[1], 1.0)
    if len(pictures.images) < _MAX_IMAGES:
        pictures.images.append(Image("", number, width, height, _media_type(image), box))


def _image_in(raw: pdfium_c.FPDF_PAGEOBJECT, depth: int) -> pdfium_c.FPDF_PAGEOBJECT | None:
    """The object if it is a picture, or the first picture within a form object."""
    kind = pdfium_c.FPDFPageObj_GetType(raw)
    if kind == pdfium_c.FPDF_PAGEOBJ_IMAGE:
        return raw
    if kind != pdfium_c.FPDF_PAGEOBJ_FORM or depth > _MAX_FORM_DEPTH:
        return None
    parts = range(min(pdfium_c.FPDFFormObj_CountObjects(raw), _MAX_FORM_OBJECTS))
    found = (_image_in(pdfium_c.FPDFFormObj_GetObject(raw, index), depth + 1) for index in parts)
    return next((image for image in found if image is not None), None)


def _bounds(raw: pdfium_c.FPDF_PAGEOBJECT, geometry: PageGeometry) -> Box:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium_c.FPDFPageObj_GetBounds(raw, left, bottom, right, top)
    return geometry.box(left.value, bottom.value, right.value, top.value)


def _clipped(box: Box, width: float, height: float) -> Box:
    x0, y0 = min(max(box[0], 0.0), width), min(max(box[1], 0.0), height)
    return x0, y0, max(min(box[2], width), x0), max(min(box[3], height), y0)


def _pixel_size(image: pdfium_c.FPDF_PAGEOBJECT) -> tuple[int, int]:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    pdfium_c.FPDFImageObj_GetImagePixelSize(image, width, height)
    return width.value, height.value


def _media_type(image: pdfium_c.FPDF_PAGEOBJECT) -> str:
    """What the picture's data would be as a file; what is stored as bare samples counts as PNG."""
    name = ctypes.create_string_buffer(64)
    for index in range(pdfium_c.FPDFImageObj_GetImageFilterCount(image)):
        pdfium_c.FPDFImageObj_GetImageFilter(image, index, name, len(name))
        media_type = _FILTER_TYPES.get(name.value.decode("ascii", errors="replace"))
        if media_type:
            return media_type
    return "image/png"
