"""HTML and XHTML as a person reads them: without scripts, styles and what is hidden."""

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path

from actors.extractors.assembly import BlockPiece
from actors.extractors.document import Document, ExtractionOptions, Image
from actors.extractors.embedded_images import HEAD_BYTES, embedded_image
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.html.blocks import HtmlReading, blocks_of
from actors.extractors.html.parsing import Parsed, decoded_html, parse_html
from actors.extractors.html.properties import properties_of
from actors.extractors.one_page import one_page
from actors.extractors.text import bounded_bytes, encoding_warnings

_DATA_IMAGE = re.compile(r"data:(image/[\w.+-]{1,60})(?:;[\w=.+-]{1,60})*;base64,", re.IGNORECASE)


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """One page without measures; pictures that are in the file itself are listed.

    Raises ExtractionFailed: `corrupt-file` for what is no text, `out-of-memory` for more than is read.
    """
    decoded = decoded_html(bounded_bytes(source))
    document = read_html(decoded.text, options, limits, ocr)
    document.warnings.extend(encoding_warnings(decoded))
    return document


def read_html(text: str, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    parsed = parse_html(text)
    document = Document()
    if parsed.root is not None:
        document.properties = properties_of(parsed.root)
    blocks = html_blocks(parsed, HtmlReading(document, data_image, options.tables))
    return one_page(document, blocks, options, limits, ocr)


def html_blocks(parsed: Parsed, reading: HtmlReading) -> Iterator[BlockPiece]:
    if parsed.root is not None:
        yield from blocks_of(parsed.root, reading)
    if parsed.was_cut_off:
        message = "The document is nested too deeply; what comes after that place was not read."
        reading.document.warn("too-deep", message, reading.page)


def data_image(source: str) -> Image | None:
    """The picture that a `data:` address holds."""
    matched = _DATA_IMAGE.match(source)
    if matched is None:
        return None
    coded = source[matched.end() : matched.end() + HEAD_BYTES]
    try:
        head = base64.b64decode(coded[: len(coded) // 4 * 4])
    except binascii.Error:
        head = b""
    return embedded_image(head, matched[1].casefold())
