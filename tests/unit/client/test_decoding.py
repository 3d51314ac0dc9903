from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.decoding import UnexpectedAnswer, decode, encode

times = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is drawn
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
)


@dataclass(frozen=True)
class Part:
    box: tuple[float, float] | None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Whole:
    name: str
    when: datetime
    parts: tuple[Part, ...]
    file: Part = field(metadata={"json_name": "document"})
    anything: dict[str, Any] = field(default_factory=dict)
    value: str | bool | None = None


floats = st.floats(allow_nan=False)
parts = st.builds(Part, st.none() | st.tuples(floats, floats), st.lists(st.text()).map(tuple))
wholes = st.builds(
    Whole,
    st.text(),
    times,
    st.lists(parts).map(tuple),
    parts,
    st.dictionaries(st.text(), json_values),
    st.text() | st.booleans(),
)


@given(wholes)
def test_what_was_encoded_is_decoded_to_the_same(whole: Whole) -> None:
    assert decode(Whole, encode(whole)) == whole


def test_fields_of_a_newer_service_are_ignored_and_defaults_filled_in() -> None:
    assert decode(Part, {"box": [1, 2.5], "colour": "red"}) == Part((1.0, 2.5))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"words": []}, "Part has no box"),
        ({"box": [1]}, "Part.box has 1 values"),
        ({"box": None, "words": "text"}, "Part.words is not list"),
        ({"box": None, "words": [1]}, "Part.words is not str"),
        ([], "Part is not dict"),
    ],
)
def test_what_does_not_fit_is_named(data: object, told: str) -> None:
    with pytest.raises(UnexpectedAnswer, match=told):
        decode(Part, data)


def test_a_time_that_is_none_is_named() -> None:
    whole = {"name": "", "when": "yesterday", "parts": [], "document": {"box": None}}
    with pytest.raises(UnexpectedAnswer, match=r"Whole\.when is not a time: 'yesterday'"):
        decode(Whole, whole)


def test_true_is_no_number() -> None:
    @dataclass(frozen=True)
    class Count:
        count: int

    with pytest.raises(UnexpectedAnswer):
        decode(Count, {"count": True})
