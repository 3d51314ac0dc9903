"""Where the characters of a PDF page stand and how they are set, asked of PDFium one by one.

Each question costs more than what is done with the answer. So none is asked twice, and buffers are used again.
"""

import ctypes
import math
from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from actors.extractors.assembly import around
from actors.extractors.document import Box
from actors.extractors.pdf.geometry import PageGeometry

_ASCENT, _DESCENT = 0.8, 0.2
_BOLD_WEIGHT = 600
_UPRIGHT_DEGREES = 10
_FORCE_BOLD = 1 << 18
"""Bit 19 of a font descriptor's flags (ISO 32000-1, table 123)."""


@dataclass(frozen=True, slots=True)
class Style:
    size: float
    bold: bool
    upright: bool
    """Written from left to right on the page as it is read, as far as its text matrix says."""


class Characters:
    """The characters of one page, by their index in PDFium's text of it."""

    def __init__(self, text_page: pdfium.PdfTextPage, geometry: PageGeometry) -> None:
        # The page is kept: it owns what the bare pointer, which is cheaper to pass, points to.
        self._page, self._pointer = text_page, text_page.raw
        self._geometry = geometry
        self._styles: dict[int, Style] = {}
        self._rect = pdfium_c.FS_RECTF()
        self._x, self._y = ctypes.c_double(), ctypes.c_double()

    def style(self, index: int) -> Style:
        """Remembered by text object: all characters of one share font and matrix."""
        text_object = pdfium_c.FPDFText_GetTextObject(self._pointer, index)
        key = ctypes.addressof(text_object.contents) if text_object else -1 - index
        style = self._styles.get(key)
        if style is None:
            style = self._styles[key] = self._read_style(index)
        return style

    def box(self, index: int, style: Style) -> Box:
        """The character's advance box; from its baseline where the font's own height makes no sense."""
        rect = self._rect
        pdfium_c.FPDFText_GetLooseCharBox(self._pointer, index, rect)
        box = self._geometry.box(rect.left, rect.bottom, rect.right, rect.top)
        if style.upright and not 0.7 * style.size <= box[3] - box[1] <= 1.6 * style.size:
            _, baseline = self._origin(index)
            return box[0], baseline - _ASCENT * style.size, box[2], baseline + _DESCENT * style.size
        return box

    def box_of(self, start: int, end: int, style: Style) -> Box:
        """Around the characters from `start` to before `end`; those between the ends are rarely looked at."""
        first = self.box(start, style)
        if end - start == 1:
            return first
        last = self.box(end - 1, style)
        if not _adjacent(first, last, style):
            return around([self.box(index, style) for index in range(start, end)])
        if first[1] == last[1] and first[3] == last[3] and first[0] <= last[0] and first[2] <= last[2]:
            return first[0], first[1], last[2], first[3]
        return around([first, last])

    def _origin(self, index: int) -> tuple[float, float]:
        pdfium_c.FPDFText_GetCharOrigin(self._pointer, index, self._x, self._y)
        return self._geometry.point(self._x.value, self._y.value)

    def _read_style(self, index: int) -> Style:
        matrix = pdfium_c.FS_MATRIX()
        pdfium_c.FPDFText_GetMatrix(self._pointer, index, matrix)
        angle = math.degrees(math.atan2(matrix.b, matrix.a))
        size = pdfium_c.FPDFText_GetFontSize(self._pointer, index) * (math.hypot(matrix.c, matrix.d) or 1.0)
        turned = (angle - self._geometry.rotation + 180) % 360 - 180
        return Style(size=abs(size) or 1.0, bold=self._is_bold(index), upright=abs(turned) < _UPRIGHT_DEGREES)

    def _is_bold(self, index: int) -> bool:
        name, flags = ctypes.create_string_buffer(256), ctypes.c_int()
        pdfium_c.FPDFText_GetFontInfo(self._pointer, index, name, 256, flags)
        weight = pdfium_c.FPDFText_GetFontWeight(self._pointer, index)
        words = name.value.lower()
        return b"bold" in words or b"black" in words or weight >= _BOLD_WEIGHT or bool(flags.value & _FORCE_BOLD)


def _adjacent(first: Box, last: Box, style: Style) -> bool:
    """Whether the two ends can be of one horizontal word, so that the characters between need no look."""
    return style.upright and abs(first[3] - last[3]) < style.size
