"""The words of a PDF page with their places, as PDFium reads them.

PDFium gives characters in the order of the page's drawing, with the blanks and line ends that it guesses from the
places; right-to-left text comes in logical order. Called in a parsing child only: PDFium is not thread-safe.
"""

import ctypes
import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from actors.extractors.assembly import around
from actors.extractors.document import Box
from actors.extractors.page_layout import LayoutWord
from actors.extractors.pdf.bidi import direction_changes, has_right_to_left, with_ligatures_in_order

_LINE_HYPHEN = 0xFFFE
_LINE_ENDS = {0x0A, 0x0D, 0x2028, 0x2029}
_BLANKS = {0x00, 0x09, 0x0B, 0x0C, 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000}
_BETWEEN_WORDS = frozenset(_LINE_ENDS | _BLANKS)
_LIGATURES = [*range(0xFB00, 0xFB07), *range(0xFB13, 0xFB18), *range(0xFB50, 0xFDFE), *range(0xFE70, 0xFEFD)]
_SPELT_OUT = {code: unicodedata.normalize("NFKC", chr(code)) for code in _LIGATURES} | {0xAD: "-"}
_ASCENT, _DESCENT = 0.8, 0.2
_MAX_CHARACTERS = 200_000
_SAMPLE = 300
_BOLD_WEIGHT = 600
_UPRIGHT_DEGREES = 10
_HIGH_SURROGATES = range(0xD800, 0xDC00)
_LOW_SURROGATES = range(0xDC00, 0xE000)
_SURROGATES = range(0xD800, 0xE000)
_PRIVATE_USE = range(0xE000, 0xF900)
_CONTROLS = {*range(0x01, 0x09), *range(0x0E, 0x20)}
_REPLACEMENT = 0xFFFD
_SPACE = 0x20
_INVISIBLE: int = pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE
_FORCE_BOLD = 1 << 18
"""Bit 19 of a font descriptor's flags (ISO 32000-1, table 123)."""


@dataclass(frozen=True, slots=True)
class PageGeometry:
    """From PDF user space (origin bottom left, unrotated) to the page as it is read (origin top left, rotated)."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @classmethod
    def of(cls, page: pdfium.PdfPage) -> "PageGeometry":
        left, bottom, right, top = page.get_bbox()
        return cls(left, bottom, right, top, page.get_rotation())

    @property
    def size(self) -> tuple[float, float]:
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.rotation in {90, 270} else (width, height)

    def point(self, x: float, y: float) -> tuple[float, float]:
        match self.rotation:
            case 90:
                return y - self.bottom, x - self.left
            case 180:
                return self.right - x, y - self.bottom
            case 270:
                return self.top - y, self.right - x
            case _:
                return x - self.left, self.top - y

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        (x0, y0), (x1, y1) = self.point(left, bottom), self.point(right, top)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


@dataclass(frozen=True, slots=True)
class _Run:
    """Characters `start` to `end` without a blank between them; `line` counts PDFium's lines."""

    start: int
    end: int
    line: int
    hyphenated: bool


@dataclass(frozen=True, slots=True)
class _Style:
    size: float
    bold: bool
    upright: bool
    """Written from left to right on the page as it is read, as far as its text matrix says."""


