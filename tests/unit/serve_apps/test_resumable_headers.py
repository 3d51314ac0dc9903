"""The request headers of tus: what is understood, and that nothing else is."""

import base64
import string

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.files import resumable_headers as headers
from serve_apps.files.resumable_headers import Description
from serve_apps.request_errors import BadRequest
from storage.errors import InvalidFields
from storage.resumable_errors import NotAPiece
from tests.resumable_client import described

KEYS = st.text([*string.ascii_letters, *string.digits, *"!#$%&'*+-.^_`|~()/:;<=>?@[]{}\""], min_size=1, max_size=20)


def request(**named: str) -> Request:
    raw = [(name.replace("_", "-").lower().encode(), value.encode("latin-1")) for name, value in named.items()]
    return Request({"type": "http", "headers": raw})


@given(st.dictionaries(KEYS, st.binary(max_size=50), max_size=8), st.text(st.characters(codec="utf-8"), max_size=30))
def test_every_description_that_tus_allows_is_read(others: dict[str, bytes], name: str) -> None:
    values = {key: value for key, value in others.items() if key not in {"tags", "metadata", "filetype"}}
    found = Description.parse(described(**values | {"filename": name}))
    assert found == Description(name, "", [], {})


@given(st.text(st.characters(codec="latin-1"), max_size=80))
def test_no_other_text_does_more_than_be_refused(text: str) -> None:
    try:
        found = Description.parse(text)
    except (BadRequest, InvalidFields):
        return
    assert "filename" in text
    assert isinstance(found.file_name, str)


@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_a_number_is_digits_and_nothing_else(text: str) -> None:
    if text.isascii() and text.isdigit():
        assert headers.number(request(Upload_Offset=text), "Upload-Offset") == int(text)
    else:
        with pytest.raises(BadRequest):
            headers.number(request(Upload_Offset=text), "Upload-Offset")


@given(st.sampled_from(["sha256", "sha1"]), st.binary(max_size=40))
def test_a_checksum_has_the_size_of_its_algorithm(algorithm: str, digest: bytes) -> None:
    asked = request(Upload_Checksum=f"{algorithm} {base64.b64encode(digest).decode()}")
    if len(digest) == {"sha256": 32, "sha1": 20}[algorithm]:
        found = headers.checksum(asked)
        assert found is not None
        assert (found.algorithm, found.digest) == (algorithm, digest)
    else:
        with pytest.raises(BadRequest):
            headers.checksum(asked)


def test_a_creation_carries_bytes_when_it_says_so() -> None:
    assert headers.carries_piece(request(Content_Type="Application/Offset+Octet-Stream"))
    assert not headers.carries_piece(request(Content_Length="0"))
    assert not headers.carries_piece(request())
    for other in (request(Content_Length="5"), request(Transfer_Encoding="chunked", Content_Type="text/plain")):
        with pytest.raises(NotAPiece):
            headers.carries_piece(other)
