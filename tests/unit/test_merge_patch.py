import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.merge_patch import MetadataError, check_metadata, merge_patch

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
)


def as_the_rfc_writes_it(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = as_the_rfc_writes_it(result.get(name), value)
    return result


@given(values, values)
def test_a_patch_does_what_the_pseudocode_of_the_rfc_does(target: Any, patch: Any) -> None:
    assert merge_patch(target, patch) == as_the_rfc_writes_it(target, patch)


@given(values, values)
def test_a_patch_changes_neither_of_its_arguments(target: Any, patch: Any) -> None:
    before = json.dumps([target, patch])
    merge_patch(target, patch)
    assert json.dumps([target, patch]) == before


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc_hold(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


def test_a_patch_nested_deeper_than_the_stack_goes_is_applied() -> None:
    patch: dict[str, Any] = {}
    for _ in range(5000):
        patch = {"a": patch}
    result = merge_patch({}, patch)
    for _ in range(5000):
        result = result["a"]
    assert result == {}


def nested(levels: int) -> Any:
    value: Any = "leaf"
    for _ in range(levels):
        value = {"a": value}
    return value


def test_metadata_may_be_eight_levels_deep() -> None:
    check_metadata(nested(8))
    check_metadata({"list": [[[[[[["seven lists in an object"]]]]]]]})


@pytest.mark.parametrize("levels", [9, 10, 3000])
def test_deeper_metadata_is_refused_with_the_place_where_it_gets_too_deep(levels: int) -> None:
    with pytest.raises(MetadataError, match="nested deeper than 8") as caught:
        check_metadata(nested(levels))
    assert caught.value.pointer == "/a" * 8


def test_metadata_may_take_sixteen_kibibytes_of_utf8_and_no_more() -> None:
    check_metadata({"k": "x" * (16 * 1024 - len('{"k":""}'))})
    check_metadata({"k": "é" * 8187})
    with pytest.raises(MetadataError, match="16385 bytes of at most 16384"):
        check_metadata({"k": "x" * (16 * 1024 - len('{"k":""}') + 1)})


@pytest.mark.parametrize("value", [None, [], "text", 1, True])
def test_metadata_is_an_object(value: Any) -> None:
    with pytest.raises(MetadataError, match="JSON object"):
        check_metadata(value)


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({"a": {"b/c~": "zero\0byte"}}, "/a/b~1c~0"),
        ({"a": ["fine", "\ud800"]}, "/a/1"),
        ({"a": {"k\0": 1}}, "/a"),
        ({"a": float("nan")}, "/a"),
        ({"a": float("-inf")}, "/a"),
    ],
)
def test_what_the_database_cannot_hold_is_refused_with_its_place(value: Any, pointer: str) -> None:
    with pytest.raises(MetadataError) as caught:
        check_metadata(value)
    assert caught.value.pointer == pointer
    assert "cannot be stored" in str(caught.value)


@given(st.dictionaries(st.text(max_size=5), values, max_size=4))
def test_small_metadata_of_any_shape_is_kept_or_refused_with_a_pointer_that_leads_somewhere(value: Any) -> None:
    try:
        check_metadata(value)
    except MetadataError as error:
        place = value
        for step in error.pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            place = place[int(name)] if isinstance(place, list) else place[name]
