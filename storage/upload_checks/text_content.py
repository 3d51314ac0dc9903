"""Whether bytes are text, and which of the kinds that can be told: HTML, SVG, XML, JSON, CSV."""

import codecs
import csv
import json
import re
import unicodedata

from storage.upload_checks import media_type_names as types

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Escape begins a character set in ISO 2022; the others are white space and the old end-of-file.
_CONTROLS = re.compile(rb"[\x00-\x06\x0e-\x19\x1c-\x1f]")
# Possessive, so that a hostile text cannot make matching go back and try again: it takes time linear in its length.
_PROLOGUE = r"\s*+(?:<\?xml[^>]*+>\s*+)?+(?:<!--(?:(?!-->).)*+-->\s*+)*+"
_HTML = re.compile(_PROLOGUE + r"<(?:!doctype\s++html|html|head|body)[\s>/]", re.IGNORECASE | re.DOTALL)
_SVG = re.compile(
    _PROLOGUE + r"(?:<!doctype\s++svg[^>[]*+(?:\[[^\]]*+\]\s*+)?+>\s*+)?+<(?:svg:)?svg[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(r"\s*<\?xml\s")
_MIN_CSV_ROWS = 3  # two lines of prose with a comma each are common


def text_type(head: bytes, *, is_whole: bool) -> str | None:
    """A textual media type, or None where `head` is not text.

    `is_whole`: `head` is the whole file, so that it may be parsed.
    """
    text = decoded(head)
    if text is None:
        return None
    if _SVG.match(text):
        return "image/svg+xml"
    if _HTML.match(text):
        return "text/html"
    if _XML.match(text):
        return "application/xml"
    if is_whole and _is_json(text):
        return "application/json"
    return "text/csv" if _is_csv(text) else types.TEXT


def decoded(head: bytes) -> str | None:
    """`head` as text, or None; without a character cut off at its end. Other 8-bit encodings come out as Latin-1."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return _strict(head.removeprefix(mark), encoding)
    if b"\0" in head:
        return _utf16_without_mark(head)
    text = _strict(head, "utf-8")
    if len(_CONTROLS.findall(head)) > len(head) / 50:
        return None if text is None or not text.isascii() else _mostly_printable(text)
    if text is not None:
        return text
    return _utf16_without_mark(head) or head.decode("latin-1")


def _mostly_printable(text: str) -> str | None:
    """ASCII with many controls, as terminals record it, is text all the same; a run of controls is not."""
    printable = sum(character.isprintable() or character.isspace() for character in text)
    return text if printable > len(text) / 2 else None


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(data, final=False)
    except UnicodeDecodeError:
        return None


def _utf16_without_mark(head: bytes) -> str | None:
    """Either byte order, where everything is an assigned character and lines or words are seen."""
    if len(head) % 2:
        head = head[:-1]
    for encoding in ("utf-16-le", "utf-16-be"):
        text = _strict(head, encoding)
        if text and any(mark in text for mark in " \n\u3000\u3002,.") and all(map(_is_assigned, text)):
            return text
    return None


def _is_assigned(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) not in {"Cc", "Cn", "Co", "Cs"}


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in {"{", "["}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_csv(text: str) -> bool:
    """Three or more rows of one length, with two or more fields, quoted as RFC 4180 says."""
    lines = text.splitlines()[:20]
    for delimiter in ",;\t":
        widths = {len(row) for row in csv.reader(lines, delimiter=delimiter)}
        if len(lines) >= _MIN_CSV_ROWS and len(widths) == 1 and max(widths) > 1:
            return True
    return False
