"""Numbers as lists show them: the number formats of WordprocessingML (ECMA-376, part 1, 17.18.59)."""

from collections.abc import Callable

_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_MAX_ROMAN = 32_767
_CHINESE_DIGITS = "〇一二三四五六七八九"
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"
_HEBREW = "אבגדהוזחטיכלמנסעפצקרשת"
_ARABIC = "أبتثجحخدذرزسشصضطظعغفقكلمنهوي"
_AIUEO = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
_IROHA = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセスン"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_KOREAN = "가나다라마바사아자차카타파하"
_JAMO = "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def formatted(number: int, number_format: str) -> str:
    """`number` in the format, in digits where the format is not known; empty for `none` and for bullets."""
    if number_format in {"none", "bullet"}:
        return ""
    form = _FORMATS.get(number_format)
    return form(number) if form is not None and number > 0 else str(number)


def _repeated_letter(letters: str) -> Callable[[int], str]:
    """From a to z, then aa, bb, cc."""

    def form(number: int) -> str:
        times, index = divmod(number - 1, len(letters))
        return letters[index] * min(times + 1, 100)

    return form


def _cycled(letters: str) -> Callable[[int], str]:
    return lambda number: letters[(number - 1) % len(letters)]


def _roman(number: int) -> str:
    if number > _MAX_ROMAN:
        return str(number)
    parts = []
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        parts.append(letters * times)
    return "".join(parts)


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in {11, 12, 13} else suffix}"


def _circled(number: int) -> str:
    return chr(0x2460 + number - 1) if number <= 20 else str(number)  # noqa: PLR2004 - ① to ⑳ stand in a row


def _full_width(number: int) -> str:
    return "".join(chr(0xFF10 + int(digit)) for digit in str(number))


def _chinese(number: int) -> str:
    """一, 十, 十一, 二十一, 一百〇五; digits one by one from a thousand on."""
    if number >= 1000:  # noqa: PLR2004
        return "".join(_CHINESE_DIGITS[int(digit)] for digit in str(number))
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    words = f"{_CHINESE_DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        words += ("" if tens == 1 and not hundreds else _CHINESE_DIGITS[tens]) + "十"
    elif hundreds and ones:
        words += _CHINESE_DIGITS[0]
    return words + (_CHINESE_DIGITS[ones] if ones else "")


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimalZero": lambda number: f"{number:02d}",
    "lowerLetter": _repeated_letter(_LETTERS),
    "upperLetter": _repeated_letter(_LETTERS.upper()),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "ordinal": _ordinal,
    "numberInDash": lambda number: f"- {number} -",
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "decimalEnclosedParen": lambda number: f"({number})",
    "decimalEnclosedFullstop": lambda number: f"{number}.",
    "decimalFullWidth": _full_width,
    "decimalFullWidth2": _full_width,
    **dict.fromkeys(
        (
            *("chineseCounting", "chineseCountingThousand", "taiwaneseCounting", "taiwaneseCountingThousand"),
            *(
                "japaneseCounting",
                "koreanCounting",
                "ideographDigital",
                "taiwaneseDigital",
                "japaneseDigitalTenThousand",
            ),
        ),
        _chinese,
    ),
    "ideographTraditional": _cycled(_STEMS),
    "ideographZodiac": _cycled(_BRANCHES),
    "aiueo": _cycled(_AIUEO),
    "aiueoFullWidth": _cycled(_AIUEO),
    "iroha": _cycled(_IROHA),
    "irohaFullWidth": _cycled(_IROHA),
    "ganada": _cycled(_KOREAN),
    "chosung": _cycled(_JAMO),
    "russianLower": _repeated_letter(_RUSSIAN),
    "russianUpper": _repeated_letter(_RUSSIAN.upper()),
    "hebrew1": _repeated_letter(_HEBREW),
    "hebrew2": _repeated_letter(_HEBREW),
    "arabicAlpha": _repeated_letter(_ARABIC),
}
