"""The words of a PDF page with their places, as PDFium reads them.

PDFium gives characters in the order of the page's drawing, with the blanks and line ends that it guesses from the
places; right-to-left text comes in logical order. Called in a parsing child only: PDFium is not thread-safe.
"""

import ctypes
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from actors.extractors.page_layout import LayoutWord
from actors.extractors.pdf.bidi import direction_changes, has_right_to_left, with_ligatures_in_order
from actors.extractors.pdf.characters import Characters, Style
from actors.extractors.pdf.geometry import PageGeometry

_LINE_HYPHEN = 0xFFFE
_HYPHEN = chr(_LINE_HYPHEN)
_LINE_ENDS = {0x0A, 0x0D, 0x2028, 0x2029}
_BLANKS = {0x00, 0x09, 0x0B, 0x0C, 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000}
_BETWEEN_WORDS = frozenset(_LINE_ENDS | _BLANKS)
_LIGATURES = [*range(0xFB00, 0xFB07), *range(0xFB13, 0xFB18), *range(0xFB50, 0xFDFE), *range(0xFE70, 0xFEFD)]
_SPELT_OUT = {code: unicodedata.normalize("NFKC", chr(code)) for code in _LIGATURES} | {0xAD: "-"}
_MAX_CHARACTERS = 200_000
_SAMPLE = 300
_HIGH_SURROGATES = range(0xD800, 0xDC00)
_LOW_SURROGATES = range(0xDC00, 0xE000)
_SURROGATES = range(0xD800, 0xE000)
_PRIVATE_USE = range(0xE000, 0xF900)
_CONTROLS = {*range(0x01, 0x09), *range(0x0E, 0x20)}
_REPLACEMENT = 0xFFFD
_SPACE = 0x20
_INVISIBLE: int = pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE


def _class_of(codes: set[int]) -> str:
    return re.escape("".join(map(chr, sorted(codes))))


_WORD = re.compile(f"[^{_class_of(_LINE_ENDS | _BLANKS | {_LINE_HYPHEN})}]+")
_LINE_END = re.compile(f"[{_class_of(_LINE_ENDS | {_LINE_HYPHEN})}]")


class _Run(NamedTuple):
    """Characters `start` to `end` without a blank between them; `line` counts PDFium's lines."""

    start: int
    end: int
    line: int
    hyphenated: bool


class PageText:
    """Reads one page's text; close the text page after use."""

    def __init__(self, text_page: pdfium.PdfTextPage, geometry: PageGeometry) -> None:
        self._page = text_page.raw
        self._characters = Characters(text_page, geometry)
        self._codes = _codes(text_page)
        # Most pages have none of these, and their words need no second look.
        distinct = set(self._codes)
        self._has_right_to_left = has_right_to_left(distinct)
        self._has_surrogates = not distinct.isdisjoint(_SURROGATES)
        self._has_spelt_out = not distinct.isdisjoint(_SPELT_OUT)

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
        return self._characters.is_unmapped(index)

    def is_invisible(self) -> bool:
        """Whether the text is written over a picture without being drawn, as OCR software does."""
        index = next((index for index, code in enumerate(self._codes) if code > _SPACE), 0)
        text_object = pdfium_c.FPDFText_GetTextObject(self._page, index)
        mode: int = pdfium_c.FPDFTextObj_GetTextRenderMode(text_object)
        return mode == _INVISIBLE

    def words(self) -> list[LayoutWord]:
        text = "".join(map(chr, self._codes))
        runs = _runs(text)
        if self._has_right_to_left:
            runs = (part for run in runs for part in self._of_one_direction(run))
        is_plain = not (self._has_spelt_out or self._has_right_to_left or self._has_surrogates)
        words = []
        for run in runs:
            start, end, line, hyphenated = run
            style = self._characters.style(start)
            written = text[start:end] if is_plain else self._spelt_out(run, style)
            place = self._characters.box_of(start, end, style)
            words.append(
                LayoutWord(written + "-" if hyphenated else written, place, style.size, style.bold, line, style.upright)
            )
        return words

    def _of_one_direction(self, run: _Run) -> Iterator[_Run]:
        """The run, cut where letters of the other direction begin."""
        start = run.start
        for index in direction_changes(self._codes[run.start : run.end]):
            yield _Run(start, run.start + index, run.line, hyphenated=False)
            start = run.start + index
        yield _Run(start, run.end, run.line, run.hyphenated)

    def _spelt_out(self, run: _Run, style: Style) -> str:
        """Ligatures in reading order and as letters, pairs of surrogates as the characters that they stand for."""
        codes = self._codes[run.start : run.end]
        if self._has_right_to_left:
            codes = with_ligatures_in_order(codes, lambda index: self._characters.box(run.start + index, style))
        if self._has_surrogates:
            codes = _scalars(codes)
        return "".join([_SPELT_OUT.get(code) or chr(code) for code in codes])


def _codes(page: pdfium.PdfTextPage) -> list[int]:
    """UTF-16 code units, one for each of PDFium's characters (0 where it has none)."""
    count = min(page.count_chars(), _MAX_CHARACTERS)
    buffer = (ctypes.c_ushort * (count + 1))()
    if pdfium_c.FPDFText_GetText(page, 0, count, buffer) == count + 1:
        return list(buffer[:count])
    # Text and characters do not match one to one: some have no text, and some are beyond 16 bits.
    return [pdfium_c.FPDFText_GetUnicode(page, index) for index in range(count)]


def _runs(text: str) -> Iterator[_Run]:
    """Line by line. The hyphen that PDFium found at a line's end is that end; it belongs to the word before it."""
    begin, text = 0, text + "\n"
    for line, line_end in enumerate(_LINE_END.finditer(text)):
        end = line_end.start()
        is_hyphen = text[end] == _HYPHEN
        for word in _WORD.finditer(text, begin, end):
            start, stop = word.span()
            yield _Run(start, stop, line, is_hyphen and stop == end)
        begin = end + 1


def _scalars(units: list[int]) -> list[int]:
    """Code points of UTF-16 units; what is beyond 16 bits already is kept."""
    joined: list[int] = []
    for unit in units:
        if joined and unit in _LOW_SURROGATES and joined[-1] in _HIGH_SURROGATES:
            joined[-1] = 0x10000 + ((joined[-1] - _HIGH_SURROGATES.start) << 10) + (unit - _LOW_SURROGATES.start)
        else:
            joined.append(unit)
    return joined
