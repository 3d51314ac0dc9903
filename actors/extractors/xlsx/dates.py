"""Dates and times as a spreadsheet's formats show them. A date is a count of days; names are English."""

import calendar
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.extractors.xlsx.format_tokens import Token

DateForm = Callable[[float, datetime], str]

_END = 2_958_466 - 1 / 86_400
"""The last second of the year 9999; rounding to a second must not leave the calendar."""
_MONTHS = tuple(calendar.month_name)[1:]
_DAYS = tuple(calendar.day_name)
# A spreadsheet knows no zones.
_FROM_1900, _FROM_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001
_LEAP_DAY_THAT_WAS_NOT = 60
"""Lotus took 1900 for a leap year; the first sixty days are counted from a day later to make up for it."""


def moment_of(serial: float, *, from_1904: bool) -> datetime | None:
    """None for what is no date in the calendar."""
    if not 0 <= serial < _END:
        return None
    base = _FROM_1904 if from_1904 else _FROM_1900
    if not from_1904 and serial < _LEAP_DAY_THAT_WAS_NOT:
        base += timedelta(days=1)
    try:
        return base + timedelta(milliseconds=round(serial * 86_400_000))
    except OverflowError:  # the last days of the calendar, counted from 1904
        return None


def date_form(tokens: Sequence[Token]) -> DateForm:
    """Takes a count of days and the moment that it stands for."""
    shows_fractions = any(token.text.startswith(".") for token in tokens if token.kind == "date")
    half_days = any(token.kind == "half" for token in tokens)
    parts = [(token, _is_minute(tokens, index)) for index, token in enumerate(tokens)]

    def form(serial: float, moment: datetime) -> str:
        if not shows_fractions and moment.microsecond:
            moment = (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
        shown = _ShownMoment(moment, serial, half_days)
        return "".join(shown.text(token, is_minute=is_minute) for token, is_minute in parts)

    return form


def _is_minute(tokens: Sequence[Token], index: int) -> bool:
    """`m` means minutes after hours and before seconds."""
    if tokens[index].text[:1] != "m" or len(tokens[index].text) > 2:  # noqa: PLR2004 - longer ones are names
        return False
    before = [token.text[0] for token in tokens[:index] if token.kind in {"date", "elapsed"}]
    after = [token.text[0] for token in tokens[index + 1 :] if token.kind in {"date", "elapsed"}]
    return before[-1:] == ["h"] or after[:1] == ["s"]


@dataclass(frozen=True, slots=True)
class _ShownMoment:
    moment: datetime
    serial: float
    half_days: bool

    def text(self, token: Token, *, is_minute: bool) -> str:
        match token.kind:
            case "date":
                return self._part(token.text, is_minute=is_minute)
            case "elapsed":
                seconds = round(self.serial * 86_400)
                return str(seconds // {"h": 3600, "m": 60, "s": 1}[token.text[0]]).zfill(len(token.text))
            case "half":
                half = "AM" if self.moment.hour < 12 else "PM"  # noqa: PLR2004
                return half if "M" in token.text.upper() else half[0]
            case _:
                return token.text

    def _part(self, text: str, *, is_minute: bool) -> str:
        moment, width = self.moment, len(text)
        match text[0]:
            case "y":
                return f"{moment.year % 100:02d}" if width <= 2 else f"{moment.year:04d}"  # noqa: PLR2004
            case "m" if is_minute:
                return f"{moment.minute:0{width}d}"
            case "m":
                return _named(_MONTHS, moment.month - 1, moment.month, width)
            case "d":
                return _named(_DAYS, moment.weekday(), moment.day, width)
            case ".":
                return "." + f"{moment.microsecond:06d}"[: width - 1]
            case letter:
                hour = (moment.hour - 1) % 12 + 1 if self.half_days else moment.hour
                return f"{hour if letter == 'h' else moment.second:0{width}d}"


def _named(names: Sequence[str], index: int, number: int, width: int) -> str:
    """`m` and `mm` are numbers, `mmm` the beginning of the name, `mmmm` the name, `mmmmm` its first letter."""
    match width:
        case 1 | 2:
            return f"{number:0{width}d}"
        case 3:
            return names[index][:3]
        case 5:
            return names[index][:1]
        case _:
            return names[index]
