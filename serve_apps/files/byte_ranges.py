"""`Range` (RFC 9110, section 14): one range of bytes; whatever else is asked for gets the whole."""

import re
from dataclasses import dataclass
from typing import Literal

RANGE = re.compile(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    start: int
    length: int

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def requested_range(header: str | None, size: int) -> ByteRange | Literal["unsatisfiable"] | None:
    """The range to send of `size` bytes; None for all of them."""
    match = RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        # Several ranges, other units and nonsense may be ignored; to send the whole is always right.
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
    return ByteRange(start, end - start + 1) if start <= end else "unsatisfiable"
