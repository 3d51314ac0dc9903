"""Names that clients give their files: what is kept of them, and the extension they end in."""

import re
import unicodedata

from storage.upload_errors import InvalidFileName

MAX_NAME_BYTES = 255
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,16})")
# Line and paragraph separators break log lines and headers; the two overrides show `exe.fdp` as `pdf.exe`.
_REFUSED = frozenset("\u2028\u2029\u202d\u202e")


def display_name(given: str) -> str:
    """The last path component of `given`, otherwise unchanged.

    Raises InvalidFileName where that is empty, `.` or `..`, longer than 255 bytes of UTF-8, or holds control characters
    or what is not Unicode text.
    """
    name = re.split(r"[/\\]", given)[-1]
    if name.strip(" .") == "":
        raise InvalidFileName("is empty")
    if any(_is_refused(character) for character in name):
        raise InvalidFileName("holds a character that no file name may have")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise InvalidFileName(f"is longer than {MAX_NAME_BYTES} bytes")
    return name


def _is_refused(character: str) -> bool:
    return character in _REFUSED or unicodedata.category(character) in {"Cc", "Cs"}


def extension_of(name: str) -> str:
    """`.pdf` for `Report.PDF`; empty where there is none, or none that is safe in a path.

    Trailing dots and spaces do not hide an extension: `virus.exe. ` is `virus.exe` to Windows.
    """
    stem, dot, extension = name.rstrip(". ").rpartition(".")
    if not stem.strip(".") or not _EXTENSION.fullmatch(dot + extension):
        return ""
    return dot + extension.lower()
