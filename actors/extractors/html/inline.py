"""Text between two block boundaries, with its white space as a browser shows it."""

import re

_SPACES = re.compile(r"[ \t\n\r\f]+")


class InlineText:
    """Runs of white space are one space, and none at the beginning of a line; `keep` takes text as it is."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._after_space = True

    def add(self, text: str | None) -> None:
        collapsed = _SPACES.sub(" ", text or "")
        if self._after_space:
            collapsed = collapsed.removeprefix(" ")
        if collapsed:
            self._parts.append(collapsed)
            self._after_space = collapsed.endswith(" ")

    def keep(self, text: str | None) -> None:
        if text:
            self._parts.append(text)
            self._after_space = text.endswith("\n")

    def take(self) -> str:
        """All that was added; afterwards there is nothing."""
        text = "".join(self._parts)
        self._parts.clear()
        self._after_space = True
        return text
