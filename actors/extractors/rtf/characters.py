"""The characters of RTF: bytes of a code page, code points of Unicode, and words for single characters."""

import codecs

from actors.extractors.office.symbols import symbol

_ANSI = "cp1252"
_SYMBOL_CHARSET, _SYMBOL = 2, "symbol"
# `fcharset` of a font, as Windows numbers its character sets.
_CHARSETS = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "big5hkscs",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
CHARACTER_SETS = {"ansi": _ANSI, "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
_CODE_PAGES = {708: "iso8859_6", 936: "gb18030", 950: "big5hkscs", 10000: "mac_roman", 65001: "utf-8"}
WORDS = {
    "tab": "\t",
    "line": "\n",
    "emdash": "\u2014",
    "endash": "\u2013",
    "bullet": "\u2022",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "\u201c",
    "rdblquote": "\u201d",
    "enspace": "\u2002",
    "emspace": "\u2003",
    "qmspace": "\u2005",
    "nestcell": "\t",
    "nestrow": "\n",
}
SYMBOLS = {"~": "\u00a0", "_": "\u2011", "\\": "\\", "{": "{", "}": "}", "\t": "\t"}


def code_page(number: int) -> str:
    """Python's name of a Windows code page."""
    name = _CODE_PAGES.get(number, f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return _ANSI


def charset(number: int, default: str) -> str:
    """Of a font; followed by the font's name where each has characters of its own."""
    return _SYMBOL if number == _SYMBOL_CHARSET else _CHARSETS.get(number, default)


def with_font(encoding: str, name: str) -> str:
    return f"{_SYMBOL} {name}" if encoding == _SYMBOL else encoding


def decoded(data: bytes, encoding: str) -> str:
    if encoding.startswith(_SYMBOL):
        font = encoding.removeprefix(_SYMBOL).strip() or _SYMBOL
        return "".join(symbol(byte, font) for byte in data)
    return data.decode(encoding, "replace")


def code_point(number: int) -> str:
    """Of `u`, whose number is a signed one of 16 bits; half of a pair for what lies beyond."""
    return chr(number % 0x1_0000)


def paired(text: str) -> str:
    """The halves of pairs as one character each; what has no other half is replaced."""
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
