"""Number formats of spreadsheets taken apart (ECMA-376, part 1, 18.8.31)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_.|\*.'
    r"|\[(?P<bracket>[^\]]*)\]?"
    r"|(?P<general>General)|(?P<half>AM/PM|A/P)|(?P<exponent>E[+-])"
    r"|(?P<fraction>(?<=[sS])\.0+)|(?P<date>[yY]+|[mM]+|[dD]+|[hH]+|[sS]+)"
    r"|(?P<digit>[0#?])|(?P<mark>[.,%/@])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_MARKS = {".": "point", ",": "comma", "%": "percent", "/": "slash"}
_KINDS = {"fraction": "date", **{kind: kind for kind in ("date", "digit", "half", "exponent", "general")}}
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_CURRENCY = re.compile(r"\$([^-]*)(?:-.*)?")
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda value, bound: value < bound,
    ">": lambda value, bound: value > bound,
    "<=": lambda value, bound: value <= bound,
    ">=": lambda value, bound: value >= bound,
    "=": lambda value, bound: value == bound,
    "<>": lambda value, bound: value != bound,
}


@dataclass(frozen=True, slots=True)
class Token:
    """Kinds: literal, general, date, elapsed, half (of a day); digit, point, comma, percent, exponent, slash."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """One of the parts that semicolons divide a format into; `applies` where it says to which numbers."""

    tokens: tuple[Token, ...]
    applies: Callable[[float], bool] | None = None

    @property
    def is_date(self) -> bool:
        return any(token.kind in {"date", "elapsed"} for token in self.tokens)


def sections(code: str) -> list[Section]:
    return [_section(part) for part in _parts(code)]


def _parts(code: str) -> list[str]:
    """Between the semicolons that are neither quoted nor escaped."""
    parts = [""]
    for matched in _TOKEN.finditer(code):
        if matched[0] == ";":
            parts.append("")
        else:
            parts[-1] += matched[0]
    return parts


def _section(code: str) -> Section:
    tokens: list[Token] = []
    applies = None
    for matched in _TOKEN.finditer(code):
        bracket = matched["bracket"]
        condition = _CONDITION.fullmatch(bracket) if bracket else None
        if condition is not None:
            applies = _condition(condition[1], float(condition[2]))
        else:
            tokens.extend(_token(matched))
    return Section(tuple(tokens), applies)


def _condition(sign: str, bound: float) -> Callable[[float], bool]:
    return lambda value: _COMPARISONS[sign](value, bound)


def _token(matched: re.Match[str]) -> list[Token]:
    """None for what shows nothing: colours, the width of a character, a filling, the place of a text."""
    name = matched.lastgroup
    if name is None:
        return []
    text = matched[name]
    if name == "bracket":
        return _bracket(text)
    kind = _MARKS.get(text) if name == "mark" else _KINDS.get(name, "literal")
    return [] if kind is None else [Token(kind, text.lower() if kind == "date" else text)]


def _bracket(text: str) -> list[Token]:
    if _ELAPSED.fullmatch(text):
        return [Token("elapsed", text.lower())]
    currency = _CURRENCY.fullmatch(text)
    return [Token("literal", currency[1])] if currency is not None and currency[1] else []
