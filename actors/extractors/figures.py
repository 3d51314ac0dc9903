"""Pictures on a page that belong to its text, as blocks at their place."""

from collections.abc import Iterable, Sequence

from actors.extractors.assembly import BlockPiece, enclosing
from actors.extractors.document import Box, Image
from actors.extractors.page_layout import gap

_LEAST_SIDE = 24.0
"""Points below which a picture is an ornament, a rule or an icon."""
_MOST = 0.85
"""Share of the page from which a picture is its background."""
_TOUCHING = 2.0
_MAX_PICTURES = 100
"""Pages with more are drawn from pieces."""


def figure_boxes(images: Iterable[Image], width: float, height: float) -> list[Box]:
    """Places of the figures. Pieces of one picture that touch one another are one figure."""
    boxes = [image.bbox for image in images if image.bbox is not None]
    if len(boxes) > _MAX_PICTURES:
        return []
    figures: list[Box] = []
    for box in boxes:
        touching = [figure for figure in figures if _touch(figure, box)]
        figures = [figure for figure in figures if figure not in touching]
        figures.append(enclosing([box, *touching]) or box)
    return [box for box in figures if _is_figure(box, width, height)]


def _touch(a: Box, b: Box) -> bool:
    return gap(a, b) <= _TOUCHING and max(a[1] - b[3], b[1] - a[3]) <= _TOUCHING


def _is_figure(box: Box, width: float, height: float) -> bool:
    across, down = box[2] - box[0], box[3] - box[1]
    return min(across, down) >= _LEAST_SIDE and across * down <= _MOST * width * height


def with_figures(blocks: Sequence[BlockPiece], figures: Iterable[Box]) -> list[BlockPiece]:
    """Each figure before the first block of the body that stands below it in the same column."""
    ordered = list(blocks)
    for box in figures:
        below = (
            index
            for index, block in enumerate(ordered)
            if block.layer == "body" and block.bbox and _is_below(block.bbox, box)
        )
        ordered.insert(next(below, _end_of_body(ordered)), BlockPiece("figure", [], box))
    return ordered


def _is_below(block: Box, figure: Box) -> bool:
    return block[1] >= figure[3] - _LEAST_SIDE / 2 and gap(block, figure) < 0


def _end_of_body(blocks: Sequence[BlockPiece]) -> int:
    return max((index for index, block in enumerate(blocks, start=1) if block.layer == "body"), default=0)
