"""Labels with values beside them, as forms, invoices and letterheads have them: `Invoice no: 4711`."""

import re
from collections.abc import Iterable
from itertools import groupby

from actors.extractors.assembly import LinePiece
from actors.extractors.document import KeyValue

_PAIR = re.compile(r"([^\W\d_][^:\uff1a]{0,48}?)\s?[:\uff1a]\s+(\S.*)")
_LABEL_WORDS, _VALUE_WORDS = 5, 10
_IN_A_ROW = 2
"""So many lines one after the other have a label each: one alone may be a sentence with a colon."""


def label_values(lines: Iterable[LinePiece], page: int) -> list[KeyValue]:
    """Of a page's lines in reading order."""
    pairs = [_pair(line, page) for line in lines]
    runs = [list(run) for _, run in groupby(pairs, key=lambda pair: pair is None)]
    return [pair for run in runs if len(run) >= _IN_A_ROW for pair in run if pair is not None]


def _pair(line: LinePiece, page: int) -> KeyValue | None:
    match = _PAIR.fullmatch(line.text.strip())
    if match is None:
        return None
    label, value = match.groups()
    if len(label.split()) > _LABEL_WORDS or len(value.split()) > _VALUE_WORDS:
        return None
    return KeyValue(label, value, page, round(line.confidence, 4))
