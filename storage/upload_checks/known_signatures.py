"""Whether puremagic may know what some bytes are, told in microseconds.

It compares bytes with each of its 1,400 signatures, which takes a millisecond of the interpreter for every file that
has none. Here the first bytes of all signatures are looked up at once.
"""

from collections import defaultdict
from collections.abc import Iterable

import puremagic

LEAST_BYTES = 4
"""Shorter matches count only as part of a longer one."""


def may_be_known(head: bytes) -> bool:
    """False where `puremagic.magic_string(head)` has no match of `LEAST_BYTES` or more."""
    return any(head[at : at + size] in starts for (at, size), starts in _HEADERS) or any(
        head[at:end] == found for at, end, found in _FOOTERS
    )


def _counts(signature: puremagic.PureMagic) -> bool:
    return len(signature.byte_match) >= LEAST_BYTES or signature.byte_match in puremagic.multi_part_dict


def _by_place(signatures: Iterable[puremagic.PureMagic]) -> list[tuple[tuple[int, int], frozenset[bytes]]]:
    """The beginnings of signatures, by their offset and how many bytes of them there are."""
    starts: dict[tuple[int, int], set[bytes]] = defaultdict(set)
    for signature in filter(_counts, signatures):
        start = signature.byte_match[:LEAST_BYTES]
        starts[signature.offset, len(start)].add(start)
    return [(place, frozenset(found)) for place, found in starts.items()]


_HEADERS = _by_place(puremagic.magic_header_array)
_FOOTERS = [
    (signature.offset, signature.offset + len(signature.byte_match) or None, signature.byte_match)
    for signature in filter(_counts, puremagic.magic_footer_array)
]
"""Places counted from the end."""
