"""RTF taken apart (Rich Text Format specification 1.9.1, "Conventions of an RTF reader")."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?"
    rb"|\\'(?P<byte>[0-9a-fA-F]{2})"
    rb"|\\(?P<symbol>.)"
    rb"|(?P<brace>[{}])"
    rb"|[\r\n\x00]+"
    rb"|(?P<text>[^\\{}\r\n\x00]+)"
    rb"|\\",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is a control word, a control symbol, or in `data` the bytes of a text or of a `bin`."""

    kind: Literal["open", "close", "word", "symbol", "text", "binary"]
    text: str = ""
    number: int | None = None
    data: bytes = b""


def tokens(data: bytes) -> Iterator[Token]:
    at = 0
    while (matched := _TOKEN.match(data, at)) is not None:
        at = matched.end()
        match matched.lastgroup:
            case "brace":
                yield Token("open" if matched["brace"] == b"{" else "close")
            case "word" | "number":
                word = matched["word"].decode("ascii")
                number = int(matched["number"]) if matched["number"] else None
                if word == "bin":
                    yield Token("binary", data=data[at : at + max(0, number or 0)])
                    at += max(0, number or 0)
                else:
                    yield Token("word", word, number)
            case "byte":
                yield Token("text", data=bytes.fromhex(matched["byte"].decode("ascii")))
            case "symbol":
                yield Token("symbol", matched["symbol"].decode("latin-1"))
            case "text":
                yield Token("text", data=matched["text"])
