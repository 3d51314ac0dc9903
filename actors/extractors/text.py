"""Plain text and logs: one page without measures; blank lines part its paragraphs."""

import re
from collections.abc import Iterator
from pathlib import Path

from actors.extractors.assembly import BlockPiece, LinePiece
from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions, ExtractionWarning
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.one_page import one_page
from actors.extractors.text_encoding import DecodedText, decode_text

MAX_BYTES = 64 * 2**20
"""Of a file that is read: beyond it the resulting JSON, which holds each line twice, passes its own limit."""
MAX_LINES = 1_000_000
"""With each line about half a KiB is held while the document is made."""

_NEWLINE = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Terminal control sequences go as a whole (ECMA-48, 5.4): without its ESC, `[31m` would stay as text.
_TERMINAL = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """The text as one page; what encoding it was read in is a warning where it is not UTF-8.

    Raises ExtractionFailed: `corrupt-file` for what is no text, `out-of-memory` for more than is read.
    """
    decoded = decode_text(bounded_bytes(source))
    text = readable(decoded.text)
    refuse_many_lines(text)
    document = Document(warnings=encoding_warnings(decoded))
    blocks = (BlockPiece("paragraph", lines) for lines in paragraphs(text))
    return one_page(document, blocks, options, limits, ocr)


def refuse_many_lines(text: str) -> None:
    """Raises ExtractionFailed `out-of-memory` for more lines than are read."""
    if text.count("\n") >= MAX_LINES:
        raise _too_large(f"{MAX_LINES:,} lines")


def bounded_bytes(source: Path) -> bytes:
    """What a file of text holds. Raises ExtractionFailed `out-of-memory` for more than is read."""
    if source.stat().st_size > MAX_BYTES:
        raise _too_large(f"{MAX_BYTES // 2**20} MiB")
    return source.read_bytes()


def readable(text: str) -> str:
    """`text` with newlines as they are in Unix and without characters that steer terminals."""
    return _CONTROL.sub("", _TERMINAL.sub("", _NEWLINE.sub("\n", text)))


def paragraphs(text: str) -> Iterator[list[LinePiece]]:
    lines: list[LinePiece] = []
    for line in text.split("\n"):
        if line.strip():
            lines.append(LinePiece(line.rstrip()))
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def encoding_warnings(decoded: DecodedText) -> list[ExtractionWarning]:
    warnings = []
    if decoded.encoding != "utf-8" and not decoded.was_declared:
        warnings.append(ExtractionWarning("encoding", f"The text was read as {decoded.encoding}."))
    if decoded.replaced:
        warnings.append(ExtractionWarning("undecodable", f"{decoded.replaced} characters could not be decoded."))
    return warnings


def _too_large(limit: str) -> ExtractionFailed:
    return ExtractionFailed("out-of-memory", "parse", f"The text has more than the {limit} that are read.")
