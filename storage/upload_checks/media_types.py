"""What a file is, by its content."""

from dataclasses import dataclass
from pathlib import Path

import puremagic

from storage.upload_checks import media_type_names as types
from storage.upload_checks.archive_kinds import is_archive
from storage.upload_checks.known_signatures import LEAST_BYTES, may_be_known
from storage.upload_checks.ole_streams import ole_flavour
from storage.upload_checks.signatures import by_signature
from storage.upload_checks.text_content import text_type
from storage.upload_checks.windows import Window

_HEAD_BYTES = 64 * 1024
_TAIL_BYTES = 2048
_PDF_HEADER_WITHIN = 1024  # ISO 32000-1 annex H.3, note 13: readers accept the header there


@dataclass(frozen=True, slots=True)
class Content:
    """`proven`: by a signature. Otherwise the type is a guess that only says what the content is not."""

    media_type: str
    proven: bool
    is_archive: bool = False
    """It has to be looked through; what kind of zip it is turns out there."""
    may_be_pdf: bool = False
    """There is a PDF header behind something else, or the body of a PDF that has lost its header."""


def sniff(path: Path) -> Content:
    """Reads the head and the tail of a file; blocks, so call it in a thread."""
    with path.open("rb") as file:
        return sniff_window(Window.of_file(file))


def sniff_window(window: Window) -> Content:
    if window.size == 0:
        return Content(types.EMPTY, proven=False)
    head = window.head(_HEAD_BYTES)
    signed = by_signature(head)
    has_members = is_archive(window, signed)
    if signed == types.OLE:
        signed = ole_flavour(window)
    if signed is not None:
        return Content(signed, proven=True, is_archive=has_members, may_be_pdf=_has_pdf_header(head))
    if has_members:
        # Something else stands before the archive. Whether it is a script or a program is the name's word.
        return Content(types.ZIP, proven=False, is_archive=True)
    return _unsigned(window, head)


def _unsigned(window: Window, head: bytes) -> Content:
    textual = text_type(head, is_whole=window.size <= _HEAD_BYTES)
    # A text about PDF has the header as well, but hardly the end.
    if _has_pdf_header(head) and (textual is None or b"%%EOF" in window.tail(_TAIL_BYTES)):
        return Content(types.PDF, proven=False, may_be_pdf=True)
    may_be_pdf = _has_pdf_header(head) or _has_pdf_objects(head)
    return Content(textual or _guessed(head), proven=False, may_be_pdf=may_be_pdf)


def _has_pdf_header(head: bytes) -> bool:
    return b"%PDF-" in head[:_PDF_HEADER_WITHIN]


def _has_pdf_objects(head: bytes) -> bool:
    """`7 0 obj … endobj`: what damage to the header leaves, and a reader may still rebuild."""
    return b" obj" in head and b"endobj" in head


def _guessed(head: bytes) -> str:
    """The best guess of puremagic by four bytes or more: it knows many formats that nothing is decided by here."""
    if not may_be_known(head):
        return types.OCTETS
    try:
        guesses = puremagic.magic_string(head)
    except puremagic.PureError:
        return types.OCTETS
    names = (guess.mime_type for guess in guesses if len(guess.byte_match) >= LEAST_BYTES)
    return types.canonical(next(filter(None, names), types.OCTETS))
