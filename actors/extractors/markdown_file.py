"""Markdown (CommonMark with GFM's tables): rendered to HTML by markdown-it-py, and read as that is.

So the HTML that writers put between, tables and figures most of all, is read by the same rules.
"""

import re
from pathlib import Path

import yaml
from markdown_it import MarkdownIt

from actors.extractors.document import Document, ExtractionOptions, KeyValue
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.html.extraction import read_html
from actors.extractors.said_about_itself import said_text, said_time
from actors.extractors.text import bounded_bytes, encoding_warnings, readable
from actors.extractors.text_encoding import decode_text

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.{0,65536}?\n)??(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_SCALARS = (str, int, float)
_RENDERER = MarkdownIt("commonmark", {"maxNesting": 200}).enable(["table", "strikethrough"])


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """One page; what a front matter says becomes key-values and properties.

    Raises ExtractionFailed: `corrupt-file` for what is no text, `out-of-memory` for more than is read.
    """
    decoded = decode_text(bounded_bytes(source))
    text = readable(decoded.text)
    said, text = _front_matter(text)
    document = read_html(_RENDERER.render(text), options, limits, ocr)
    document.warnings.extend(encoding_warnings(decoded))
    document.key_values = [KeyValue(key, value) for key, value in said.items()]
    properties = document.properties
    properties.title, properties.author = said_text(said.get("title")), said_text(said.get("author"))
    properties.created, properties.language = said_time(said.get("date")), said_text(said.get("lang"))
    return document


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The YAML before the text, where there is some, and the text itself."""
    matched = _FRONT_MATTER.match(text)
    if matched is None:
        return {}, text
    try:
        said = yaml.safe_load(matched[1] or "")
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, text
    if not isinstance(said, dict):
        return {}, text
    written = {str(key): value for key, each in said.items() if (value := _written(each)) is not None}
    return written, text[matched.end() :]


def _written(value: object) -> str | None:
    """Values that are one text, or a list of such; what is nested deeper is no key and value."""
    if isinstance(value, list) and all(isinstance(each, _SCALARS) for each in value):
        return ", ".join(map(str, value))
    return str(value) if isinstance(value, _SCALARS) or hasattr(value, "isoformat") else None
