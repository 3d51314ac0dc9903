from typing import Any

import pytest

from storage.errors import InvalidFields
from storage.metadata_field import MAX_TAG_LENGTH, MAX_TAGS, refuse_bad_metadata, refuse_bad_tags


@pytest.mark.parametrize("tags", [[], ["a"], ["ä b", "/"], ["x" * MAX_TAG_LENGTH] * MAX_TAGS])
def test_short_printable_texts_are_tags(tags: list[str]) -> None:
    refuse_bad_tags(tags)


@pytest.mark.parametrize(
    ("tags", "pointer"),
    [
        ("a", "/tags"),
        ({"a": 1}, "/tags"),
        (None, "/tags"),
        (["a"] * (MAX_TAGS + 1), "/tags"),
        (["a", ""], "/tags/1"),
        ([1], "/tags/0"),
        (["x" * (MAX_TAG_LENGTH + 1)], "/tags/0"),
        (["a\0b"], "/tags/0"),
        (["a\nb"], "/tags/0"),
        (["\ud800"], "/tags/0"),
    ],
)
def test_anything_else_is_refused_where_it_stands(tags: Any, pointer: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        refuse_bad_tags(tags)
    assert caught.value.fields[0][0] == pointer


def test_metadata_is_refused_with_a_pointer_below_its_field() -> None:
    refuse_bad_metadata({"a": {"b": 1}})
    for value, pointer in (({"a": {"b": "\0"}}, "/metadata/a/b"), ([], "/metadata")):
        with pytest.raises(InvalidFields) as caught:
            refuse_bad_metadata(value)
        assert caught.value.fields[0][0] == pointer
