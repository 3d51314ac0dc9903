"""Captions of figures and tables, told by how they begin."""

import re

_LABEL = (
    r"(?:fig(?:ure|ura|\.)?|table|tab(?:elle|leau|la|ela|\.)|abb(?:ildung|\.)|chart|schema|plate|"
    r"рис(?:унок|\.)|табл(?:ица|\.)|图|圖|図|表)"
)
_NUMBER = r"(?:(?:[a-z]\.?)?\d{1,3}(?:[.\u2013-]\d{1,3})*[a-z]?|[ivxlc]{1,6}|[a-z])"
_CAPTION = re.compile(rf"{_LABEL}\s?{_NUMBER}(?:\s*[:.|。\uff1a\u2013\u2014](?:\s|$)|\s*$)", re.IGNORECASE)
_CHARACTERS = 600


def is_caption(text: str) -> bool:
    """`Figure 3: …`, `Tab. 2. …`, also the label alone. A sentence on the figure (`Figure 3 shows …`) is none."""
    return len(text) <= _CHARACTERS and _CAPTION.match(text) is not None
