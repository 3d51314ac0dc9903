"""Mails (EML): header fields, the text in its best form, and a list of what is attached."""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from actors.extractors.assembly import BlockPiece, LinePiece
from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions, Image, KeyValue
from actors.extractors.embedded_images import HEAD_BYTES, embedded_image
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.html.blocks import HtmlReading
from actors.extractors.html.extraction import data_image, html_blocks
from actors.extractors.html.parsing import decoded_html, parse_html
from actors.extractors.mail.headers import properties_of, shown_headers
from actors.extractors.mail.parts import Parts, content_of, name_of, parts_of
from actors.extractors.one_page import one_page
from actors.extractors.text import bounded_bytes, paragraphs, readable
from actors.extractors.text_encoding import decode_declared


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """One page: the header fields (furniture), the subject as title, the text. Attachments are named, not read.

    Raises ExtractionFailed: `corrupt-file`, and `out-of-memory` for more than is read.
    """
    try:
        message = message_from_bytes(bounded_bytes(source))
        parts = parts_of(message)
    except RecursionError as error:
        raise ExtractionFailed("corrupt-file", "parse", "The parts of the mail are nested too deeply.") from error
    headers = shown_headers(message)
    document = Document(properties=properties_of(message, headers))
    document.key_values = [*headers, *map(_attachment, parts.attached)]
    if parts.attached:
        document.warn("attachment", "Attachments are listed among the key-values; they were not read.")
    return one_page(document, _Body(parts, document, options).blocks(headers), options, limits, ocr)


def _attachment(part: Message) -> KeyValue:
    name, size = name_of(part) or "(no name)", len(content_of(part))
    facts = [part.get_content_type(), *([f"{size} bytes"] if size else [])]
    return KeyValue("Attachment", f"{name} ({', '.join(facts)})")


class _Body:
    def __init__(self, parts: Parts, document: Document, options: ExtractionOptions) -> None:
        self._parts, self._document = parts, document
        self._reading = HtmlReading(document, self._image_at, options.tables)

    def blocks(self, headers: list[KeyValue]) -> Iterator[BlockPiece]:
        yield BlockPiece("header", [LinePiece(f"{each.key}: {each.value}") for each in headers], layer="furniture")
        yield BlockPiece("title", [LinePiece(self._document.properties.title or "")])
        for alternatives in self._parts.texts:
            read = (list(self._text(part)) for part in alternatives)
            yield from next(filter(None, read), [])

    def _text(self, part: Message) -> Iterator[BlockPiece]:
        charset = part.get_content_charset()
        if part.get_content_type() == "text/html":
            yield from html_blocks(parse_html(decoded_html(content_of(part), charset).text), self._reading)
        else:
            text = readable(decode_declared(content_of(part), charset).text)
            yield from (BlockPiece("paragraph", lines) for lines in paragraphs(text))

    def _image_at(self, source: str) -> Image | None:
        """Pictures that the text shows lie beside it in the mail."""
        part = self._parts.inline.get(source[4:]) if source.casefold().startswith("cid:") else None
        if part is None:
            return data_image(source)
        return embedded_image(content_of(part)[:HEAD_BYTES], part.get_content_type())
