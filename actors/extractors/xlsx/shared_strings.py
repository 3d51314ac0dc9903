"""Texts of cells, most of which stand in a part that all sheets share."""

import re

from actors.extractors.office.package import Package
from actors.extractors.office.xml_tree import Element, elements_in, name_of

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
"""What XML cannot hold is written so (22.9.2.19)."""


def shared_strings(package: Package, part: str | None) -> list[str]:
    if part is None or part not in package:
        return []
    with package.stream(part) as stream:
        return [string_of(item) for item in elements_in(stream, "x:si")]


def string_of(item: Element) -> str:
    """Its text or its runs; not how they are pronounced."""
    parts: list[str] = []
    for each in item:
        name = name_of(each)
        if name == "x:t":
            parts.append(each.text or "")
        elif name == "x:r":
            parts.extend(run.text or "" for run in each if name_of(run) == "x:t")
    return unescaped("".join(parts))


def unescaped(text: str) -> str:
    if "_x" in text:
        text = _ESCAPED.sub(lambda matched: chr(int(matched[1], 16)), text)
    return text.replace("\r\n", "\n").replace("\r", "\n")