class PageText:
    """Reads one page's text; close the text page after use."""

    def __init__(self, text_page: pdfium.PdfTextPage, geometry: PageGeometry) -> None:
        self._page = text_page
        self._geometry = geometry
        self._codes = _codes(text_page)
        self._styles: dict[int, _Style] = {}
        # Most pages have neither, and their words need no second look.
        self._has_right_to_left = has_right_to_left(self._codes)
        self._has_surrogates = any(code in _SURROGATES for code in self._codes)

    @property
    def character_count(self) -> int:
        return sum(code not in _BETWEEN_WORDS for code in self._codes)

    def unreadable_share(self) -> float:
        """Share of characters that say nothing: unmapped, replaced, or of the private use area; by a sample."""
        written = [index for index, code in enumerate(self._codes) if code not in _BETWEEN_WORDS]
        sample = written[:: len(written) // _SAMPLE + 1]
        return sum(map(self._says_nothing, sample)) / max(len(sample), 1)

    def _says_nothing(self, index: int) -> bool:
        code = self._codes[index]
        if code == _REPLACEMENT or code in _PRIVATE_USE or code in _CONTROLS:
            return True
        unmapped: int = pdfium_c.FPDFText_HasUnicodeMapError(self._page, index)
        return unmapped == 1

    def is_invisible(self) -> bool:
        """Whether the text is written over a picture without being drawn, as OCR software does."""
        index = next((index for index, code in enumerate(self._codes) if code > _SPACE), 0)
        text_object = pdfium_c.FPDFText_GetTextObject(self._page, index)
        mode: int = pdfium_c.FPDFTextObj_GetTextRenderMode(text_object)
        return mode == _INVISIBLE

    def words(self) -> list[LayoutWord]:
        runs = _runs(self._codes)
        if self._has_right_to_left:
            runs = (part for run in runs for part in self._of_one_direction(run))
        return [self._word_of(run) for run in runs]

    def _word_of(self, run: _Run) -> LayoutWord:
        text = "".join([_SPELT_OUT.get(code) or chr(code) for code in self._scalars_of(run)])
        style = self._style(run.start)
        return LayoutWord(
            text=text + "-" if run.hyphenated else text,
            bbox=self._box(run, style),
            size=style.size,
            bold=style.bold,
            line=run.line,
            upright=style.upright,
        )

    def _of_one_direction(self, run: _Run) -> Iterator[_Run]:
        """The run, cut where letters of the other direction begin."""
        start = run.start
        for index in direction_changes(self._codes[run.start : run.end]):
            yield _Run(start, run.start + index, run.line, hyphenated=False)
            start = run.start + index
        yield _Run(start, run.end, run.line, run.hyphenated)

    def _scalars_of(self, run: _Run) -> list[int]:
        codes = self._codes[run.start : run.end]
        if self._has_right_to_left:
            style = self._style(run.start)
            codes = with_ligatures_in_order(codes, lambda index: self._character_box(run.start + index, style))
        return _scalars(codes) if self._has_surrogates else codes

    def _box(self, run: _Run, style: _Style) -> Box:
        first = self._character_box(run.start, style)
        last = self._character_box(run.end - 1, style)
        if not _adjacent(first, last, style):
            boxes = [self._character_box(index, style) for index in range(run.start, run.end)]
            return around(boxes)
        return around([first, last])

    def _character_box(self, index: int, style: _Style) -> Box:
        """The character's advance box; from its baseline where the font's own height makes no sense."""
        rect = pdfium_c.FS_RECTF()
        pdfium_c.FPDFText_GetLooseCharBox(self._page, index, rect)
        box = self._geometry.box(rect.left, rect.bottom, rect.right, rect.top)
        if style.upright and not 0.7 * style.size <= box[3] - box[1] <= 1.6 * style.size:
            _, baseline = self._origin(index)
            return box[0], baseline - _ASCENT * style.size, box[2], baseline + _DESCENT * style.size
        return box

    def _origin(self, index: int) -> tuple[float, float]:
        x, y = ctypes.c_double(), ctypes.c_double()
        pdfium_c.FPDFText_GetCharOrigin(self._page, index, x, y)
        return self._geometry.point(x.value, y.value)

    def _style(self, index: int) -> _Style:
        """Cached by text object: all characters of one share font and matrix."""
        text_object = pdfium_c.FPDFText_GetTextObject(self._page, index)
        key = ctypes.cast(text_object, ctypes.c_void_p).value or -1 - index
        if key not in self._styles:
            self._styles[key] = self._read_style(index)
        return self._styles[key]

    def _read_style(self, index: int) -> _Style:
        matrix = pdfium_c.FS_MATRIX()
        pdfium_c.FPDFText_GetMatrix(self._page, index, matrix)
        angle = math.degrees(math.atan2(matrix.b, matrix.a))
        size = pdfium_c.FPDFText_GetFontSize(self._page, index) * (math.hypot(matrix.c, matrix.d) or 1.0)
        turned = (angle - self._geometry.rotation + 180) % 360 - 180
        return _Style(size=abs(size) or 1.0, bold=self._is_bold(index), upright=abs(turned) < _UPRIGHT_DEGREES)

    def _is_bold(self, index: int) -> bool:
        name, flags = ctypes.create_string_buffer(256), ctypes.c_int()
        pdfium_c.FPDFText_GetFontInfo(self._page, index, name, 256, flags)
        weight = pdfium_c.FPDFText_GetFontWeight(self._page, index)
        words = name.value.lower()
        return b"bold" in words or b"black" in words or weight >= _BOLD_WEIGHT or bool(flags.value & _FORCE_BOLD)


def _codes(page: pdfium.PdfTextPage) -> list[int]:
    """UTF-16 code units, one for each of PDFium's characters (0 where it has none)."""
    count = min(page.count_chars(), _MAX_CHARACTERS)
    buffer = (ctypes.c_ushort * (count + 1))()
    if pdfium_c.FPDFText_GetText(page, 0, count, buffer) == count + 1:
        return list(buffer[:count])
    # Text and characters do not match one to one: some have no text, and some are beyond 16 bits.
    return [pdfium_c.FPDFText_GetUnicode(page, index) for index in range(count)]


def _runs(codes: list[int]) -> Iterator[_Run]:
    start, line = None, 0
    for index, code in enumerate(codes):
        is_hyphen = code == _LINE_HYPHEN
        if code in _BETWEEN_WORDS or is_hyphen:
            if start is not None:
                yield _Run(start, index, line, is_hyphen)
            start = None
            line += code in _LINE_ENDS or is_hyphen
        elif start is None:
            start = index
    if start is not None:
        yield _Run(start, len(codes), line, hyphenated=False)


def _scalars(units: list[int]) -> list[int]:
    """Code points of UTF-16 units; what is beyond 16 bits already is kept."""
    joined: list[int] = []
    for unit in units:
        if joined and unit in _LOW_SURROGATES and joined[-1] in _HIGH_SURROGATES:
            joined[-1] = 0x10000 + ((joined[-1] - _HIGH_SURROGATES.start) << 10) + (unit - _LOW_SURROGATES.start)
        else:
            joined.append(unit)
    return joined


def _adjacent(first: Box, last: Box, style: _Style) -> bool:
    """Whether the two ends can be of one horizontal word, so that the characters between need no look."""
    return style.upright and abs(first[3] - last[3]) < style.size
