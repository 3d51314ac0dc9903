"""Cursors: opaque, good for one list only, and never more than an error when they are nonsense."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.paging import LARGEST_SIZE, Cursor, fingerprint
from serve_apps.request_errors import BadCursor

LIST = fingerprint("acme", {"name": None}, "time_created")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)


def forged(*parts: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()


@given(value=st.integers(0, 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])), identifier=st.text("ab1_"))
def test_a_cursor_comes_back_as_it_was_given(value: int | str, identifier: str) -> None:
    assert Cursor.decode(Cursor(value, identifier).encode(LIST), LIST) == Cursor(value, identifier)


def test_a_cursor_of_another_list_is_refused() -> None:
    cursor = Cursor(1, "fs_1").encode(LIST)
    for other in (fingerprint("other", {"name": None}, "time_created"), fingerprint("acme", {"name": "x"}, "")):
        with pytest.raises(BadCursor):
            Cursor.decode(cursor, other)


@given(text=st.text() | st.from_regex(r"[A-Za-z0-9_-]{1,80}", fullmatch=True))
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.decode(text, LIST)


@given(parts=st.lists(JSON, max_size=4))
def test_any_json_is_a_cursor_or_refused(parts: list[Any]) -> None:
    try:
        cursor = Cursor.decode(forged(*parts), LIST)
    except BadCursor:
        return
    assert parts[0] == LIST
    assert isinstance(cursor.id, str)


@given(value=JSON)
def test_a_forged_value_is_a_storable_one_or_refused(value: Any) -> None:
    cursor = Cursor(value, "fs_1")
    for read in (cursor.moment, cursor.size, cursor.text):
        try:
            found = read()
        except BadCursor:
            continue
        assert found == value or isinstance(found, datetime)


@pytest.mark.parametrize("value", [True, -1, LARGEST_SIZE + 1, 1.5, "1", None])
def test_what_is_no_size_is_refused(value: Any) -> None:
    with pytest.raises(BadCursor):
        Cursor(value, "fs_1").size()


@pytest.mark.parametrize("value", ["a\0b", 1, None])
def test_what_is_no_stored_text_is_refused(value: Any) -> None:
    with pytest.raises(BadCursor):
        Cursor(value, "fs_1").text()


@pytest.mark.parametrize(
    "value", ["2025-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00", "today", 17, None]
)
def test_what_is_no_storable_moment_is_refused(value: Any) -> None:
    with pytest.raises(BadCursor):
        Cursor(value, "fs_1").moment()


def test_a_moment_comes_back() -> None:
    now = datetime.now(UTC)
    assert Cursor(now.isoformat(), "fs_1").moment() - now == timedelta(0)
