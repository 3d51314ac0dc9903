"""The quick look at signatures never misses what puremagic would find."""

import puremagic
from hypothesis import given
from hypothesis import strategies as st

from storage.upload_checks.known_signatures import LEAST_BYTES, may_be_known

SIGNATURES = [*puremagic.magic_header_array, *puremagic.magic_footer_array]
LARGEST = 1024
contents = st.binary(min_size=1, max_size=LARGEST)


def is_known(head: bytes) -> bool:
    try:
        return any(len(guess.byte_match) >= LEAST_BYTES for guess in puremagic.magic_string(head))
    except puremagic.PureError:
        return False


def with_signature(content: bytes, signature: puremagic.PureMagic) -> bytes:
    """The content with the signature where it belongs, near its end for a footer."""
    at = signature.offset if signature.offset >= 0 else max(0, len(content) + signature.offset)
    found: bytes = signature.byte_match
    return content[:at].ljust(at, b"\0") + found + content[at + len(found) :]


def test_every_signature_is_seen_where_it_belongs() -> None:
    for signature in SIGNATURES:
        head = with_signature(bytes(LARGEST), signature)
        assert may_be_known(head) or not is_known(head), signature


@given(contents, st.lists(st.sampled_from(SIGNATURES), max_size=3))
def test_whatever_puremagic_knows_may_be_known(content: bytes, signatures: list[puremagic.PureMagic]) -> None:
    for signature in signatures:
        content = with_signature(content, signature)
    assert may_be_known(content) or not is_known(content)


def test_bytes_without_a_signature_are_not_known() -> None:
    assert not may_be_known(bytes(range(256)) * 40)
    assert not is_known(bytes(range(256)) * 40)
