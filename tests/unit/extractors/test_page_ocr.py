"""What OCR found becomes lines in reading order, wherever the page's top is and however it is tilted."""

import math

import pytest

from actors.extractors.document import RecognisedLine, RecognisedPage
from actors.extractors.page_ocr import page_confidence, recognised_lines
from tests.unit.extractors.fake_ocr import recognised

SIZE = 1000


def tilted(text: str, x: float, y: float, length: float, degrees: float) -> RecognisedLine:
    """A line of height 20 whose left upper corner lies where the page's tilt brings it."""
    angle = math.radians(degrees)
    along, down = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))

    def corner(right: float, below: float) -> tuple[float, float]:
        u, v = x + right, y + below
        return u * along[0] + v * down[0], u * along[1] + v * down[1]

    corners = (corner(0, 0), corner(length, 0), corner(length, 20), corner(0, 20))
    xs, ys = [point[0] for point in corners], [point[1] for point in corners]
    return RecognisedLine(text, (min(xs), min(ys), max(xs), max(ys)), 0.9, corners)


def test_rows_of_a_tilted_page_are_rows() -> None:
    lines = [
        line
        for row in range(5)
        for line in (
            tilted(f"left{row}", 50, 100 + 40 * row, 100, 4),
            tilted(f"right{row}", 800, 100 + 40 * row, 100, 4),
        )
    ]
    found = recognised_lines(RecognisedPage(SIZE, SIZE, tuple(reversed(lines))), SIZE, SIZE)
    assert [line.text for line in found] == [f"left{row} right{row}" for row in range(5)]


@pytest.mark.parametrize(
    ("rotation", "first", "second"),
    [
        (0, (10, 10, 110, 30), (10, 50, 110, 70)),
        (90, (10, 800, 30, 900), (50, 800, 70, 900)),
        (180, (800, 900, 900, 920), (800, 800, 900, 820)),
        (270, (900, 10, 920, 110), (800, 10, 820, 110)),
    ],
)
def test_a_turned_page_is_read_from_its_top_and_keeps_its_places(
    rotation: int, first: tuple[float, ...], second: tuple[float, ...]
) -> None:
    found = recognised(
        {"second": second, "first": first},  # type: ignore[dict-item]
        (SIZE, SIZE),
        rotation,
    )
    lines = recognised_lines(turned_corners(found), SIZE, SIZE)
    assert [line.text for line in lines] == ["first", "second"]
    assert lines[0].piece.bbox == pytest.approx(first)


def turned_corners(page: RecognisedPage) -> RecognisedPage:
    """Corners in reading order: the first is where the line's text begins."""
    turns = page.rotation // 90
    lines = tuple(
        RecognisedLine(line.text, line.bbox, line.confidence, line.polygon[-turns:] + line.polygon[:-turns])
        for line in page.lines
    )
    return RecognisedPage(page.width, page.height, lines, page.rotation)


def test_words_stand_where_their_characters_were_seen() -> None:
    line = RecognisedLine(
        "ab cd", (0, 0, 100, 10), 0.8, ((0, 0), (100, 0), (100, 10), (0, 10)), (0.05, 0.15, 0.5, 0.85, 0.95)
    )
    (found,) = recognised_lines(RecognisedPage(100, 10, (line,)), 200, 20)
    boxes = {word.text: word.bbox for word in found.piece.words}
    assert boxes["ab"] == pytest.approx((0, 0, 65, 20))
    assert boxes["cd"] == pytest.approx((135, 0, 200, 20))


def test_without_them_words_are_placed_by_the_width_of_their_letters() -> None:
    line = RecognisedLine("il WW 東京", (0, 0, 100, 10), 0.8)
    (found,) = recognised_lines(RecognisedPage(100, 10, (line,)), 100, 10)
    widths = [word.bbox[2] - word.bbox[0] for word in found.piece.words if word.bbox]
    assert widths == sorted(widths)
    assert [word.text for word in found.piece.words] == ["il", "WW", "東京"]


def test_a_page_is_as_certain_as_its_characters() -> None:
    sure = RecognisedLine("aaa", (0, 0, 1, 1), 1.0)
    unsure = RecognisedLine("b", (0, 0, 1, 1), 0.6)
    assert page_confidence(RecognisedPage(1, 1, (sure, unsure))) == pytest.approx(0.9)
    assert page_confidence(RecognisedPage(1, 1, ())) == 1.0


def test_lines_that_say_nothing_of_the_tilt_are_left_where_they_are() -> None:
    upright = RecognisedLine("I", (0, 0, 1, 9), 0.9)
    steep = RecognisedLine("steep", (0, 0, 9, 90), 0.9, ((0, 0), (9, 90), (5, 92), (-4, 2)))
    assert recognised_lines(RecognisedPage(9, 9, (upright,)), 9, 9)[0].bbox == (0, 0, 1, 9)
    assert recognised_lines(RecognisedPage(99, 99, (steep,)), 99, 99)[0].bbox[3] == pytest.approx(92)
