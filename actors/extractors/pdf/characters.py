"""Where the characters of a PDF page stand and how they are set, asked of PDFium one by one.

Each question costs more than what is done with the answer. So none is asked twice, and buffers are used again.
"""

import ctypes
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
_RECT = struct.Struct("4f")
"""FS_RECTF: left, top, right, bottom."""


def _bare(function: Any, answers: type[Any]) -> Callable[..., Any]:
    """A function of PDFium's without what the bindings do to each argument, which takes longer than the call.

    Takes pointers as `c_void_p` or `byref`, and integers. Keeps the interpreter's lock.
    """
    return ctypes.PYFUNCTYPE(answers)(ctypes.cast(function, ctypes.c_void_p).value or 0)


_loose_char_box = _bare(pdfium_c.FPDFText_GetLooseCharBox, ctypes.c_int)
_text_object = _bare(pdfium_c.FPDFText_GetTextObject, ctypes.c_void_p)
_has_map_error = _bare(pdfium_c.FPDFText_HasUnicodeMapError, ctypes.c_int)


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
        self._bare_pointer = ctypes.cast(self._pointer, ctypes.c_void_p)
        self._geometry = geometry
        self._styles: dict[int, Style] = {}
        self._rect = pdfium_c.FS_RECTF()
        self._to_rect = ctypes.byref(self._rect)
        self._x, self._y = ctypes.c_double(), ctypes.c_double()

    def style(self, index: int) -> Style:
        """Remembered by text object: all characters of one share font and matrix."""
        key = _text_object(self._bare_pointer, index) or -1 - index
        style = self._styles.get(key)
        if style is None:
            style = self._styles[key] = self._read_style(index)
        return style

    def box(self, index: int, style: Style) -> Box:
        """The character's advance box; from its baseline where the font's own height makes no sense."""
        _loose_char_box(self._bare_pointer, index, self._to_rect)
        left, top, right, bottom = _RECT.unpack_from(self._rect)
        box = self._geometry.box(left, bottom, right, top)
        if style.upright and not 0.7 * style.size <= box[3] - box[1] <= 1.6 * style.size:
            _, baseline = self._origin(index)
            return box[0], baseline - _ASCENT * style.size, box[2], baseline + _DESCENT * style.size
        return box

    def is_unmapped(self, index: int) -> bool:
        """Whether the font does not say which character it is."""
        return bool(_has_map_error(self._bare_pointer, index) == 1)

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
