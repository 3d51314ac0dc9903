"""HTML as a tree. Whatever the bytes are, a tree comes of them; nothing they refer to is ever fetched.

libxml2's parser reads hundreds of documents a second and bounds their depth. Lexbor builds the very trees that browsers
do at twice its speed, but a document nested as deeply as its size allows keeps it busy for minutes.
"""

import re
from dataclasses import dataclass

from lxml import etree

from actors.extractors.office.xml_tree import Element
from actors.extractors.text_encoding import DecodedText, decode_declared

_PRESCAN_BYTES = 4096
_XML_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([\w.:-]{1,40})", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{1,500}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
# XHTML closes what is empty in a way that HTML takes for an open tag: an empty title would swallow the document.
_XHTML = re.compile(r"<\?xml\s|<html[^>]{0,500}?\sxmlns\s*=", re.IGNORECASE)
_EMPTY_ELEMENT = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr|image)\b)([a-z][\w:-]*)((?:\s[^<>]*)?)/>",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """`root` is None for what has neither text nor markup."""

    root: Element | None
    was_cut_off: bool = False
    """Nested deeper than is read; what comes after that place is missing."""


def decoded_html(data: bytes, charset: str | None = None) -> DecodedText:
    """By its byte order mark, `charset` (what a mail or a package says), what the document says, or what fits."""
    head = data[:_PRESCAN_BYTES]
    said = _XML_ENCODING.match(head.lstrip()) or _META_CHARSET.search(head)
    return decode_declared(data, charset or (said[1].decode("ascii") if said else None))


def parse_html(text: str) -> Parsed:
    if _XHTML.search(text, 0, _PRESCAN_BYTES):
        text = _EMPTY_ELEMENT.sub(r"<\1\2></\1>", text)
    parser = etree.HTMLParser(
        encoding="utf-8",
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
        huge_tree=True,  # still no deeper than 2,048 elements
    )
    root = etree.fromstring(text.replace("\0", "\ufffd").encode(errors="replace"), parser)
    problems = parser.error_log
    return Parsed(root, any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in problems))
