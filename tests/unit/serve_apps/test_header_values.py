"""Headers that are read and written by hand: names of files, ranges, entity tags, preferences, digests."""

from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.answers import preferred_wait
from serve_apps.content_disposition import disposition, file_name, header_text, parameters
from serve_apps.files.byte_ranges import ByteRange, requested_range
from serve_apps.files.uploads import expected_digest, repr_digest
from serve_apps.preconditions import if_match, none_match, version_tag
from serve_apps.request_errors import BadRequest, PreconditionRequired


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_a_name_survives_the_header_of_its_download(name: str) -> None:
    header = disposition("attachment", name)
    header.encode("ascii")
    assert file_name(header) == name


def test_old_clients_get_a_plain_name() -> None:
    assert disposition("inline", "100%41.txt").startswith('inline; filename="100_41.txt"; ')
    assert disposition("inline", 'a"b\\ä.txt') == "inline; filename=\"a_b__.txt\"; filename*=UTF-8''a%22b%5C%C3%A4.txt"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("attachment", None),
        ("", None),
        ('attachment; filename="a.txt"', "a.txt"),
        ("attachment; filename=a.txt", "a.txt"),
        (r'attachment; filename="a\"b.txt"', 'a"b.txt'),
        (r'attachment; filename="a\\b.txt"', r"a\b.txt"),
        (r'attachment; filename="C:\new\b.txt"', r"C:\new\b.txt"),
        ('attachment; filename="ends in one\\"', ""),
        ("attachment; filename*=UTF-8''100%.txt", "100%.txt"),
        ("attachment; filename=old.txt; filename*=UTF-8''%e2%82%ac.txt", "€.txt"),
        ("attachment; filename*=ISO-8859-1'en'%A3.txt", "£.txt"),
        ("attachment; FileName*=utf-8''x.txt", "x.txt"),
        ("attachment; filename=old.txt; filename*=UTF-8''%ff.txt", "old.txt"),
        ("attachment; filename=old.txt; filename*=KOI8-R''x.txt", "old.txt"),
        ("attachment; filename*=UTF-8''%ff", None),
        ('attachment; filename="one"; filename="two"', "one"),
    ],
)
def test_the_name_of_an_upload_is_read_as_browsers_and_tools_write_it(header: str, name: str | None) -> None:
    assert file_name(header) == name


def test_parameters_are_named_in_lower_case() -> None:
    assert parameters('form-data; Name="a"; x = y ') == {"name": "a", "x": "y"}


def test_header_bytes_are_utf8_or_else_latin1() -> None:
    assert (header_text("ä".encode()), header_text("ä".encode("latin-1"))) == ("ä", "ä")


@pytest.mark.parametrize(
    ("header", "size", "found"),
    [
        (None, 10, None),
        ("bytes=0-0", 10, ByteRange(0, 1)),
        ("bytes=2-4", 10, ByteRange(2, 3)),
        ("bytes=2-", 10, ByteRange(2, 8)),
        ("bytes=2-99", 10, ByteRange(2, 8)),
        ("bytes=-3", 10, ByteRange(7, 3)),
        ("bytes=-99", 10, ByteRange(0, 10)),
        ("Bytes = 1 - 2 ", 10, ByteRange(1, 2)),
        ("bytes=10-", 10, "unsatisfiable"),
        ("bytes=-0", 10, "unsatisfiable"),
        ("bytes=0-", 0, "unsatisfiable"),
        ("bytes=9223372036854775807-", 10, "unsatisfiable"),
        ("bytes=4-2", 10, None),
        ("bytes=-", 10, None),
        ("bytes=0-1,3-4", 10, None),
        ("lines=0-1", 10, None),
        ("bytes=a-b", 10, None),
        ("bytes=" + "9" * 30 + "-", 10, None),
    ],
)
def test_one_range_of_bytes_is_read_and_anything_else_is_the_whole(header: str | None, size: int, found: Any) -> None:
    assert requested_range(header, size) == found


@given(st.text(max_size=30), st.integers(0, 100))
def test_a_range_lies_within_the_file(header: str, size: int) -> None:
    found = requested_range(f"bytes={header}", size)
    if isinstance(found, ByteRange):
        assert 0 <= found.start < found.start + found.length <= size


def test_a_range_says_where_it_lies() -> None:
    assert ByteRange(2, 3).content_range(10) == "bytes 2-4/10"


@pytest.mark.parametrize(
    ("header", "version"), [('"m7"', 7), (' "m7" ', 7), ("*", None), ('W/"m7"', -1), ('"7"', -1), ("m7", -1), ("", -1)]
)
def test_if_match_names_a_version_or_any_or_none_that_was(header: str, version: int | None) -> None:
    assert if_match(request(if_match=header)) == version


def test_without_if_match_nothing_is_changed() -> None:
    with pytest.raises(PreconditionRequired):
        if_match(request())


@pytest.mark.parametrize(
    ("header", "lets_through"),
    [
        (None, True),
        ("*", False),
        ('"m1"', False),
        ('W/"m1"', False),
        ('"m0", "m1"', False),
        ('"m2"', True),
        ("m1", True),
    ],
)
def test_if_none_match_holds_back_what_the_caller_has(header: str | None, lets_through: bool) -> None:
    assert none_match(header, version_tag(1)) is lets_through


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ("respond-async, wait=10", 10),
        ('Wait = "7"', 7),
        ("wait=999999", 60),
        ("wait=", 0),
        ("await=5", 0),
        ("", 0),
    ],
)
def test_a_preferred_wait_is_read_and_bounded(header: str, seconds: int) -> None:
    assert preferred_wait(request(prefer=header)) == seconds


def test_a_digest_is_read_and_written_alike() -> None:
    digest = "ab" * 32
    assert expected_digest(request(repr_digest=f"md5=:xx:, {repr_digest(digest)}")) == digest
    assert expected_digest(request()) is None
    assert expected_digest(request(repr_digest="md5=:xx:")) is None
    for bad in ("sha-256=:!:", "sha-256=:YQ==:"):
        with pytest.raises(BadRequest):
            expected_digest(request(repr_digest=bad))
