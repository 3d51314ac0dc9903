"""Text of a recognised line that knows where its characters stand.

PaddleOCR's recogniser decides for each narrow column of a line what it shows. The columns are worth having: they say
where the words are, and where a wide gap is that was read as no blank at all.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

_WIDE_GAP = 9
"""Columns between the middles of two characters that are no neighbours: six columns are as wide as the line is high."""


class PlacedText(str):
    """A line's text; `columns` holds the column of each character, `width` how many columns the line has."""

    __slots__ = ("columns", "width")
    columns: tuple[int, ...]
    width: float

    @classmethod
    def of(cls, text: str, columns: tuple[int, ...], width: float) -> "PlacedText":
        placed = cls(text)
        placed.columns, placed.width = columns, width
        return placed

    @property
    def positions(self) -> tuple[float, ...]:
        """The middle of each character as a share of the line's length."""
        return tuple(min((column + 0.5) / max(self.width, 1.0), 1.0) for column in self.columns)

    def spaced(self) -> "PlacedText":
        """With a blank in each gap that is too wide for none."""
        characters, columns = list(self[:1]), list(self.columns[:1])
        for (before, left), (after, right) in pairwise(zip(self, self.columns, strict=True)):
            if right - left >= _WIDE_GAP and not before.isspace() and not after.isspace():
                characters.append(" ")
                columns.append((left + right) // 2)
            characters.append(after)
            columns.append(right)
        return PlacedText.of("".join(characters), tuple(columns), self.width)


class PlacingRecogniser:
    """PaddleOCR's recogniser, made to keep the columns that it would drop."""

    def __init__(self, recogniser: Any) -> None:
        self._recogniser = recogniser

    def __call__(self, images: list[Any], **_options: Any) -> Iterator[dict[str, Any]]:
        for result in self._recogniser(images, return_word_box=True):
            text, (width, _words, columns, _kinds) = result["rec_text"]
            flat = tuple(column for word in columns for column in word)
            yield {**result, "rec_text": PlacedText.of(text, flat, width)}
