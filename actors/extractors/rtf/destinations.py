"""What groups of RTF are for: text, something else that is taken, or nothing that is read."""

import binascii
from dataclasses import dataclass, field

from actors.extractors.embedded_images import HEAD_BYTES
from actors.extractors.rtf.stream import Layer, Paragraph, Stream

SKIP = "skip"
_INFO_TIME = ("yr", "mo", "dy", "hr", "min")
_BLIPS = {
    "pngblip": "image/png",
    "jpegblip": "image/jpeg",
    "emfblip": "image/emf",
    "wmetafile": "image/wmf",
    "dibitmap": "image/bmp",
    "wbitmap": "image/bmp",
}
# What a group is for where its text is not of the document (destinations of the specification).
SKIPPED = frozenset(
    (
        *("colortbl", "filetbl", "nonshppict", "xe", "tc", "tcn", "rxe", "objdata", "objclass", "objname", "atnid"),
        *("atnauthor", "atndate", "atnref", "atntime", "atrfstart", "atrfend", "bkmkstart", "bkmkend", "fldinst"),
        *("listtable", "listoverridetable", "pntxta", "pntxtb", "template", "comment", "subject", "keywords"),
        *("category", "manager", "company", "operator", "doccomm", "hlinkbase", "ftnsep", "ftnsepc", "aftnsep"),
        *("aftnsepc", "upr", "themedata", "datastore", "private", "sp"),
    )
)
STREAMS: dict[str, Layer] = {
    **dict.fromkeys(("header", "headerl", "headerr", "headerf"), "header"),
    **dict.fromkeys(("footer", "footerl", "footerr", "footerf"), "footer"),
    "footnote": "footnote",
    "annotation": "comment",
}
TAKEN = frozenset({"fonttbl", "stylesheet", "title", "author", "creatim", "revtim", "listtext", "pntext", "pict"})
TRANSPARENT = frozenset({"shppict", "shpinst", "shptxt", "ud", "result", "info", "field", "fldrslt", "shp", "rtf"})
"""Groups whose text is the document's, also where a reader may skip them."""


@dataclass(slots=True)
class Picture:
    media_type: str = "application/octet-stream"
    numbers: dict[str, int] = field(default_factory=dict)
    digits: list[bytes] = field(default_factory=list)
    binary: bytes = b""

    def take(self, word: str, number: int) -> None:
        self.media_type = _BLIPS.get(word, self.media_type)
        self.numbers[word] = number

    def head(self) -> bytes:
        digits = b"".join(self.digits).translate(None, b" \t")[: 2 * HEAD_BYTES]
        try:
            return self.binary[:HEAD_BYTES] or binascii.unhexlify(digits[: len(digits) // 2 * 2])
        except binascii.Error:
            return b""


@dataclass(slots=True)
class Group:
    """The state that a group takes over from the one around it, and that ends with it."""

    stream: Stream
    encoding: str
    destination: str = ""
    """Empty for text, `SKIP` for what is not read, else one of `TAKEN`."""
    owns_stream: bool = False
    owns_destination: bool = False
    fallback_characters: int = 1
    is_hidden: bool = False
    paragraph: Paragraph = field(default_factory=Paragraph)


@dataclass(slots=True)
class Said:
    """What the file says about itself. Times are year, month, day, hour, minute."""

    texts: dict[str, str] = field(default_factory=dict)
    times: dict[str, dict[str, int]] = field(default_factory=dict)
    paper: dict[str, int] = field(default_factory=dict)

    def take(self, destination: str, word: str, number: int) -> None:
        if destination in {"creatim", "revtim"} and word in _INFO_TIME:
            self.times.setdefault(destination, {})[word] = number
        elif word in {"paperw", "paperh"}:
            self.paper.setdefault(word, number)
