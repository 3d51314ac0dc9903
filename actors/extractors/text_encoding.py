"""Which encoding a text is in: what can be proved comes first, what must be judged comes last."""

import codecs
import re
from dataclasses import dataclass

import cchardet

from actors.extractors.document import ExtractionFailed
from actors.extractors.text_plausibility import plausibility

_SAMPLE_BYTES = 16 * 2**10
_BOMS = (
    # UTF-32's begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Seven-bit encodings, which would pass as UTF-8: what announces each (RFC 1468, 1557, 1843).
_SEVEN_BIT = (
    (re.compile(rb"\x1b\$[@B]|\x1b\([IJ]"), ("iso2022_jp", "iso2022_jp_ext")),
    (re.compile(rb"\x1b\$\)C"), ("iso2022_kr",)),
    (re.compile(rb"~\{[!-~]+?~\}"), ("hz",)),
)
_UNICODE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_MULTIBYTE = frozenset({"gb18030", "gb2312", "big5", "big5hkscs", "cp932", "shift_jis", "euc_jp", "cp949", "euc_kr"})
_LEGACY = (
    *("gb18030", "big5hkscs", "cp932", "euc_jp", "cp949"),
    *("cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866", "mac_cyrillic"),
    *("cp1252", "cp1250", "iso8859_2", "iso8859_15", "cp1254", "cp1257", "iso8859_4", "cp1258", "mac_roman", "cp850"),
    *("cp1253", "iso8859_7", "cp1255", "cp1256", "iso8859_6", "cp874"),
)
"""In order of preference among equals."""
_DETECTOR_BONUS = 0.4
"""What the detector's word is worth, in points of plausibility, where it had enough to count."""
_ENOUGH_BYTES = 512
"""Bytes beyond ASCII that its statistics of thousands of characters need; those of an alphabet need few."""
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
_MAX_CONTROLS = 0.1
_MAX_REPAIRS = 0.01


@dataclass(frozen=True, slots=True)
class DecodedText:
    """`replaced` counts the characters in whose place U+FFFD stands."""

    text: str
    encoding: str
    replaced: int = 0
    was_declared: bool = False
    """The text, or who sent it, says so."""


def decode_text(data: bytes) -> DecodedText:
    """Raises ExtractionFailed `corrupt-file` for what is no text in any encoding."""
    return _by_mark(data) or _by_escapes(data) or _by_zeros(data) or _by_validity(data) or _by_judgement(data)


def _by_mark(data: bytes) -> DecodedText | None:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            decoded = _decoded(data[len(mark) :], encoding)
            # The mark of UTF-32 is also UTF-16's before a NUL.
            if not (encoding.startswith("utf-32") and decoded.replaced):
                return decoded
    return None


def _by_escapes(data: bytes) -> DecodedText | None:
    if not data.isascii():
        return None
    for announced, encodings in _SEVEN_BIT:
        for encoding in encodings if announced.search(data) else ():
            decoded = _decoded(data, encoding)
            if not decoded.replaced and not decoded.text.isascii():
                return decoded
    return None


def _by_zeros(data: bytes) -> DecodedText | None:
    """ASCII characters in UTF-16 and UTF-32 have zeros beside them, which no other text has in number."""
    sample = data[:_SAMPLE_BYTES]
    if sample.count(0) * 20 < len(sample):
        return None
    found = [encoding for encoding in reversed(_UNICODE) if _is_text(sample, encoding)]
    best = max(found, key=lambda encoding: _ascii_share(sample, encoding) + _score(sample, encoding), default=None)
    return _decoded(data, best) if best else None


def _ascii_share(sample: bytes, encoding: str) -> float:
    text = _sampled(sample, encoding) or ""
    return 4.0 * sum(character < "\x7f" for character in text) / max(1, len(text))


def _is_text(sample: bytes, encoding: str) -> bool:
    width = 4 if "32" in encoding else 2
    text = _sampled(sample[: len(sample) // width * width], encoding)
    return text is not None and _controls(text) <= len(text) * _MAX_CONTROLS


def _by_validity(data: bytes) -> DecodedText | None:
    """UTF-8, also where it has been cut off or a few bytes are damaged: that other text is valid by chance is rare."""
    decoded = _decoded(data, "utf-8")
    if not decoded.replaced:
        return decoded
    beyond_ascii = len(decoded.text) - len(decoded.text.encode("ascii", errors="ignore")) - decoded.replaced
    return decoded if decoded.replaced <= beyond_ascii * _MAX_REPAIRS or _is_cut_off(data, beyond_ascii) else None


def _is_cut_off(data: bytes, beyond_ascii: int) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return beyond_ascii > 0


def _by_judgement(data: bytes) -> DecodedText:
    detected, confidence = _detected(data)
    sample = _telling_sample(data)
    encodings = dict.fromkeys([*([detected] if detected else []), *_LEGACY, *_UNICODE[: 2 * (len(data) % 2 == 0)]])
    scores = {encoding: _score(sample, encoding) for encoding in encodings}
    if detected:
        scores[detected] += _DETECTOR_BONUS * confidence * _counted(sample, detected)
    decoded = _decoded(data, max(scores, key=scores.__getitem__))
    if _controls(decoded.text) + decoded.replaced > len(decoded.text) * _MAX_CONTROLS:
        raise ExtractionFailed("corrupt-file", "parse", "The file is not text in any known encoding.")
    return decoded


def _detected(data: bytes) -> tuple[str | None, float]:
    found = cchardet.detect(data)
    try:
        return codecs.lookup(found["encoding"] or "").name.replace("-", "_"), found["confidence"] or 0.0
    except LookupError:
        return None, 0.0


def _counted(sample: bytes, encoding: str) -> float:
    if encoding not in _MULTIBYTE:
        return 1.0
    return min(1.0, len(_BEYOND_ASCII.findall(sample)) / _ENOUGH_BYTES)


def _telling_sample(data: bytes) -> bytes:
    """From the first line that has more than ASCII."""
    found = _BEYOND_ASCII.search(data)
    first = found.start() if found else 0
    start = data.rfind(b"\n", 0, first) + 1
    return data[max(start, first - 200) :][:_SAMPLE_BYTES]


def _score(sample: bytes, encoding: str) -> float:
    text = _sampled(sample, encoding)
    return -10.0 if text is None else plausibility(text, len(sample))


def _sampled(sample: bytes, encoding: str) -> str | None:
    """The sample may end within a character."""
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(sample)
    except UnicodeDecodeError:
        return None


def _decoded(data: bytes, encoding: str) -> DecodedText:
    # A file may hold U+FFFD itself; only what is new counts.
    try:
        return DecodedText(data.decode(encoding), _name(encoding))
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace")
        return DecodedText(text, _name(encoding), text.count("\ufffd"))


def _name(encoding: str) -> str:
    return encoding.replace("_", "-")


def _controls(text: str) -> int:
    return len(text) - len(_CONTROL.sub("", text))


_CHARSETS = re.compile(r"ascii|utf-8|iso8859|iso2022|cp\d|koi8|mac-|gb|big5|shift_jis|euc_|hz|tis-620|johab|kz1048")
# What is meant by a label, as browsers have it: the larger sets that writers called by a smaller one's name
# (encoding.spec.whatwg.org, 4.2).
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}


def decode_declared(data: bytes, label: str | None) -> DecodedText:
    """`data` in the encoding that it is said to be in, where it is valid in it; a byte order mark knows better.

    Raises ExtractionFailed `corrupt-file` for what is no text in any encoding.
    """
    encoding = _known_charset(label or "")
    if encoding is None or any(data.startswith(mark) for mark, _ in _BOMS):
        return decode_text(data)
    try:
        return DecodedText(data.decode(encoding), _name(encoding), was_declared=True)
    except UnicodeDecodeError:
        return decode_text(data)


def _known_charset(label: str) -> str | None:
    """Only character sets: Python calls compressions and worse encodings as well."""
    try:
        name = codecs.lookup(label.strip()).name
    except (LookupError, ValueError):
        return None
    return _MEANT.get(name, name) if _CHARSETS.match(name) else None
