"""Which pages of a file are asked for: `1-3,7`."""

import re

from actors.extractors.document import ExtractionFailed

_RANGE = re.compile(r"\s*(\d{1,9})\s*(?:(-)\s*(\d{1,9})?\s*)?")


def selected_pages(selection: str, total: int, at_most: int) -> list[int]:
    """Numbers of the selected pages that exist, in order, each once; all when `selection` is empty.

    Raises ExtractionFailed `too-many-pages` for more than `at_most`, and ValueError for what is no selection.
    """
    ranges = [_range(part, total) for part in selection.split(",")] if selection.strip() else [range(1, total + 1)]
    if sum(len(each) for each in ranges) <= at_most:
        return sorted({number for each in ranges for number in each})
    raise ExtractionFailed("too-many-pages", "parse", f"The file has more than the {at_most} pages that are read.")


def _range(part: str, total: int) -> range:
    match = _RANGE.fullmatch(part)
    if match is None:
        raise ValueError(f"{part!r} is no page or range of pages")
    first = int(match[1])
    last = first if match[2] is None else int(match[3] or total)
    return range(max(first, 1), min(last, total) + 1)
