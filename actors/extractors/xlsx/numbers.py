"""Numbers as a spreadsheet's formats show them."""

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from actors.extractors.xlsx.format_tokens import Token

NumberForm = Callable[[float], str]

_MAX_PLACES = 60
"""Digits after the point."""
_WIDE = Context(prec=400)
"""The largest number has 309 digits before it."""
_WHOLE_UP_TO = 1e15
"""Spreadsheets know fifteen digits."""


def general_text(value: float) -> str:
    """As cells without a format show it; whole numbers with all their digits, as many of them are names of things."""
    if value == int(value) and abs(value) < _WHOLE_UP_TO:
        return str(int(value))
    return f"{value:.10g}".replace("e", "E")


def number_form(tokens: Sequence[Token]) -> NumberForm:
    """Takes numbers that are not negative; raises ArithmeticError for one that is beyond the format."""
    kinds = [token.kind for token in tokens]
    if "general" in kinds:
        return lambda value: "".join(general_text(value) if each.kind == "general" else each.text for each in tokens)
    if "slash" in kinds and "digit" in kinds[: kinds.index("slash")]:
        return lambda value: _fraction(tokens, value)
    if "digit" not in kinds:
        fixed = "".join(token.text for token in tokens if token.kind != "comma")
        return lambda _value: fixed
    factor = 100 ** kinds.count("percent")
    if "exponent" in kinds:
        at = kinds.index("exponent")
        return lambda value: _scientific(tokens, Decimal(repr(value)) * factor, at)
    pattern = _Pattern(tokens)
    return lambda value: pattern.text(Decimal(repr(value)) * factor)


class _Pattern:
    """A plain number: digits before the point and after it, whatever stands between them."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        point = next((index for index, token in enumerate(tokens) if token.kind == "point"), len(tokens))
        self._whole, self._rest = tokens[:point], tokens[point:]
        self.places = min(sum(token.kind == "digit" for token in self._rest), _MAX_PLACES)
        digits = [index for index, token in enumerate(tokens) if token.kind == "digit"]
        commas = [index for index, token in enumerate(self._whole) if token.kind == "comma"]
        whole_digits = [index for index in digits if index < point]
        last = whole_digits[-1] if whole_digits else -1
        self._grouped = any(whole_digits and whole_digits[0] < index < last for index in commas)
        self._thousands = sum(last < index for index in commas) + sum(
            token.kind == "comma" for token in tokens[max(digits) :] if point < len(tokens)
        )

    def text(self, value: Decimal) -> str:
        rounded = _rounded(value / 1000**self._thousands, self.places)
        whole, _, decimals = f"{rounded:f}".partition(".")
        return self._whole_text(whole.lstrip("0")) + self._rest_text(decimals)

    def _whole_text(self, digits: str) -> str:
        """From the right: each place takes a digit, the first all that are left."""
        left = sum(token.kind == "digit" for token in self._whole)
        shown: list[str] = [] if left else [digits]
        count = 0
        for token in reversed(self._whole):
            if token.kind != "digit":
                shown.extend([] if token.kind == "comma" else [token.text])
                continue
            left -= 1
            taken = digits if left == 0 else digits[-1:]
            digits = digits[: len(digits) - len(taken)]
            for digit in reversed(taken or _BLANK[token.text]):
                shown.append("," if self._grouped and count and count % 3 == 0 else "")
                shown.append(digit)
                count += 1
        return "".join(reversed(shown))

    def _rest_text(self, decimals: str) -> str:
        needed = len(decimals.rstrip("0"))
        shown, place = [], 0
        for token in self._rest:
            if token.kind == "digit":
                shown.append(decimals[place : place + 1] if place < needed else _BLANK[token.text])
                place += 1
            elif token.kind != "comma":
                shown.append(token.text)
        return "".join(shown)


_DIGITS = frozenset("0123456789")
_BLANK = {"0": "0", "?": " ", "#": ""}
"""What a place shows that has no digit."""


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _WIDE)


def _scientific(tokens: Sequence[Token], value: Decimal, at: int) -> str:
    mantissa, sign, power = tokens[:at], tokens[at].text[1], tokens[at + 1 :]
    places_before = max(1, sum(token.kind == "digit" for token in _before_point(mantissa)))
    exponent = value.adjusted() // places_before * places_before if value else 0
    pattern = _Pattern(mantissa)
    if _rounded(value.scaleb(-exponent), pattern.places) >= Decimal(10) ** places_before:
        exponent += places_before
    width = sum(token.kind == "digit" for token in power)
    written = f"{abs(exponent):0{max(1, min(width, _MAX_PLACES))}d}"
    signed = "-" if exponent < 0 else "+" if sign == "+" else ""
    behind = "".join(token.text for token in power if token.kind == "literal")
    return f"{pattern.text(value.scaleb(-exponent))}E{signed}{written}{behind}"


def _before_point(tokens: Sequence[Token]) -> Sequence[Token]:
    return tokens[: next((index for index, token in enumerate(tokens) if token.kind == "point"), len(tokens))]


def _fraction(tokens: Sequence[Token], value: float) -> str:
    """`# ??/??`: whole, numerator and denominator, with as many digits as the last has places."""
    at = next(index for index, token in enumerate(tokens) if token.kind == "slash")
    width = sum(token.kind == "digit" for token in tokens[at:])
    fixed = "".join(token.text for token in tokens[at + 1 :] if token.text in _DIGITS)
    denominator = int(fixed) if fixed.strip("0") else 10 ** max(1, min(width, 5)) - 1
    parts = round(value * denominator) if fixed.strip("0") else 0
    found = Fraction(value).limit_denominator(denominator)
    if not _has_whole(tokens[:at]):
        return f"{parts}/{denominator}" if parts else f"{found.numerator}/{found.denominator}"
    whole, rest = divmod(found, 1)
    if parts:
        whole, left = divmod(parts, denominator)
        return f"{whole or ''} {left}/{denominator}".strip() if left else str(whole)
    return f"{whole or ''} {rest.numerator}/{rest.denominator}".strip() if rest else str(whole)


def _has_whole(before: Sequence[Token]) -> bool:
    """Digits, something between, digits: the first are the whole's."""
    shape = "".join("d" if token.kind == "digit" else " " for token in before).strip()
    return " " in shape
