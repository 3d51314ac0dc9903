"""Lists of HTML, and what stands before their items."""

from dataclasses import dataclass
from typing import TypedDict

from actors.extractors.office.list_numbers import formatted
from actors.extractors.office.xml_tree import Element, whole_number

_FORMATS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}


@dataclass(slots=True)
class List:
    """`number` is the next item's; None where items have bullets."""

    level: int
    number: int | None
    step: int = 1
    format: str = "decimal"

    @classmethod
    def of(cls, element: Element, within: "List | None") -> "List":
        level = within.level + 1 if within else 1
        if element.tag != "ol":
            return cls(level, None)
        is_reversed = element.get("reversed") is not None
        start = whole_number(element.get("start"))
        if start is None:
            start = sum(each.tag == "li" for each in element) if is_reversed else 1
        return cls(level, start, -1 if is_reversed else 1, _FORMATS.get(element.get("type", ""), "decimal"))

    def next_marker(self, item: Element) -> str:
        if self.number is None:
            return "•"
        number = whole_number(item.get("value"))
        self.number = self.number if number is None else number
        marker = f"{formatted(self.number, self.format)}."
        self.number += self.step
        return marker


class ListPlace(TypedDict):
    level: int
    marker: str


def listed(item: Element, within: List | None) -> ListPlace:
    """An item outside of any list is shown with a bullet all the same."""
    return {"level": within.level, "marker": within.next_marker(item)} if within else {"level": 1, "marker": "•"}
