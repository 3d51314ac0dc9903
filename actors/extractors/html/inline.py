"""Text between two block boundaries, with its white space as a browser shows it."""

import re

_SPACES = re.compile(r"[ \t\n\r\f]+")


def collapsed(text: str | None) -> str:
    return _SPACES.sub(" ", text or "")


class InlineText:
    """Runs of white space are one space, and none at the beginning of a line; `keep` takes text as it is."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._after_space = True

    def add(self, text: str | None) -> None:
        shown = collapsed(text)
        if self._after_space:
            shown = shown.removeprefix(" ")
        if shown:
            self._parts.append(shown)
            self._after_space = shown.endswith(" ")

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
