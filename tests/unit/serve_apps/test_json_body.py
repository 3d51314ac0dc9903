"""JSON of clients: what it says and nothing else, or a refusal."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.json_body import parsed
from serve_apps.request_errors import BadRequest

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@given(VALUES)
def test_what_was_written_is_read(value: Any) -> None:
    assert parsed(orjson.dumps(value), "The body") == value


@given(VALUES, VALUES, st.text(max_size=5))
def test_an_object_that_names_something_twice_is_refused_however_deep(one: Any, other: Any, name: str) -> None:
    quoted = json.dumps(name)
    twice = f"{{{quoted}: {json.dumps(one)}, {quoted}: {json.dumps(other)}}}".encode()
    for text in (twice, b"[1, " + twice + b"]", b'{"a": [' + twice + b"]}"):
        with pytest.raises(BadRequest, match="twice in one object"):
            parsed(text, "The body")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense",
        b"{",
        b"{} {}",
        b"NaN",
        b"Infinity",
        b"1e400",
        b"-1e400",
        b"9" * 400,
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'{"\\udfff": 1}',
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"[" * 980 + b"]" * 980,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^The part is not JSON: "):
        parsed(text, "The part")


def test_long_numbers_are_read_as_far_as_numbers_go() -> None:
    assert parsed(b"123456789012345678901234567890", "The body") == 1.2345678901234568e29
