"""Lengths of OpenDocument in points: a number and its unit (part 3, 18.3.18)."""

import re

_LENGTH = re.compile(r"(-?\d{1,9}(?:\.\d{1,9})?)(cm|mm|in|pt|pc|px)")
_POINTS = {"cm": 72 / 2.54, "mm": 72 / 25.4, "in": 72.0, "pt": 1.0, "pc": 12.0, "px": 0.75}


def points(written: str | None) -> float | None:
    matched = _LENGTH.fullmatch((written or "").strip())
    return float(matched[1]) * _POINTS[matched[2]] if matched else None
