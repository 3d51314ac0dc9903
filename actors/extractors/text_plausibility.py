"""How much a text looks like one that a person wrote: what bytes look like in the wrong encoding, people do not write.

For texts too short for statistics. The weights order encodings; they are no probabilities.
"""

import itertools
import re
import unicodedata
from functools import lru_cache

_IMPOSSIBLE = -6.0
_ODD = -1.5
_COMMON_HAN = 1.6
_FREQUENT = 2.2

_FREQUENT_HAN = frozenset(
    "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天"
    "能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高"
    "這來國個說們為時過對裡後麼沒於還發當無開經頭動兩長樣現將與東實點話語書學會問題體業機電車見東京月火水木金土曜"
)
_FREQUENT_KANA = frozenset("のにはをたがでてとしれさるいなもあらかりっこすんうくきよまだ、。")
_FREQUENT_HANGUL = frozenset("이다는의가을에하고지은로기사를한도서있아나대어시리자해인그게일라정니으부수보들과와만")
_SCRIPT_FREQUENT = {
    "CYRILLIC": frozenset("оеаинтсрвлкмдпуяыьгзбчйхіїє"),
    "GREEK": frozenset("αοιετσνηυρπκμλςόάίέύ"),
    "HEBREW": frozenset("יוהלאתרבמשנם"),
    "ARABIC": frozenset("اليمنرتوبةعدسفهكقح"),
    "THAI": frozenset("านรกอเงมยลวดทตสะปบคหแจพชขใไโผ่้ีัิืุู็์ำ"),
}
_EAST_ASIAN = {
    "CJK": _COMMON_HAN,
    "HANGUL": 1.25,
    "HIRAGANA": 1.5,
    "KATAKANA": 1.7,
    "KATAKANA-HIRAGANA": 1.5,
    "HALFWIDTH": -0.2,
    "FULLWIDTH": 0.8,
    "IDEOGRAPHIC": 0.8,
}
_WESTERN = frozenset("éèàçüöäßñóíáêôîâùûúëïåøæãõœ")
_CENTRAL = frozenset("ąćęłńśźżčřšžýůěťďňőűăâîșțşţğıćđ")
_EASTERN = frozenset("āēīūģķļņėįųõầấậảạ")
_QUOTES = frozenset("“”‘’„–—…£€")  # noqa: RUF001 - the typographic ones are meant
_SIGNS = frozenset("•«»·°§©®™№½¿¡ªº\u00b4¨\u00a0")
_WORD = re.compile(r"[^\W\d_]+")
# A box within a word, a Thai vowel sign without a Thai letter before it.
_MISPLACED = re.compile(
    "[^\u0e00-\u0e7f][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]|[^\\W\\d_][\u2500-\u259f]|[\u2500-\u259f][^\\W\\d_]"
)


def plausibility(text: str, size: int) -> float:
    """Points for each byte beyond ASCII, about -6 to 2; `size` is how many bytes `text` was."""
    foreign = [character for character in text if character > "\x7f"]
    if not foreign:
        return 0.0
    weighed = sum(_weight(character) for character in foreign) - _controls(text) * 6.0 + _oddities(text)
    ascii_bytes = len(text) - len(foreign)
    return weighed / max(1, size - ascii_bytes)


@lru_cache(maxsize=65536)
def _weight(character: str) -> float:
    """Of one character, times the bytes that it commonly takes in the encodings that are judged."""
    if unicodedata.category(character) in {"Cc", "Cn", "Cs", "Co"} or character == "\ufffd":
        return _IMPOSSIBLE
    if character in _QUOTES:
        return 1.0
    if character in _SIGNS:
        return 0.3
    script = _script(character)
    if script in _EAST_ASIAN:
        return 2 * _east_asian(character, script)
    return _latin(character) if script == "LATIN" else _alphabetic(character, script)


def _east_asian(character: str, script: str) -> float:
    if character in _FREQUENT_KANA or character in _FREQUENT_HANGUL:
        return _FREQUENT
    if script == "CJK":
        return _han(character)
    if script == "HANGUL":
        return _EAST_ASIAN[script] if _in(character, "euc_kr") else _ODD
    return _EAST_ASIAN[script]


def _alphabetic(character: str, script: str) -> float:
    frequent = _SCRIPT_FREQUENT.get(script)
    if frequent is None:
        return _ODD
    if character in frequent:
        return 1.2
    return 0.5 if character.lower() in frequent or script != "CYRILLIC" else 0.1


def _han(character: str) -> float:
    if character in _FREQUENT_HAN:
        return _FREQUENT
    common = sum((_first_level_gb(character), _first_level_big5(character), _first_level_jis(character)))
    if common:
        return _COMMON_HAN if common > 1 else 0.7
    return -0.2 if character not in "、。「」『』" and (_in(character, "gb2312") or _in(character, "big5")) else _ODD


def _first_level_gb(character: str) -> bool:
    code = _bytes(character, "gb2312")
    return 0xB0A1 <= code <= 0xD7F9  # noqa: PLR2004 - the 3,755 characters of GB 2312 ordered by use


def _first_level_big5(character: str) -> bool:
    return 0xA440 <= _bytes(character, "big5") <= 0xC67E  # noqa: PLR2004 - the 5,401 of Big5


def _first_level_jis(character: str) -> bool:
    return 0xB0A1 <= _bytes(character, "euc_jp") <= 0xCFD3  # noqa: PLR2004 - the 2,965 of JIS X 0208


def _in(character: str, encoding: str) -> bool:
    return _bytes(character, encoding) != 0


def _bytes(character: str, encoding: str) -> int:
    return int.from_bytes(character.encode(encoding, errors="ignore"), "big")


def _latin(character: str) -> float:
    lower = character.lower()
    weight = 1.0 if lower in _WESTERN else 0.8 if lower in _CENTRAL else 0.7 if lower in _EASTERN else -0.5
    return weight if character == lower else weight - 0.3


def _controls(text: str) -> int:
    return sum(character < " " and character not in "\t\n\r\f\x1b" for character in text)


def _oddities(text: str) -> float:
    """Points lost for words that mix scripts or hold line drawing, or whose capitals stand behind small letters."""
    words = sum(_word_oddity(word) for word in _WORD.findall(text) if not word.isascii())
    return words - 2.0 * len(_MISPLACED.findall(text))


def _word_oddity(word: str) -> float:
    lost = 0.0
    for before, after in itertools.pairwise(word):
        if before.islower() and after.isupper():
            lost -= 1.0
        if _family(before) != _family(after):
            lost -= 1.0
    return lost


@lru_cache(maxsize=65536)
def _family(character: str) -> str:
    """Han and kana stand together in Japanese; Han and Hangul hardly ever do any more."""
    script = _script(character)
    return "CJK" if script in {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"} else script


def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ")[0]
