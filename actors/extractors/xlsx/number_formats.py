"""Which format a cell has, and what it makes of a number (ECMA-376, part 1, 18.8.30 and 18.8.31)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from actors.extractors.office.xml_tree import Element, child, children, whole_number
from actors.extractors.xlsx.dates import DateForm, date_form, moment_of
from actors.extractors.xlsx.format_tokens import sections
from actors.extractors.xlsx.numbers import NumberForm, general_text, number_form

_MAX_LENGTH = 255
"""Of a format in Excel."""
_GENERAL = "General"
# Formats 14 and 22 are a date in the way of whoever looks at it; here they are dates that everybody understands.
_BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)",
    41: "#,##0;(#,##0);-",
    42: "$#,##0;$(#,##0);-",
    43: "#,##0.00;(#,##0.00);-",
    44: "$#,##0.00;$(#,##0.00);-",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    **dict.fromkeys((27, 30, 36, 50, 57), "yyyy-mm-dd"),
}


class NumberFormats:
    def __init__(self, styles: Element | None, *, from_1904: bool) -> None:
        """`styles` is the styles part, if there is one."""
        self._from_1904 = from_1904
        own = {
            whole_number(each.get("numFmtId")): each.get("formatCode", _GENERAL)
            for each in children(child(styles, "x:numFmts"), "x:numFmt")
        }
        ids = (whole_number(each.get("numFmtId")) for each in children(child(styles, "x:cellXfs"), "x:xf"))
        self._codes = [own.get(number) or _BUILT_IN.get(number or 0, _GENERAL) for number in ids]

    def text(self, style: int, value: float) -> str:
        """What a cell of that style shows for the number."""
        code = self._codes[style] if 0 <= style < len(self._codes) else _GENERAL
        return formatted_number(code, value, from_1904=self._from_1904)


@lru_cache(maxsize=65_536)
def formatted_number(code: str, value: float, *, from_1904: bool = False) -> str:
    if code == _GENERAL or len(code) > _MAX_LENGTH:
        return general_text(value)
    part, is_own_sign = _chosen(_parts(code), value)
    if part.date is not None:
        moment = moment_of(value, from_1904=from_1904)
        return general_text(value) if moment is None else part.date(value, moment).strip()
    try:
        shown = part.number(abs(value))
    except ArithmeticError:
        return general_text(value)
    is_less = value < 0 and any(character in "123456789" for character in shown)
    return ("-" if is_less and not is_own_sign else "") + shown.strip()


@dataclass(frozen=True, slots=True)
class _Part:
    """What shows a number: as a date where `date` is set."""

    applies: Callable[[float], bool] | None
    number: NumberForm
    date: DateForm | None


@lru_cache(maxsize=1024)
def _parts(code: str) -> tuple[_Part, ...]:
    """Without the fourth, which is for text."""
    return tuple(
        _Part(each.applies, number_form(each.tokens), date_form(each.tokens) if each.is_date else None)
        for each in sections(code)[:3]
    )


def _chosen(parts: tuple[_Part, ...], value: float) -> tuple[_Part, bool]:
    """The part for the number, and whether that part itself shows that it is negative.

    Without conditions the first is for what is positive, the second for what is negative, the third for zero.
    """
    for part in parts:
        if part.applies is not None and part.applies(value):
            return part, False
    free = [part for part in parts if part.applies is None]
    if len(free) < len(parts):
        return (free[-1] if free else _NOTHING), False
    if value < 0 and len(free) > 1:
        return free[1], True
    return (free[2] if value == 0 and len(free) > 2 else free[0]), False  # noqa: PLR2004


_NOTHING = _Part(None, lambda _value: "", None)
