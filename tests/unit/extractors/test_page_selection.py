"""Which pages are asked for."""

import pytest

from actors.extractors.document import ExtractionFailed
from actors.extractors.page_selection import selected_pages


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("", [1, 2, 3, 4, 5]),
        (" ", [1, 2, 3, 4, 5]),
        ("2", [2]),
        ("1-3,5", [1, 2, 3, 5]),
        ("4-, 1", [1, 4, 5]),
        ("3-1", []),
        ("2,2,1-2", [1, 2]),
        ("4-99", [4, 5]),
        ("9", []),
        ("0-1", [1]),
    ],
)
def test_a_selection_names_pages_that_exist(selection: str, expected: list[int]) -> None:
    assert selected_pages(selection, 5, 100) == expected


@pytest.mark.parametrize("selection", ["a", "1,,2", "-3", "1-2-3", "1;2"])
def test_what_is_no_selection_is_refused(selection: str) -> None:
    with pytest.raises(ValueError, match="no page"):
        selected_pages(selection, 5, 100)


def test_more_pages_than_are_read_are_too_many() -> None:
    with pytest.raises(ExtractionFailed) as caught:
        selected_pages("1-3", 5, 2)
    assert caught.value.code == "too-many-pages"
