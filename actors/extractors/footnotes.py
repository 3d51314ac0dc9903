"""Footnotes of a page: small print below the text that begins with a number or a sign."""

import re
from collections.abc import Sequence

from actors.extractors.page_layout import LayoutLine, gap

_MARKED = re.compile(r"(?:\d{1,3}|[*\u2217†‡§¶]{1,3})\s?[^\W\d_]")
_SMALL = 0.92
"""Size against the body text of the document that a footnote has at most."""
_LOWER_PART = 0.5
"""Share of the page's height below which footnotes begin."""


def footnote_starts(lines: Sequence[LayoutLine], height: float, body: float) -> dict[int, bool]:
    """Of the page's lines, by index, those of footnotes, and whether each begins one."""
    small = [
        index
        for index, line in enumerate(lines)
        if line.table is None and line.size <= _SMALL * body and line.bbox[1] >= _LOWER_PART * height
    ]
    if not any(_MARKED.match(lines[index].text) for index in small):
        return {}
    starts: dict[int, bool] = {}
    for index in small:
        begins = _MARKED.match(lines[index].text) is not None
        goes_on = index - 1 in starts and any(character.isalpha() for character in lines[index].text)
        if (begins or goes_on) and _is_last(lines, index, body):
            starts[index] = begins
    return starts


def _is_last(lines: Sequence[LayoutLine], index: int, body: float) -> bool:
    """Whether nothing of the body stands below it in its column."""
    line = lines[index]
    return not any(
        other.bbox[1] >= line.bbox[3] - line.size / 2
        and gap(other.bbox, line.bbox) < 0
        and (other.table is not None or other.size > _SMALL * body)
        for other in lines
    )
