"""Documents come back from storage as they went in."""

from hypothesis import given
from hypothesis import strategies as st

from storage.stored_documents import packed, unpacked


@given(st.text())
def test_a_document_comes_back_as_it_was(text: str) -> None:
    document = b'{"content":"' + text.encode("utf-8", errors="replace") + b'"}'
    assert unpacked(packed(document)) == document


def test_it_is_smaller_meanwhile() -> None:
    assert len(packed(b'{"bbox":[72.0,72.0,80.0,80.0]},' * 1000)) < 1000


def test_one_of_before_the_compression_is_read_as_it_is() -> None:
    assert unpacked(b'{"content": "old"}') == b'{"content": "old"}'
