"""A recognised line knows where its characters stand."""

import pytest

from actors.ocr_lines import PlacedText, PlacingRecogniser


def test_a_gap_too_wide_for_no_blank_is_one() -> None:
    placed = PlacedText.of("0.3514.00", (1, 2, 3, 4, 20, 21, 22, 23, 24), 30.0)
    spaced = placed.spaced()
    assert spaced == "0.35 14.00"
    assert spaced.columns == (1, 2, 3, 4, 12, 20, 21, 22, 23, 24)


@pytest.mark.parametrize(
    ("text", "columns"), [("", ()), ("a", (3,)), ("ab", (1, 4)), ("a b", (1, 10, 20)), ("a ", (1, 40))]
)
def test_a_line_that_lacks_no_blank_stays_as_it_is(text: str, columns: tuple[int, ...]) -> None:
    assert PlacedText.of(text, columns, 50.0).spaced() == text


def test_positions_are_shares_of_the_line() -> None:
    assert PlacedText.of("ab", (0, 9), 10.0).positions == (0.05, 0.95)
    assert PlacedText.of("a", (7,), 0.0).positions == (1.0,)


def test_the_recogniser_is_asked_for_columns_and_gives_text() -> None:
    asked = []

    def recogniser(images: list[str], *, return_word_box: bool) -> list[dict[str, object]]:
        asked.append(return_word_box)
        found = ("ab c", [8.0, [["a", "b"], [" "], ["c"]], [[0, 1], [3], [5]], ["en&num", "symbol", "en&num"]])
        return [{"rec_text": found, "rec_score": 0.9} for _ in images]

    (line,) = PlacingRecogniser(recogniser)(["image"], return_word_box=False)
    assert asked == [True]
    assert (line["rec_text"], line["rec_text"].columns, line["rec_score"]) == ("ab c", (0, 1, 3, 5), 0.9)
