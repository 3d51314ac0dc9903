"""Rich Text Format, by a reader of its own: striprtf gives plain text only, others take apart the mails of Outlook."""

import locale
from datetime import datetime
from pathlib import Path

from actors.extractors.document import Document, ExtractionFailed, ExtractionOptions, Properties
from actors.extractors.extractor import OcrRequester, ParseLimits
from actors.extractors.one_page import one_page
from actors.extractors.rtf.destinations import Said
from actors.extractors.rtf.reader import Reader
from actors.extractors.said_about_itself import rfc3339, said_text
from actors.extractors.text import bounded_bytes

_MAGIC = b"{\\rtf"
_TWIPS_PER_POINT = 20
_US_LETTER = (12_240, 15_840)
"""In twips: what a file means that says nothing."""


def extract(source: Path, options: ExtractionOptions, limits: ParseLimits, ocr: OcrRequester) -> Document:
    """One page, for where pages break only a layout of the whole document could tell.

    Raises ExtractionFailed: `corrupt-file`, `out-of-memory`.
    """
    data = bounded_bytes(source).lstrip()
    if not data.startswith(_MAGIC):
        raise ExtractionFailed("corrupt-file", "parse", "The file is no rich text.")
    document = Document()
    reader = Reader(document, with_tables=options.tables)
    blocks = list(reader.blocks(data))
    document.properties = _properties(reader.said, reader.formatting.language)
    return one_page(document, blocks, options, limits, ocr, _page_size(reader.said))


def _page_size(said: Said) -> tuple[float, float]:
    width, height = (said.paper.get(side, 0) for side in ("paperw", "paperh"))
    width, height = (width, height) if width > 0 and height > 0 else _US_LETTER
    return width / _TWIPS_PER_POINT, height / _TWIPS_PER_POINT


def _properties(said: Said, language: int | None) -> Properties:
    return Properties(
        title=said_text(said.texts.get("title")),
        author=said_text(said.texts.get("author")),
        created=_time(said.times.get("creatim", {})),
        modified=_time(said.times.get("revtim", {})),
        language=locale.windows_locale.get(language or 0, "").replace("_", "-") or None,
    )


def _time(parts: dict[str, int]) -> str | None:
    """There is no zone in it: taken for UTC."""
    try:
        year, month, day, hour, minute = (parts.get(name, 0) for name in ("yr", "mo", "dy", "hr", "min"))
        return rfc3339(datetime(year, month, day, hour, minute))  # noqa: DTZ001
    except (ValueError, OverflowError):
        return None
