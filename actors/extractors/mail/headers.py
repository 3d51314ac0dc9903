"""A mail's header fields as a person reads them."""

import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime

from actors.extractors.assembly import clean_text
from actors.extractors.document import ExtractionFailed, KeyValue, Properties
from actors.extractors.said_about_itself import rfc3339, said_text
from actors.extractors.text_encoding import decode_declared

SHOWN = ("From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Date", "Subject", "Message-ID", "In-Reply-To", "List-Id")
_MAX_LENGTH = 10_000
_FOLD = re.compile(r"\s*\n\s*")


def decoded_header(written: object) -> str:
    """Encoded words (RFC 2047) and bytes beyond ASCII as text, on one line; what cannot be decoded stays as it is."""
    text = _FOLD.sub(" ", str(written).replace("\r", "\n")).strip()[:_MAX_LENGTH]
    try:
        parts = [part if isinstance(part, str) else _decoded(part, label) for part, label in decode_header(text)]
    except (HeaderParseError, ValueError):
        parts = [text]
    return clean_text("".join(parts)).strip()


def _decoded(part: bytes, label: str | None) -> str:
    if label is None:
        return part.decode("raw-unicode-escape")  # how `decode_header` passes on what is between encoded words
    try:
        return decode_declared(part, label).text
    except ExtractionFailed:
        return part.decode("ascii", "replace")


def shown_headers(message: Message) -> list[KeyValue]:
    """In the order of the mail."""
    names = {name.casefold(): name for name in SHOWN}
    found = ((names.get(name.casefold()), value) for name, value in _raw(message))
    return [KeyValue(name, text) for name, value in found if name and (text := decoded_header(value))]


def _raw(message: Message) -> list[tuple[str, str]]:
    """Bytes beyond ASCII come as surrogates from the parser: they are read as UTF-8 or what they most look like."""
    return [(name, _without_surrogates(value)) for name, value in message.raw_items()]


def _without_surrogates(value: str) -> str:
    return value if value.isascii() else _decoded(value.encode("ascii", "surrogateescape"), "utf-8")


def properties_of(message: Message, headers: list[KeyValue]) -> Properties:
    said = {header.key: header.value for header in reversed(headers)}
    name, address = parseaddr(said.get("From", ""))
    try:
        created = rfc3339(parsedate_to_datetime(said.get("Date", "")))
    except ValueError:
        created = None
    language = next((value for name, value in _raw(message) if name.casefold() == "content-language"), None)
    return Properties(
        title=said_text(said.get("Subject")),
        author=said_text(name or address),
        created=created,
        language=said_text(language),
    )
