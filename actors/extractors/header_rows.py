"""Whether the first row of a table without any markup names its columns."""

import re
from collections.abc import Sequence

_VALUE = re.compile(r"[-+(]?\s*[\d.,\s'%:/()\u00a0\u202f€$£¥-]*\d[\d.,\s'%:/()TZ\u00a0\u202f€$£¥+-]*")


def first_row_is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Names of columns are all there, no two alike, and no numbers, amounts or dates."""
    if len(rows) < 2:  # noqa: PLR2004
        return False
    names = [name.strip() for name in rows[0]]
    return bool(names) and all(names) and len(set(names)) == len(names) and not any(map(_VALUE.fullmatch, names))


_DATUM = re.compile(r"(?=.{1,18}$)(?=\D{0,12}\d)\S+(?:\s\S+){0,2}|[-–—*xX✓✗]|n/a|N/A|yes|no|Yes|No")  # noqa: RUF001


def is_datum(text: str) -> bool:
    """A number, an amount, a date, a code: short, with figures in it, or what stands for none."""
    return bool(_DATUM.fullmatch(text.strip()))
