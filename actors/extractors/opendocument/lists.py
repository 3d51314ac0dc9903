"""The markers of list items, counted as they are shown (OpenDocument 1.3, part 3, 5.3)."""

import re
from dataclasses import dataclass, field

from actors.extractors.office.list_numbers import formatted
from actors.extractors.office.xml_tree import Element, attribute, whole_number
from actors.extractors.opendocument.styles import Styles

MAX_LEVEL = 10
_FORMATS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_PRIVATE = re.compile("[\ue000-\uf8ff]")


@dataclass(slots=True)
class OpenList:
    """A list that is being read: its style, its level (from 1) and the numbers of the items so far."""

    style: str | None
    level: int
    counts: dict[int, int] = field(default_factory=dict)


class Lists:
    """Numbers go on where a list says that it continues the last of its style."""

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self._ended: dict[str | None, dict[int, int]] = {}

    def opened(self, element: Element, within: OpenList | None, paragraph_style: str | None = None) -> OpenList:
        style = attribute(element, "text:style-name") or (within.style if within else None)
        if style is None:
            style = self._styles.list_style(paragraph_style)
        level = min(within.level + 1, MAX_LEVEL) if within else 1
        counts = dict(within.counts) if within else {}
        counts = {above: count for above, count in counts.items() if above < level}
        continues = attribute(element, "text:continue-numbering") == "true" or attribute(element, "text:continue-list")
        if continues and within is None:
            counts = dict(self._ended.get(style, {}))
        return OpenList(style, level, counts)

    def closed(self, finished: OpenList) -> None:
        self._ended[finished.style] = finished.counts

    def marker(self, item: Element, within: OpenList) -> str:
        """Counts the item."""
        level = self._styles.list_level(within.style, within.level)
        start = whole_number(attribute(item, "text:start-value"))
        before = within.counts.get(within.level)
        within.counts[within.level] = start if start is not None else level.start if before is None else before + 1
        if level.bullet is not None:
            return _PRIVATE.sub("•", level.bullet)
        first = max(1, within.level - level.shown_levels + 1)
        numbers = (self._number(within, each) for each in range(first, within.level + 1))
        return f"{level.prefix}{'.'.join(number for number in numbers if number)}{level.suffix}"

    def _number(self, within: OpenList, level: int) -> str:
        style = self._styles.list_level(within.style, level)
        if style.bullet is not None or not style.number_format:
            return ""
        return formatted(within.counts.get(level, style.start), _FORMATS.get(style.number_format, "decimal"))
