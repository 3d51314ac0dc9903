"""The order in which a page is read: columns one after another, rows within them.

A column gutter is a place where hardly any segment crosses while prose stands on both sides. What crosses (a title
over two columns, a wide figure's caption) divides the columns above it from those below. Cells of a table are no
prose: they are read row by row.
"""

import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise

from actors.extractors.page_layout import LayoutLine, Segment, line_of, rows_of

_STEPS = 200
"""Places at which a gutter is looked for."""
_MIN_SIDE = 3
"""Segments on each side of a gutter."""
_MAX_CROSSING = 1.0
"""Share of the smaller side that may cross."""
_PROSE_LENGTH = 12.0
"""Mean characters of a segment of prose; in full-width scripts half of it."""
_PROSE_FILL = 0.3
"""Share of its column that a segment of prose fills at the median."""
_FULL_LENGTH, _FULL_FILL = 25.0, 0.6
"""The same for columns that can be nothing else."""
_INTERLEAVED = 0.25
"""Share of changes between columns from which an order goes to and fro."""
_MAX_DEPTH = 6


def lines_in_reading_order(segments: Sequence[Segment]) -> list[LayoutLine]:
    """Lines of all segments; those that are not written from left to right come last, in the source's order."""
    upright = [segment for segment in segments if segment.upright]
    turned = [segment for segment in segments if not segment.upright]
    lines = [line_of(row) for zone in zones_of(upright) for row in rows_of(zone)]
    return lines + [line_of([segment]) for segment in turned]


def interleaves_columns(segments: Sequence[Segment]) -> bool:
    """Whether the order of `segments` goes to and fro between columns of prose, as rows of a table may."""
    gutter = _gutter(segments)
    if gutter is None:
        return False
    beside = [each for each in segments if not each.bbox[0] < gutter < each.bbox[2]]
    left, right = _sides(beside, gutter)
    changes = sum((a.bbox[2] <= gutter) != (b.bbox[2] <= gutter) for a, b in pairwise(beside))
    is_full = all(_is_prose(side, _FULL_LENGTH, _FULL_FILL) for side in (left, right))
    return is_full and changes > _INTERLEAVED * len(beside)


def zones_of(segments: Sequence[Segment]) -> Iterator[Sequence[Segment]]:
    """Parts of the page to be read one after the other, each row by row."""
    return _zones(segments, 0)


def _zones(segments: Sequence[Segment], depth: int) -> Iterator[Sequence[Segment]]:
    gutter = _gutter(segments) if depth < _MAX_DEPTH else None
    if gutter is None:
        yield segments
        return
    for above, crossing in _bands(segments, gutter):
        left, right = _sides(above, gutter)
        if _is_prose(left) and _is_prose(right):
            yield from _zones(left, depth + 1)
            yield from _zones(right, depth + 1)
        elif above:
            yield above
        if crossing:
            yield crossing


def _bands(segments: Sequence[Segment], gutter: float) -> Iterator[tuple[list[Segment], list[Segment]]]:
    """From top to bottom: what stands beside the gutter, then what crosses it beneath."""
    beside: list[Segment] = []
    crossing: list[Segment] = []
    for segment in sorted(segments, key=lambda each: each.middle):
        if segment.bbox[0] < gutter < segment.bbox[2]:
            crossing.append(segment)
            continue
        if crossing:
            yield beside, crossing
            beside, crossing = [], []
        beside.append(segment)
    yield beside, crossing


def _sides(segments: Sequence[Segment], gutter: float) -> tuple[list[Segment], list[Segment]]:
    left = [segment for segment in segments if segment.bbox[2] <= gutter]
    return left, [segment for segment in segments if segment.bbox[0] >= gutter]


def _gutter(segments: Sequence[Segment]) -> float | None:
    """Where the page is best divided into columns, None where it is not."""
    if len(segments) < 2 * _MIN_SIDE:
        return None
    start = min(segment.bbox[0] for segment in segments)
    end = max(segment.bbox[2] for segment in segments)
    places = [start + (end - start) * step / _STEPS for step in range(1, _STEPS)]
    runs = _quiet_runs(segments, places)
    candidates = sorted(runs, key=lambda run: (run[0], -len(run[1])))
    for _, run in candidates[:4]:
        middle = run[len(run) // 2]
        left, right = _sides(segments, middle)
        if _is_prose(left) and _is_prose(right):
            return middle
    return None


def _quiet_runs(segments: Sequence[Segment], places: list[float]) -> list[tuple[int, list[float]]]:
    """Neighbouring places that equally few segments cross, with that number."""
    runs: list[tuple[int, list[float]]] = []
    joined = False
    for place in places:
        crossing, left, right = _count(segments, place)
        if min(left, right) < _MIN_SIDE or crossing > _MAX_CROSSING * min(left, right):
            joined = False
        elif joined and runs[-1][0] == crossing:
            runs[-1][1].append(place)
        else:
            runs.append((crossing, [place]))
            joined = True
    return runs


def _count(segments: Sequence[Segment], place: float) -> tuple[int, int, int]:
    left = sum(segment.bbox[2] <= place for segment in segments)
    right = sum(segment.bbox[0] >= place for segment in segments)
    return len(segments) - left - right, left, right


def _is_prose(
    segments: Sequence[Segment], least_length: float = _PROSE_LENGTH, least_fill: float = _PROSE_FILL
) -> bool:
    """Whether these are lines of a column of text rather than cells of a table."""
    if len(segments) < _MIN_SIDE:
        return False
    start = min(segment.bbox[0] for segment in segments)
    end = max(segment.bbox[2] for segment in segments)
    fill = statistics.median(segment.width for segment in segments) / max(end - start, 1.0)
    length = statistics.fmean(_length(segment) for segment in segments)
    return fill >= least_fill and length >= least_length


def _length(segment: Segment) -> int:
    wide = sum(character > "\u2e80" for word in segment.words for character in word.text)
    return segment.length + wide
