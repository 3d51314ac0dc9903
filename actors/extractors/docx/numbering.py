"""The markers of list items, counted as Word counts them (ECMA-376, part 1, 17.9)."""

import re
from dataclasses import dataclass, field

from actors.extractors.office.list_numbers import formatted
from actors.extractors.office.symbols import without_private_characters
from actors.extractors.office.xml_tree import (
    Element,
    attribute,
    child,
    children,
    is_on,
    number_at,
    value_at,
    whole_number,
)

MAX_LEVEL = 8
_MAX_MARKER = 100
"""Characters of a marker: one that was longer would be multiplied by every item."""
_PLACE = re.compile(r"%([1-9])")
# Bullets of fonts that show something else for an ordinary letter, or for one of their own.
_BULLETS = {"o": "◦", "\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢", "\uf0fc": "✓"}
_PRIVATE = re.compile("[\ue000-\uf8ff]")


@dataclass(frozen=True, slots=True)
class Level:
    number_format: str = "decimal"
    text: str = ""
    start: int = 1
    restart: int | None = None
    """Starts again after a level up to this one (counted from 1); 0 never; None after any above it."""
    legal: bool = False
    font: str | None = None
    style: str | None = None


@dataclass(slots=True)
class _Abstract:
    levels: dict[int, Level]
    style_link: str | None
    numbering_style: str | None
    counts: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _List:
    abstract: str
    overrides: dict[int, Level]
    starts: dict[int, int]
    begun: set[int] = field(default_factory=set)


class Numbering:
    """Counts on with every marker, so paragraphs must be asked for in the order of the document."""

    def __init__(self, root: Element | None) -> None:
        """`root` is the numbering part, if there is one."""
        abstracts = children(root, "w:abstractNum")
        self._abstracts = {attribute(each, "w:abstractNumId") or "": _abstract(each) for each in abstracts}
        self._lists = {attribute(each, "w:numId") or "": _list(each) for each in children(root, "w:num")}
        self._defining = {each.style_link: each for each in self._abstracts.values() if each.style_link}

    def level_of_style(self, list_id: str, style: str) -> int | None:
        """The level that says it belongs to the paragraph style."""
        abstract = self._abstract_of(list_id)
        levels = abstract.levels.items() if abstract else ()
        return next((number for number, level in levels if level.style == style), None)

    def marker(self, list_id: str, level: int) -> str | None:
        """What stands before the next item at `level` (from 0), counted; None where no such list is defined."""
        listed, abstract = self._lists.get(list_id), self._abstract_of(list_id)
        if listed is None or abstract is None:
            return None
        level = max(0, min(level, MAX_LEVEL))
        self._count(listed, abstract, level)
        shown = self._level(listed, abstract, level)
        if shown.number_format == "bullet":
            return _bullet(shown)
        marker = _PLACE.sub(lambda match: self._number(listed, abstract, int(match[1]) - 1, shown.legal), shown.text)
        return marker[:_MAX_MARKER]

    def _abstract_of(self, list_id: str) -> _Abstract | None:
        listed = self._lists.get(list_id)
        abstract = self._abstracts.get(listed.abstract) if listed else None
        if abstract is not None and abstract.numbering_style is not None and not abstract.levels:
            return self._defining.get(abstract.numbering_style, abstract)
        return abstract

    def _count(self, listed: _List, abstract: _Abstract, level: int) -> None:
        counts = abstract.counts
        start = self._level(listed, abstract, level).start
        if level in listed.starts and level not in listed.begun:
            counts[level] = listed.starts[level]
        else:
            counts[level] = counts[level] + 1 if level in counts else listed.starts.get(level, start)
        listed.begun.add(level)
        for above in range(level):
            counts.setdefault(above, listed.starts.get(above, self._level(listed, abstract, above).start))
        for below in [each for each in counts if each > level]:
            restart = self._level(listed, abstract, below).restart
            if restart is None or level < restart:
                del counts[below]

    def _number(self, listed: _List, abstract: _Abstract, level: int, legal: bool) -> str:
        shown = self._level(listed, abstract, level)
        number = abstract.counts.get(level, shown.start)
        return formatted(number, "decimal" if legal else shown.number_format)

    @staticmethod
    def _level(listed: _List, abstract: _Abstract, level: int) -> Level:
        return listed.overrides.get(level) or abstract.levels.get(level) or Level()


def _bullet(level: Level) -> str:
    text = without_private_characters(level.text, level.font)
    return "".join(_BULLETS.get(each, "•" if _PRIVATE.match(each) else each) for each in text).strip()


def _abstract(element: Element) -> _Abstract:
    return _Abstract(
        levels=_levels(element),
        style_link=value_at(element, "w:styleLink"),
        numbering_style=value_at(element, "w:numStyleLink"),
    )


def _list(element: Element) -> _List:
    overrides = {_level_number(each): each for each in children(element, "w:lvlOverride")}
    starts = {number: number_at(each, "w:startOverride") for number, each in overrides.items()}
    return _List(
        abstract=value_at(element, "w:abstractNumId") or "",
        overrides={number: level for each in overrides.values() for number, level in _levels(each).items()},
        starts={number: start for number, start in starts.items() if start is not None},
    )


def _levels(element: Element) -> dict[int, Level]:
    return {_level_number(each): _level(each) for each in children(element, "w:lvl")}


def _level_number(element: Element) -> int:
    return whole_number(attribute(element, "w:ilvl")) or 0


def _level(element: Element) -> Level:
    start = number_at(element, "w:start")
    return Level(
        number_format=value_at(element, "w:numFmt") or "decimal",
        text=(value_at(element, "w:lvlText") or "")[:_MAX_MARKER],
        start=0 if start is None else start,
        restart=number_at(element, "w:lvlRestart"),
        legal=is_on(element, "w:isLgl"),
        font=attribute(child(element, "w:rPr", "w:rFonts"), "w:ascii"),
        style=value_at(element, "w:pStyle"),
    )
