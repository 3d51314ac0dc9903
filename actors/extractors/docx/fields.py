"""Fields: what they show counts, what they are computed from does not (ECMA-376, part 1, 17.16.18)."""

from actors.extractors.office.xml_tree import Element, attribute, descendants


class OpenFields:
    """Fields that have begun and not ended; they may reach over paragraphs and hold each other."""

    def __init__(self, story: Element) -> None:
        """`story` is what the fields are in; a field without its end would hide all text after it."""
        marks = [attribute(each, "w:fldCharType") for each in descendants(story, "w:fldChar")]
        self._balanced = marks.count("begin") == marks.count("end")
        self._shows_result: list[bool] = []
        self._hiding = 0

    @property
    def hide_text(self) -> bool:
        return self._hiding > 0

    def mark(self, element: Element) -> None:
        """Take a `w:fldChar` into account."""
        match attribute(element, "w:fldCharType"):
            case "begin" if self._balanced:
                self._shows_result.append(False)
                self._hiding += 1
            case "separate" if self._shows_result:
                self._hiding -= not self._shows_result[-1]
                self._shows_result[-1] = True
            case "end" if self._shows_result:
                self._hiding -= not self._shows_result.pop()
